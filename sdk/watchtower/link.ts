import { concatBytes } from '@noble/hashes/utils.js'
import { toHex } from '../core/bytes.ts'
import { ledgerName } from '../core/channel.ts'
import { keccak256 } from '../core/keccak.ts'
import { ZERO_HASH } from '../core/state.ts'
import type { Address, Domain, Hex, LedgerRef } from '../core/types.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { Store, Write } from '../storage/store.ts'
import type { Connection, Transport } from '../transport/transport.ts'
import {
  type Appointment,
  appointmentOf,
  clearLocator,
  type Evidence,
  InvalidAppointmentError,
  isAtLeast,
  openAppointment,
  sealOf,
} from './appointment.ts'
import type { Clock } from './clock.ts'
import {
  type Offer,
  type Refusal,
  type RefusalCode,
  TOWER_PROTOCOL_VERSION,
  type TowerMessage,
  TowerProtocolError,
} from './messages.ts'
import { Paying } from './paying.ts'
import { type Kept, progressWrite, readProgress } from './progress.ts'
import { contentOf, orderDigest, verifyReceipt } from './receipt.ts'
import type { TowerClientEvent, TowerSpec, Wanted } from './spec.ts'
import { decodeTowerMessage, encodeTowerMessage, MAX_APPOINTMENTS } from './wire.ts'

export interface LinkOptions extends TowerSpec {
  readonly domain: Domain
  /** Who this client is to this tower. */
  readonly identity: SessionSigner
  readonly transport: Transport
  readonly store: Store
  readonly clock: Clock
  /** The newest of every ledger, by `ledgerName`. */
  readonly wanted: ReadonlyMap<string, Wanted>
  /** Milliseconds that a tower may be behind before that is told. */
  readonly patience: number
  readonly tell: (event: TowerClientEvent) => void
}

interface Flight {
  readonly key: string
  readonly digest: Hex
  /** Undefined: forgetting. */
  readonly appointment: Appointment | undefined
  readonly sequence: bigint
}

const RETRY_FIRST = 500
const RETRY_LAST = 60_000
/** Milliseconds that an answer may take. */
const ANSWER = 30_000
/** Milliseconds until what was refused is sent again. */
const REFUSED: Readonly<Record<RefusalCode, number>> = {
  UNPAID: 60_000,
  FULL: 600_000,
  SLOW_DOWN: 10_000,
  STALE: 0,
  INVALID: 600_000,
  NOT_HELD: 0,
  UNAVAILABLE: 30_000,
}
/** Milliseconds until a ledger of which the tower holds newer states is compared again. */
const AHEAD = 60_000
/** Milliseconds between looks for receipts that end soon. */
const RENEW_EVERY = 600_000

/** One tower, kept up to date with the newest of each ledger: one frame in the air at a time, whatever happened meanwhile. */
export class TowerLink {
  readonly #options: LinkOptions
  readonly #kept = new Map<string, Kept>()
  readonly #dirty = new Set<string>()
  readonly #flying = new Map<Hex, Flight>()
  /** Sequences that the tower holds and this store does not know. */
  readonly #taken = new Map<string, bigint>()
  readonly #notBefore = new Map<string, number>()
  readonly #ending = new AbortController()
  readonly #paying: Paying
  #connection: Connection | undefined
  #offer: Offer | undefined
  #isDialling = false
  #attempts = 0
  #retryAt = 0
  #sentAt = 0
  #renewedAt = 0
  #behindSince: number | undefined
  #isLagging = false
  /** Ledgers of which it holds something newer than this store. */
  readonly #ahead = new Set<string>()

  constructor(options: LinkOptions) {
    this.#options = options
    this.#paying = new Paying(options, () => this.#retry())
  }

  get tower(): Address {
    return this.#options.tower
  }

  /** Ledgers whose newest states it has not confirmed. */
  get behind(): number {
    return this.#dirty.size
  }

  get isConnected(): boolean {
    return this.#offer !== undefined
  }

  /** What it is known to hold of a ledger. */
  kept(ledger: LedgerRef): Kept | undefined {
    return this.#kept.get(ledgerName(ledger))
  }

