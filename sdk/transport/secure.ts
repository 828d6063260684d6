import type { Address } from '../core/types.ts'
import type { SessionSigner } from '../signing/signer.ts'
import { ByteQueue } from './byte-queue.ts'
import { LINGER, SecureConnection } from './connection.ts'
import { fromSystem, lost, TransportError } from './errors.ts'
import { type Exchange, greet, type Role, welcome } from './handshake.ts'
import type { Connection } from './transport.ts'
import { nothing, type Wire } from './wire.ts'

/** What every transport takes. */
export interface TransportOptions {
  /** The session key that this node proves to hold. */
  readonly signer: SessionSigner
  /** Milliseconds for connecting and for the handshake together; default 10,000. */
  readonly handshakeTimeout?: number
  /** Milliseconds between looks at whether the peer said anything; it counts as gone after three pings without an answer. Default 15,000. */
  readonly pingInterval?: number
  /** Connections of one listener that have not proved who they are yet; default 256. */
  readonly maxStrangers?: number
  /** The same for each host; default 32. Raise it behind a proxy. */
  readonly maxStrangersPerHost?: number
  /** Connections of one listener altogether; default 4,096. */
  readonly maxConnections?: number
  /** The same for each host, since anybody can introduce itself under any number of keys; default 256. Raise it behind a proxy. */
  readonly maxConnectionsPerHost?: number
  /** Told why a caller was turned away; for logs. */
  readonly onReject?: (error: TransportError) => void
}

export const HANDSHAKE_TIMEOUT = 10_000
const PING_INTERVAL = 15_000
export interface Securing {
  readonly role: Role
  readonly options: TransportOptions
  readonly expected?: Address | undefined
  readonly signal?: AbortSignal | undefined
}

/** Runs the handshake over a raw wire. Rejects with a {@link TransportError} (or the signal's reason) and leaves the wire destroyed. */
export async function secure(wire: Wire, { role, options, expected, signal }: Securing): Promise<Connection> {
  const received = new ByteQueue()
  const { exchange, fail } = exchangeOver(wire, received)
  const timeout = options.handshakeTimeout ?? HANDSHAKE_TIMEOUT
  const timer = setTimeout(() => fail(timedOut(wire.address, timeout)), timeout)
  const abort = () => fail(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    signal?.throwIfAborted()
    const session =
      role === 'dialer' ? await greet(exchange, options.signer, expected) : await welcome(exchange, options.signer)
    return new SecureConnection(wire, session, received, options.pingInterval ?? PING_INTERVAL)
  } catch (error) {
    turnAway(wire, error)
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/** Reads of exact sizes over a wire that brings bytes as it likes; `fail` ends a waiting read. */
function exchangeOver(wire: Wire, received: ByteQueue): { exchange: Exchange; fail: (error: unknown) => void } {
  let failure: unknown
  let wake = () => {}
  const fail = (error: unknown) => {
    failure ??= error
    wake()
  }
  wire.onData = (chunk) => {
    received.push(chunk)
    // Nobody may send ahead more than the handshake asks for.
    wire.pause()
    wake()
  }
  wire.onEnd = (error) => fail(error ? fromSystem(error, wire.address) : hungUp(wire.address))
  const exchange: Exchange = {
    address: wire.address,
    write: (bytes) => void wire.write([bytes]),
    async read(size) {
      for (;;) {
        const bytes = received.take(size)
        if (bytes) return bytes
        if (failure !== undefined) throw failure
        wire.resume()
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
  return { exchange, fail }
}

function turnAway(wire: Wire, error: unknown): void {
  wire.onData = nothing
  wire.onEnd = nothing
  // A peer of another version is told ours, and needs a moment to read it; everybody else is cut off.
  const isNewer = error instanceof TransportError && error.code === 'VERSION_MISMATCH'
  if (isNewer) {
    wire.resume()
    wire.end()
  }
  setTimeout(() => wire.destroy(), isNewer ? LINGER : 0).unref?.()
}

const timedOut = (address: string, timeout: number): TransportError =>
  new TransportError(
    'HANDSHAKE_TIMEOUT',
    address,
    `The peer at ${address} did not introduce itself within ${timeout} ms. Check that a Tallystick node listens there, then try again.`,
  )

const hungUp = (address: string): TransportError =>
  new TransportError(
    'HANDSHAKE_FAILED',
    address,
    `The peer at ${address} hung up during the handshake. Check that a Tallystick node listens there and that it accepts this one.`,
    lost(address),
  )
