import type { Socket } from 'node:net'
import { badAddress, builtin, fromSystem, TransportError } from './errors.ts'
import { Reception } from './reception.ts'
import { HANDSHAKE_TIMEOUT, secure, type TransportOptions } from './secure.ts'
import { bind, hostPart } from './server.ts'
import type { Transport } from './transport.ts'
import { HIGH_WATER, nothing, type Wire } from './wire.ts'

const net = (address: string) => builtin<typeof import('node:net')>('node:net', address)

/**
 * Peers over TCP, addressed as `tcp://host:port`; port 0 listens on a free one.
 *
 * @example
 * ```ts
 * const transport = tcpTransport({ signer })
 * const listener = await transport.listen('tcp://0.0.0.0:7000', (connection) => greet(connection))
 * const connection = await transport.dial('tcp://hub.example:7000', { peer: hub })
 * ```
 */
export function tcpTransport(options: TransportOptions): Transport {
  return {
    schemes: ['tcp:'],

    async dial(address, { peer, signal } = {}) {
      const { host, port } = parse(address)
      if (port === 0) throw badAddress(address, FORM)
      signal?.throwIfAborted()
      const socket = net(address).connect({ host, port, noDelay: true, keepAlive: true })
      await connected(socket, address, options.handshakeTimeout ?? HANDSHAKE_TIMEOUT, signal)
      return secure(socketWire(socket, address), { role: 'dialer', options, expected: peer, signal })
    },

    async listen(address, accept) {
      const { host, port } = parse(address)
      const reception = new Reception(options, accept)
      const server = net(address).createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, (socket) => {
        const introduced = reception.enter(socket)
        if (!introduced) return
        const from = `tcp://${hostPart(socket.remoteAddress)}:${socket.remotePort}`
        void reception.receive(socketWire(socket, from), introduced)
      })
      const bound = await bind(server, host, port, address)
      return {
        address: `tcp://${hostPart(bound.host)}:${bound.port}`,
        async close() {
          // Not awaited: that would wait for the accepted connections, which live on.
          server.close()
          reception.close()
        },
      }
    },
  }
}

const FORM = 'tcp://host:port, e.g. tcp://127.0.0.1:7000'

function parse(address: string): { host: string; port: number } {
  if (!URL.canParse(address)) throw badAddress(address, FORM)
  const { protocol, hostname, port, pathname, search, username } = new URL(address)
  const plain = (pathname === '' || pathname === '/') && search === '' && username === ''
  if (protocol !== 'tcp:' || hostname === '' || port === '' || !plain) throw badAddress(address, FORM)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function connected(socket: Socket, address: string, timeout: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      socket.off('error', fail).off('connect', succeed)
      outcome()
    }
    const giveUp = (reason: unknown) => {
      socket.on('error', nothing).destroy()
      settle(() => reject(reason))
    }
    const abort = () => giveUp(signal?.reason)
    const fail = (error: Error) => giveUp(fromSystem(error, address))
    const succeed = () => settle(resolve)
    const timer = setTimeout(() => giveUp(unreachable(address, timeout)), timeout)
    signal?.addEventListener('abort', abort, { once: true })
    socket.on('error', fail).on('connect', succeed)
  })
}

const unreachable = (address: string, timeout: number): TransportError =>
  new TransportError(
    'UNKNOWN_HOST',
    address,
    `${address} did not answer within ${timeout} ms. Check host, port and firewalls.`,
  )

function socketWire(socket: Socket, address: string): Wire {
  let failure: Error | undefined
  const wire: Wire = {
    address,
    write(chunks) {
      if (chunks.length > 1) socket.cork()
      for (const chunk of chunks) socket.write(chunk)
      if (chunks.length > 1) socket.uncork()
      return socket.writableLength < HIGH_WATER
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    onData: nothing,
    onDrain: nothing,
    onEnd: nothing,
  }
  socket.pause()
  socket
    .on('data', (chunk: Buffer) => wire.onData(chunk))
    .on('drain', () => wire.onDrain())
    .on('error', (error) => {
      failure = error
    })
    .on('close', () => wire.onEnd(failure))
    .pause()
  return wire
}