  async load(): Promise<void> {
    const { store, tower, identity } = this.#options
    for await (const { channelId, asset, kept } of readProgress(store, tower, identity.address))
      this.#kept.set(ledgerName({ channelId, asset }), kept)
  }

  /** The newest of a ledger changed. */
  touch(key: string): void {
    const wanted = this.#options.wanted.get(key)!
    const kept = this.#kept.get(key)
    const isCurrent = hasStates(wanted) ? kept?.digest === this.#digest(wanted) : !kept
    if (isCurrent) this.#dirty.delete(key)
    else this.#dirty.add(key)
  }

  /** A moment has passed: dial, send, renew, say whether it lags. */
  tick(): void {
    const { clock } = this.#options
    const now = clock.elapsed()
    if (!this.#connection && !this.#isDialling && now >= this.#retryAt) void this.#dial()
    if (this.#flying.size > 0 && now > this.#sentAt + ANSWER)
      this.#drop(new TowerProtocolError('TOWER_PROTOCOL', 'The tower does not answer. It is dialled again later.'))
    if (now >= this.#renewedAt + RENEW_EVERY) this.#renew()
    this.#flush()
    this.#judge()
  }

  stop(): void {
    this.#ending.abort()
    this.#connection?.close()
    this.#connection = undefined
    this.#offer = undefined
  }

  /** Receipts are renewed at half of their term. */
  #renew(): void {
    this.#renewedAt = this.#options.clock.elapsed()
    const now = BigInt(Math.floor(this.#options.clock.now() / 1_000))
    for (const [key, { receipt }] of this.#kept)
      if (this.#options.wanted.has(key) && now > receipt.from + (receipt.until - receipt.from) / 2n)
        this.#dirty.add(key)
  }

  #judge(): void {
    const { clock, patience, tell, tower } = this.#options
    if (this.#dirty.size === 0) {
      this.#behindSince = undefined
      if (this.#isLagging) tell({ kind: 'current', tower })
      this.#isLagging = false
      return
    }
    this.#behindSince ??= clock.elapsed()
    if (this.#isLagging || clock.elapsed() < this.#behindSince + patience) return
    this.#isLagging = true
    tell({ kind: 'lagging', tower, ledgers: this.#dirty.size })
  }

  async #dial(): Promise<void> {
    const { transport, address, tower, domain, tell } = this.#options
    this.#isDialling = true
    try {
      const connection = await transport.dial(address, { peer: tower, signal: this.#ending.signal })
      if (this.#ending.signal.aborted) {
        connection.close()
        return
      }
      this.#connection = connection
      connection.onFrame = (frame) => {
        if (this.#connection === connection) this.#hear(connection, frame)
      }
      connection.onClose = (reason) => {
        if (this.#connection === connection) this.#lost(reason)
      }
      connection.send(encodeTowerMessage({ kind: 'greet', protocol: TOWER_PROTOCOL_VERSION, domain }))
    } catch (error) {
      if (this.#attempts === 0 && !this.#ending.signal.aborted)
        tell({ kind: 'disconnected', tower, reason: error as Error })
      this.#pause()
    } finally {
      this.#isDialling = false
    }
  }

  #drop(reason: Error): void {
    this.#connection?.close()
    this.#lost(reason)
  }

  #lost(reason: Error | undefined): void {
    this.#connection = undefined
    this.#offer = undefined
    this.#flying.clear()
    this.#paying.lost()
    this.#pause()
    this.#options.tell({ kind: 'disconnected', tower: this.tower, reason })
  }

  #pause(): void {
    this.#retryAt = this.#options.clock.elapsed() + Math.min(RETRY_LAST, RETRY_FIRST * 2 ** this.#attempts++)
  }

  #hear(connection: Connection, frame: Uint8Array): void {
    // What it says is taken in one after the other: a receipt is written before the next is read.
    connection.pause()
    this.#take(frame).then(
      () => connection.resume(),
      (error) => {
        if (this.#connection === connection) this.#drop(error)
      },
    )
  }

  async #take(frame: Uint8Array): Promise<void> {
    const message = decodeTowerMessage(frame)
    switch (message.kind) {
      case 'greet':
        return this.#greeted(message.domain)
      case 'offer':
        return this.#offered(message.offer)
      case 'receipts':
        return this.#confirmed(message.receipts)
      case 'forget':
        return this.#forgotten(message.locator, message.sequence)
      case 'refused':
        return this.#refused(message)
      case 'recalled':
        return this.#recalled(message.appointment)
      case 'quoted':
        return this.#paying.quoted(message.quote, this.#offer)
      default:
        throw new TowerProtocolError('TOWER_PROTOCOL', `A tower has no "${message.kind}" to say. Update it.`)
    }
  }

  #greeted({ chainId, adjudicator }: Domain): void {
    const { domain } = this.#options
    if (chainId !== domain.chainId || adjudicator !== domain.adjudicator)
      throw new TowerProtocolError(
        'TOWER_OF_ANOTHER_CHAIN',
        `The tower watches adjudicator ${adjudicator} on chain ${chainId}. Use one that watches ${domain.adjudicator} on chain ${domain.chainId}.`,
      )
  }

  #offered(offer: Offer): void {
    const { tell, tower, privacy } = this.#options
    this.#offer = offer
    this.#attempts = 0
    tell({ kind: 'connected', tower, offer })
    if (!offer.traces && privacy !== 'clear') tell({ kind: 'untraced', tower })
    if (offer.paid) this.#flush()
    else this.#askPrice()
  }

  /** Sends the newest of what it lacks, as much as one frame takes. */
  #flush(): void {
    const { clock, wanted } = this.#options
    if (!this.#offer || !this.#connection || this.#flying.size > 0) return
    const orders: TowerMessage[] = []
    const appointments = []
    for (const key of this.#dirty) {
      if (this.#flying.size === MAX_APPOINTMENTS) break
      if (clock.elapsed() < (this.#notBefore.get(key) ?? 0)) continue
      const one = wanted.get(key)!
      if (hasStates(one)) appointments.push(this.#appoint(key, one))
      else orders.push(this.#forget(key))
    }
    if (appointments.length > 0) orders.push({ kind: 'appoint', appointments })
    if (orders.length > 0) this.#sentAt = clock.elapsed()
    for (const order of orders) this.#connection.send(encodeTowerMessage(order))
  }

  #appoint(key: string, wanted: Wanted) {
    const { domain, privacy } = this.#options
    const digest = this.#digest(wanted)
    const kept = this.#kept.get(key)
    // The same again is the same appointment, so that a lost receipt is given again and an old one renewed.
    const isSame = kept?.digest === digest && !this.#taken.has(key)
    const sequence = isSame ? kept.appointment.sequence : this.#held(key) + 1n
    const sealed = privacy !== 'clear'
    const appointment = appointmentOf(domain, wanted.evidence, { sequence, worth: wanted.worth, sealed })
    this.#flying.set(appointment.locator, { key, digest, appointment, sequence })
    return { ...appointment, signature: this.#sign(appointment.locator, sequence, contentOf(appointment)) }
  }

  #forget(key: string): TowerMessage {
    const { domain, wanted, privacy } = this.#options
    const { evidence } = wanted.get(key)!
    const { channel, asset } = evidence
    const locator = privacy === 'clear' ? clearLocator(evidence) : sealOf(domain, channel, asset).locator
    const sequence = this.#held(key) + 1n
    this.#flying.set(locator, { key, digest: ZERO_HASH, appointment: undefined, sequence })
    return { kind: 'forget', locator, sequence, signature: this.#sign(locator, sequence, ZERO_HASH) }
  }

  #sign(locator: Hex, sequence: bigint, content: Hex): Uint8Array {
    const { identity, domain, tower } = this.#options
    return identity.sign(orderDigest(domain, tower, { locator, sequence, content }))
  }

  #held(key: string): bigint {
    const kept = this.#kept.get(key)?.appointment.sequence ?? 0n
    const taken = this.#taken.get(key) ?? 0n
    return kept > taken ? kept : taken
  }

  async #confirmed(receipts: Extract<TowerMessage, { kind: 'receipts' }>['receipts']): Promise<void> {
    const { domain, tower, identity, store } = this.#options
    const writes: Write[] = []
    for (const said of receipts) {
      const flight = this.#flying.get(said.locator)
      const receipt = { ...said, client: identity.address }
      const { appointment, digest, key } = flight ?? {}
      const isMine = appointment?.sequence === said.sequence && contentOf(appointment) === said.content
      if (!appointment || !digest || !key || !isMine || !verifyReceipt(domain, tower, receipt))
        throw new TowerProtocolError(
          'TOWER_PROTOCOL',
          'The tower gave a receipt that is worth nothing. Use another tower.',
        )
      const kept = { digest, appointment, receipt }
      this.#kept.set(key, kept)
      writes.push(progressWrite(tower, this.#options.wanted.get(key)!.evidence, kept))
      this.#landed(said.locator, key)
    }
    if (writes.length > 0) await store.commit(writes)
    this.#flush()
    this.#judge()
  }

  async #forgotten(locator: Hex, sequence: bigint): Promise<void> {
    const { tower, store, wanted } = this.#options
    const flight = this.#flying.get(locator)
    if (!flight || flight.appointment || flight.sequence !== sequence) return
    this.#kept.delete(flight.key)
    this.#landed(locator, flight.key)
    await store.commit([progressWrite(tower, wanted.get(flight.key)!.evidence, undefined)])
    this.#flush()
  }

  #landed(locator: Hex, key: string): void {
    this.#flying.delete(locator)
    this.#taken.delete(key)
    this.#notBefore.delete(key)
    this.#ahead.delete(key)
    this.touch(key)
  }

  async #refused({ locator, code, held, reason }: Refusal): Promise<void> {
    const { tell, tower, clock } = this.#options
    const flight = this.#flying.get(locator)
    if (!flight) {
      // A quote was asked for.
      this.#paying.refused()
      return
    }
    const { key } = flight
    if (code === 'STALE') {
      // This store forgot what it appointed: what stands there is looked at before anything is put in its place.
      this.#taken.set(key, held)
      this.#connection?.send(encodeTowerMessage({ kind: 'recall', locator }))
      return
    }
    this.#flying.delete(locator)
    if (code === 'NOT_HELD') {
      // Nothing to forget, or nothing left to look at: what stood there was forgotten itself.
      if (!flight.appointment) this.#kept.delete(key)
      this.touch(key)
      this.#flush()
      return
    }
    this.#notBefore.set(key, clock.elapsed() + REFUSED[code])
    tell({ kind: 'refused', tower, code, reason })
    if (code === 'UNPAID') this.#askPrice()
  }

  #recalled(theirs: Appointment): void {
    const { domain, wanted, tell, tower, clock } = this.#options
    const flight = this.#flying.get(theirs.locator)
    if (!flight) return
    this.#flying.delete(theirs.locator)
    const { key } = flight
    const { evidence } = wanted.get(key)!
    if (isOlder(domain, theirs, evidence)) {
      this.#taken.set(key, theirs.sequence)
      this.#flush()
      return
    }
    // Not overwritten, ever: it is looked at again when this side may have caught up.
    this.#taken.delete(key)
    this.#notBefore.set(key, clock.elapsed() + AHEAD)
    if (!this.#ahead.has(key)) tell({ kind: 'ahead', tower, channelId: evidence.channelId, asset: evidence.asset })
    this.#ahead.add(key)
  }

  #askPrice(): void {
    const connection = this.#connection
    if (connection) this.#paying.ask((message) => connection.send(encodeTowerMessage(message)))
  }

  #retry(): void {
    this.#notBefore.clear()
    this.#flush()
  }

  #digest({ evidence, worth }: Wanted): Hex {
    const { domain, privacy } = this.#options
    const { body } = appointmentOf(domain, evidence, { sequence: 0n, worth, sealed: false })
    return toHex(keccak256(concatBytes(body, Uint8Array.of(worth, privacy === 'clear' ? 0 : 1))))
  }
}

const hasStates = ({ evidence }: Wanted): boolean => evidence.states.length > 0

/** Whether `mine` may stand in the place of what a tower shows; what nobody can read is no loss. */
function isOlder(domain: Domain, theirs: Appointment, mine: Evidence): boolean {
  try {
    return isAtLeast(mine, openAppointment(domain, theirs, mine))
  } catch (error) {
    if (error instanceof InvalidAppointmentError) return true
    throw error
  }
}
