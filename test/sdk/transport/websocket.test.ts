import { once } from 'node:events'
import { expect } from 'chai'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { TransportError } from '../../../sdk/transport/errors.ts'
import type { Connection } from '../../../sdk/transport/transport.ts'
import { webSocketTransport } from '../../../sdk/transport/websocket.ts'
import { Raw } from '../../conformance/raw.ts'
import { alice, bob, transportConformance } from '../../conformance/transport.ts'
import { dialTcp, freePort, listenTcp, rawOver } from './sockets.ts'

function rawWebSocket(socket: WebSocket): Raw {
  const raw = new Raw({
    write: (bytes) => socket.send(bytes),
    pause: () => socket.pause(),
    destroy: () => socket.terminate(),
  })
  socket.on('message', (data: RawData) => raw.arrived(data as Buffer))
  socket.on('error', () => {})
  socket.on('close', () => raw.ended())
  return raw
}

transportConformance('WebSocket', () => ({
  transport: webSocketTransport,
  address: 'ws://127.0.0.1:0',
  nobody: async () => `ws://127.0.0.1:${await freePort()}`,
  badAddresses: ['', '127.0.0.1:7000', 'http://127.0.0.1:1', 'tcp://127.0.0.1:1', 'ws://127.0.0.1:99999'],
  async dialRaw(address) {
    const socket = new WebSocket(address)
    const raw = rawWebSocket(socket)
    await once(socket, 'open')
    return raw
  },
  async listenRaw(accept) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket) => accept(rawWebSocket(socket)))
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    return {
      address: `ws://127.0.0.1:${port}`,
      async close() {
        for (const socket of server.clients) socket.terminate()
        server.close()
        await once(server, 'close')
      },
    }
  },
}))

describe('WebSocket transport', () => {
  const listen = (accept: (connection: Connection) => void = () => {}) =>
    webSocketTransport({ signer: bob, handshakeTimeout: 500 }).listen('ws://127.0.0.1:0', accept)

  /** Dials as a browser would: with the standard WebSocket, which Node has too, and nothing of Node's own in sight. */
  function dialAsBrowser(address: string): Promise<Connection> {
    const { process } = globalThis
    try {
      Reflect.set(globalThis, 'process', undefined)
      return webSocketTransport({ signer: alice }).dial(address, { peer: bob.address })
    } finally {
      Reflect.set(globalThis, 'process', process)
    }
  }

  it("speaks over a browser's own WebSocket, which can neither pause nor say when it has drained", async () => {
    const echoed: number[] = []
    const listener = await listen((connection) => {
      connection.onFrame = (frame) => {
        connection.send(frame)
      }
    })
    const connection = await dialAsBrowser(listener.address)
    const frames = 40
    const finished = new Promise<void>((resolve) => {
      connection.onFrame = (frame) => {
        echoed.push(frame[0]!)
        expect(frame.length).to.equal(200_000)
        if (echoed.length === 10) {
          connection.pause()
          setTimeout(() => connection.resume(), 50)
        }
        if (echoed.length === frames) resolve()
      }
    })
    let waits = 0
    for (let n = 0; n < frames; n++) {
      if (connection.send(new Uint8Array(200_000).fill(n))) continue
      waits++
      await connection.drained()
    }
    await finished
    expect(waits).to.be.above(0)
    expect(echoed).to.deep.equal(Array.from({ length: frames }, (_, n) => n))
    const closed = new Promise<unknown>((resolve) => {
      connection.onClose = resolve
    })
    connection.close()
    expect(await closed).to.equal(undefined)
    await listener.close()
  })

  it("says so when a browser's own WebSocket cannot connect", async () => {
    const error = await dialAsBrowser(`ws://127.0.0.1:${await freePort()}`).catch((reason) => reason)
    expect(error).to.be.instanceOf(TransportError)
    expect(error.code).to.equal('CONNECTION_LOST')
  })

  it('says that a web server or a bare socket is not a Tallystick node', async () => {
    for (const answer of ['HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 'SSH-2.0-OpenSSH_9.9\r\n']) {
      const server = await listenTcp((socket) => rawOver(socket).write(Buffer.from(answer)))
      const error = await webSocketTransport({ signer: alice })
        .dial(`ws://127.0.0.1:${server.port}`)
        .catch((reason) => reason)
      expect(error).to.be.instanceOf(TransportError)
      expect(error.code).to.equal('NOT_TALLYSTICK')
      await server.close()
    }
  })

  it('tells a web browser what listens here', async () => {
    const listener = await listen()
    const response = await fetch(listener.address.replace('ws:', 'http:'))
    expect(response.status).to.equal(426)
    expect(await response.text()).to.match(/Tallystick/)
    await listener.close()
  })

  it('S15 cuts off a stranger that never finishes its HTTP request', async () => {
    const listener = await listen()
    const raw = await dialTcp(Number(new URL(listener.address).port))
    raw.write(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n'))
    await raw.closed
    await listener.close()
  })

  it('S15 cuts off a stranger that sends text or a message above the limit', async () => {
    const listener = await listen()
    for (const message of ['{"__proto__":{}}', Buffer.alloc(1024 * 1024)]) {
      const socket = new WebSocket(listener.address)
      socket.on('error', () => {})
      await once(socket, 'open')
      socket.send(message)
      await once(socket, 'close')
    }
    await listener.close()
  })
})
