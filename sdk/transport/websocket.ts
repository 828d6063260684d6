import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { concatBytes } from '@noble/hashes/utils.js'
import { badAddress, builtin, fromSystem, TransportError } from './errors.ts'
import { Reception } from './reception.ts'
import { MAX_RECORD } from './records.ts'
import { HANDSHAKE_TIMEOUT, secure, type TransportOptions } from './secure.ts'
import { bind, hostPart } from './server.ts'
import type { Transport } from './transport.ts'
import { HIGH_WATER, nothing, type Wire } from './wire.ts'

/** One message carries at most this; its borders mean nothing. */
const MAX_MESSAGE = 2 * MAX_RECORD
/** Where nobody says that a socket has drained (browsers), it is asked this often, in milliseconds. */
const POLL = 5

/** What browsers' sockets and those of `ws` have in common, and what only the latter have. */
interface AnySocket {
  readonly bufferedAmount: number
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onerror: ((event: { readonly error?: unknown; readonly message?: string }) => void) | null
  onclose: (() => void) | null
  send(data: Uint8Array, sent?: () => void): void
  close(): void
  pause?(): void
  resume?(): void
  terminate?(): void
}

/**
 * Peers over WebSocket, addressed as `ws://host:port` (to dial also `wss://`): for browsers, and through proxies. Browsers dial with
 * their own `WebSocket`, Node with `ws`; only Node listens. TLS is not needed: the channel inside is encrypted already.
 *
 * @example
 * ```ts
 * const connection = await webSocketTransport({ signer }).dial('wss://hub.example/', { peer: hub })
 * ```
 */
export function webSocketTransport(options: TransportOptions): Transport {
  const timeout = options.handshakeTimeout ?? HANDSHAKE_TIMEOUT
  return {
    schemes: ['ws:', 'wss:'],

    async dial(address, { peer, signal } = {}) {
      parse(address, ['ws:', 'wss:'])
      signal?.throwIfAborted()
      const socket = await open(address, timeout)
      await opened(socket, address, timeout, signal)
      return secure(socketWire(socket, address), { role: 'dialer', options, expected: peer, signal })
    },

    async listen(address, accept) {
      const { hostname, port } = parse(address, ['ws:'])
      const server = httpServer(address, timeout)
      const { WebSocketServer } = await import('ws')
      const reception = new Reception(options, accept)
      const webSockets = new WebSocketServer({
        noServer: true,
        maxPayload: MAX_MESSAGE,
        perMessageDeflate: false,
        clientTracking: false,
        // The channel has pings of its own; answering these as well would let a stranger fill our buffers.
        autoPong: false,
      })
      const leases = new WeakMap<Socket, () => void>()
      server.on('connection', (socket: Socket) => {
        const leave = reception.enter(socket)
        if (leave) leases.set(socket, leave)
      })
      server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          const wire = socketWire(webSocket as AnySocket, `ws://${hostPart(socket.remoteAddress)}:${socket.remotePort}`)
          void reception.receive(wire, leases.get(socket) ?? nothing)
        })
      })
      const bound = await bind(server, hostname.replace(/^\[|\]$/g, ''), port === '' ? 80 : Number(port), address)
      return {
        address: `ws://${hostPart(bound.host)}:${bound.port}`,
        async close() {
          server.close()
          reception.close()
        },
      }
    },
  }
}

function parse(address: string, schemes: readonly string[]): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url || !schemes.includes(url.protocol)) throw badAddress(address, 'ws://host:port, e.g. ws://127.0.0.1:7001')
  return url
}

function httpServer(address: string, timeout: number): Server {
  const { createServer } = builtin<typeof import('node:http')>('node:http', address)
  const limits = { headersTimeout: timeout, requestTimeout: timeout, connectionsCheckingInterval: timeout / 2 }
  return createServer({ ...limits, noDelay: true }, (_request, response) => {
    response.writeHead(426, { Connection: 'close' }).end('A Tallystick node listens here, on WebSocket.\n')
  })
}

async function open(address: string, timeout: number): Promise<AnySocket> {
  if (!globalThis.process?.versions?.node) {
    const socket = new globalThis.WebSocket(address)
    socket.binaryType = 'arraybuffer'
    return socket as AnySocket
  }
  const { WebSocket } = await import('ws')
  return new WebSocket(address, {
    handshakeTimeout: timeout,
    maxPayload: MAX_MESSAGE,
    perMessageDeflate: false,
  }) as AnySocket
}

function opened(socket: AnySocket, address: string, timeout: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      outcome()
    }
    const giveUp = (reason: unknown) => {
      settle(() => reject(reason))
      socket.onerror = nothing
      socket.onopen = nothing
      socket.close()
    }
    const abort = () => giveUp(signal?.reason)
    const timer = setTimeout(() => giveUp(fromSystem(new Error(`no answer within ${timeout} ms`), address)), timeout)
    signal?.addEventListener('abort', abort, { once: true })
    socket.onopen = () => {
      // Before the next event can bring bytes that nobody waits for yet.
      socket.pause?.()
      settle(resolve)
    }
    socket.onerror = ({ error }) => giveUp(refusal(error, address))
  })
}

/** What answers but does not speak WebSocket is somebody else; browsers do not say more than that it failed. */
function refusal(error: unknown, address: string): TransportError {
  const { code, message } = (error ?? {}) as { code?: string; message?: string }
  if (code?.startsWith('HPE_') || message?.startsWith('Unexpected server response'))
    return new TransportError(
      'NOT_TALLYSTICK',
      address,
      `What answers at ${address} does not speak WebSocket. Check host, port and scheme.`,
      error,
    )
  return fromSystem(error ?? new Error('the browser could not connect'), address)
}

function socketWire(socket: AnySocket, address: string): Wire {
  let failure: Error | undefined
  let blocked = false
  // Browsers cannot pause: what arrives meanwhile is kept here.
  let held: Uint8Array[] | undefined = []

  function drain(): void {
    if (!blocked || socket.bufferedAmount >= HIGH_WATER / 2) return
    blocked = false
    wire.onDrain()
  }

  const wire: Wire = {
    address,
    write(chunks) {
      const bytes = concatBytes(...chunks)
      for (let at = 0; at < bytes.length; at += MAX_MESSAGE) socket.send(bytes.subarray(at, at + MAX_MESSAGE), drain)
      if (socket.bufferedAmount >= HIGH_WATER) {
        blocked = true
        if (!socket.terminate) pollUntil(() => !blocked, drain)
      }
      return !blocked
    },
    pause() {
      held ??= []
      socket.pause?.()
    },
    resume() {
      const arrived = held ?? []
      held = undefined
      for (let chunk = arrived.shift(); chunk; chunk = arrived.shift()) {
        wire.onData(chunk)
        // The receiver may have paused again.
        if (held) {
          held = arrived
          return
        }
      }
      socket.resume?.()
    },
    end: () => socket.close(),
    destroy: () => (socket.terminate ? socket.terminate() : socket.close()),
    onData: nothing,
    onDrain: nothing,
    onEnd: nothing,
  }
  socket.onmessage = ({ data }) => {
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data
    if (!(bytes instanceof Uint8Array)) wire.destroy()
    else if (held) held.push(bytes)
    else wire.onData(bytes)
  }
  socket.onerror = ({ error }) => {
    failure = error instanceof Error ? error : new Error('WebSocket failed')
  }
  socket.onclose = () => wire.onEnd(failure)
  socket.pause?.()
  return wire
}

function pollUntil(done: () => boolean, task: () => void): void {
  task()
  if (!done()) setTimeout(() => pollUntil(done, task), POLL)
}
