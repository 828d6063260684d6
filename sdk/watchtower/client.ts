import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { toBytes } from '../core/bytes.ts'
import { ledgerName } from '../core/channel.ts'
import { InvalidOptionError } from '../core/errors.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Address, Domain, LedgerRef } from '../core/types.ts'
import { sessionSigner } from '../signing/session.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { Store } from '../storage/store.ts'
import type { Transport } from '../transport/transport.ts'
import type { Evidence } from './appointment.ts'
import { type Clock, machineClock } from './clock.ts'
import { TowerLink } from './link.ts'
import type { Kept } from './progress.ts'
import type { TowerClientEvent, TowerSpec, Wanted } from './spec.ts'

/** What keeps towers up to date. */
export interface TowerClientOptions {
  readonly domain: Domain
  /** The session key; towers never see it, nor its address. */
  readonly signer: SessionSigner
  /** Remembers what each tower holds; the node's own store. */
  readonly store: Store
  readonly towers: readonly TowerSpec[]
  /** How towers are reached: as the identity given, which differs from tower to tower. */
  readonly transports: (identity: SessionSigner) => readonly Transport[]
  readonly onEvent?: (event: TowerClientEvent) => void
  readonly clock?: Clock
  /** Milliseconds between turns: what changes meanwhile is sent once, the newest; default 1,000. */
  readonly tick?: number
  /** Milliseconds that a tower may be behind before that is told; default 60,000. */
  readonly patience?: number
}

/** A tower and how far behind it is. */
export interface TowerLag {
  readonly tower: Address
  readonly connected: boolean
  /** Ledgers whose newest states it has not confirmed. */
  readonly behind: number
}

/** Milliseconds that a stop waits for towers to confirm the newest: from then on they are needed. */
const FAREWELL = 5_000

/**
 * Keeps towers up to date with the newest states of each ledger. Give it everything once after a start: it sends what a tower has not
 * confirmed, and from then on what changes.
 *
 * @example
 * ```ts
 * const client = await TowerClient.start({ domain, signer, store, towers, transports: (signer) => [tcpTransport({ signer })] })
 * client.update({ channelId, asset, channel, generation, states }, worthOf(mine))
 * ```
 */
export class TowerClient {
  readonly #wanted = new Map<string, Wanted>()
  readonly #links: readonly TowerLink[]
  readonly #clock: Clock
  readonly #stopTicks: () => void

  private constructor(links: (wanted: ReadonlyMap<string, Wanted>) => TowerLink[], clock: Clock, tick: number) {
    this.#links = links(this.#wanted)
    this.#clock = clock
    this.#stopTicks = clock.every(tick, () => this.#tick())
  }

  /** Reads what the towers hold, and begins to dial them. */
  static async start(options: TowerClientOptions): Promise<TowerClient> {
    const { towers, tick = 1_000, patience = 60_000, clock = machineClock, onEvent: tell = () => {} } = options
    const { domain, store, signer, transports } = options
    const links = (wanted: ReadonlyMap<string, Wanted>) =>
      towers.map((spec) => {
        const tower = spec.tower.toLowerCase() as Address
        const identity = towerIdentity(signer, tower)
        const transport = transportFor(spec.address, transports(identity))
        return new TowerLink({ ...spec, tower, domain, identity, transport, store, clock, wanted, patience, tell })
      })
    const client = new TowerClient(links, clock, tick)
    try {
      for (const link of client.#links) await link.load()
    } catch (error) {
      client.#stopTicks()
      throw error
    }
    return client
  }

  /** The newest states of a ledger; `worth`: see `worthOf`. Without states it needs no tower any more. */
  update(evidence: Evidence, worth: number): void {
    const key = ledgerName(evidence)
    this.#wanted.set(key, { evidence, worth })
    for (const link of this.#links) link.touch(key)
  }

  lag(): TowerLag[] {
    return this.#links.map(({ tower, isConnected, behind }) => ({ tower, connected: isConnected, behind }))
  }

  /** What a tower holds of a ledger, and its receipt: the proof of a promise. */
  kept(tower: Address, ledger: LedgerRef): Kept | undefined {
    return this.#links.find((link) => link.tower === tower.toLowerCase())?.kept(ledger)
  }

  /** Sends what is still to be sent to towers that are connected, then hangs up. */
  async stop(): Promise<void> {
    this.#tick()
    const end = this.#clock.elapsed() + FAREWELL
    const isWaiting = () => this.#links.some(({ isConnected, behind }) => isConnected && behind > 0)
    while (isWaiting() && this.#clock.elapsed() < end) await new Promise((resolve) => setTimeout(resolve, 10))
    this.#stopTicks()
    for (const link of this.#links) link.stop()
  }

  #tick(): void {
    for (const link of this.#links) link.tick()
  }
}

/**
 * Who a client is to one tower: a key that follows from the session key and says nothing about it, so that a tower cannot find its
 * client on chain, nor compare it with another tower's. Nobody else ever has this digest signed.
 */
export function towerIdentity(signer: SessionSigner, tower: Address): SessionSigner {
  const digest = keccak256(concatBytes(utf8ToBytes('Tallystick tower identity'), toBytes(tower, 20)))
  return sessionSigner(keccak256(signer.sign(digest)))
}

function transportFor(address: string, transports: readonly Transport[]): Transport {
  const scheme = address.slice(0, address.indexOf(':') + 1)
  const found = transports.find(({ schemes }) => schemes.includes(scheme))
  if (found) return found
  throw new InvalidOptionError(
    'towers',
    `No transport serves the tower at ${JSON.stringify(address)}. Pass one for ${scheme || 'it'}, or correct the address.`,
  )
}
