import { badAddress, TransportError } from './errors.ts'
import { Reception } from './reception.ts'
import { secure, type TransportOptions } from './secure.ts'
import type { Transport } from './transport.ts'
import { HIGH_WATER, nothing, soon, type Wire } from './wire.ts'

/** A network within one process: the listeners that transports on it can dial, by name. */
export type MemoryNetwork = Map<string, (wire: MemoryWire) => void>

/**
 * Peers in the same process, addressed as `memory:name`; same handshake and encryption as over a socket.
 *
 * @example
 * ```ts
 * const network: MemoryNetwork = new Map()
 * await memoryTransport({ signer: bob, network }).listen('memory:bob', accept)
 * await memoryTransport({ signer: alice, network }).dial('memory:bob', { peer: bob.address })
 * ```
 */
export function memoryTransport(options: TransportOptions & { readonly network: MemoryNetwork }): Transport {
  const { network } = options
  return {
    schemes: ['memory:'],

    async dial(address, { peer, signal } = {}) {
      checkAddress(address)
      const listener = network.get(address)
      if (!listener)
        throw new TransportError(
          'CLOSED_PORT',
          address,
          `Nobody listens at ${address}. Start the peer, or check its name.`,
        )
      const [near, far] = wirePair(address)
      listener(far)
      return secure(near, { role: 'dialer', options, expected: peer, signal })
    },

    async listen(address, accept) {
      checkAddress(address)
      if (network.has(address))
        throw new TransportError('ADDRESS_IN_USE', address, `${address} is listened on already. Choose another name.`)
      const reception = new Reception(options, accept)
      network.set(address, (wire) => {
        const introduced = reception.enter(wire)
        if (introduced) void reception.receive(wire, introduced)
      })
      return {
        address,
        async close() {
          network.delete(address)
          reception.close()
        },
      }
    },
  }
}

function checkAddress(address: string): void {
  if (!/^memory:.+/.test(address)) throw badAddress(address, 'memory:name')
}

/** Two ends of one stream. Bytes arrive in a later turn of the event loop, as from a socket. */
export function wirePair(address: string): [MemoryWire, MemoryWire] {
  const near = new MemoryWire(address)
  const far = new MemoryWire(address)
  near.other = far
  far.other = near
  return [near, far]
}

/** One end of a stream within the process. */
export class MemoryWire implements Wire {
  readonly address: string
  readonly remoteAddress = 'memory'
  other: MemoryWire | undefined
  onData: (chunk: Uint8Array) => void = nothing
  onDrain: () => void = nothing
  onEnd: (error?: Error) => void = nothing
  #closed: () => void = nothing
  #arriving: Uint8Array[] = []
  #arrivingSize = 0
  #flowing = false
  #scheduled = false
  #ending = false
  #ended = false

  constructor(address: string) {
    this.address = address
  }

  once(_event: 'close', listener: () => void): void {
    this.#closed = listener
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const { other } = this
    if (!other) return true
    for (const chunk of chunks) other.#arrive(chunk)
    return other.#arrivingSize < HIGH_WATER
  }

  pause(): void {
    this.#flowing = false
  }

  resume(): void {
    this.#flowing = true
    this.#schedule()
  }

  end(): void {
    const { other } = this
    if (!other) return
    other.#ending = true
    other.#schedule()
  }

  destroy(): void {
    this.#arriving = []
    this.end()
    this.#ending = true
    this.#flowing = true
    this.#schedule()
  }

  #arrive(chunk: Uint8Array): void {
    if (this.#ended) return
    this.#arriving.push(chunk)
    this.#arrivingSize += chunk.length
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#ended) return
    this.#scheduled = true
    soon(() => {
      this.#scheduled = false
      this.#run()
    })
  }

  #run(): void {
    while (this.#flowing && this.#arriving.length > 0) {
      const chunk = this.#arriving.shift()!
      const wasFull = this.#arrivingSize >= HIGH_WATER
      this.#arrivingSize -= chunk.length
      this.onData(chunk)
      if (wasFull && this.#arrivingSize < HIGH_WATER) this.other?.onDrain()
    }
    if (!this.#ending || this.#ended || this.#arriving.length > 0) return
    this.#ended = true
    this.end()
    this.other = undefined
    this.#closed()
    this.onEnd()
  }
}
