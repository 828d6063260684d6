import { Reader, Writer } from '../core/codec.ts'
import type { Address, Hex } from '../core/types.ts'
import type { Store, Write } from '../storage/store.ts'
import { type Appointment, GROUP_BODY_SIZE } from './appointment.ts'
import type { RefusalCode } from './messages.ts'
import { contentOf, type Order } from './receipt.ts'

// What a tower remembers for its clients, and nothing else of them:
//
//   tower/appointment/<locator>/<client>      sequence, worth, term, the client's order, and the body

const PREFIX = 'tower/appointment/'
const NO_CONTENT: Hex = `0x${'00'.repeat(32)}`

/** An appointment as it is kept; without a body: forgotten, and kept until nobody can claim the opposite any more. */
export interface Held {
  readonly client: Address
  readonly appointment: Appointment
  /** The client's, over its order. */
  readonly signature: Uint8Array
  /** Chain seconds. */
  readonly from: bigint
  readonly until: bigint
}

/** How much a tower keeps. */
export interface RegisterLimits {
  /** Ledgers of one client. */
  readonly perClient: number
  /** Ledgers of all clients. */
  readonly total: number
}

/** Why an appointment was not taken; `held` is the sequence that stays. */
export interface Rejection {
  readonly code: RefusalCode
  readonly held: bigint
}

export const isForgotten = ({ appointment }: Held): boolean => appointment.body.length === 0

/** The order that an appointment is; `watch no more` without a body. */
export const orderOf = ({ appointment, signature }: Pick<Held, 'appointment' | 'signature'>): Order => ({
  locator: appointment.locator,
  sequence: appointment.sequence,
  content: appointment.body.length === 0 ? NO_CONTENT : contentOf(appointment),
  signature,
})

/** The appointments of all clients: one per client and locator, the newest. */
export class Register {
  readonly #store: Store
  readonly #limits: RegisterLimits
  readonly #counts = new Map<Address, number>()
  #total = 0
  #sealed = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(store: Store, limits: RegisterLimits) {
    this.#store = store
    this.#limits = limits
  }

  /** Appointments held, and clients that have any. */
  get size(): { readonly appointments: number; readonly clients: number } {
    return { appointments: this.#total, clients: this.#counts.size }
  }

  /** Whether any appointment is sealed, so that the channels of strangers matter. */
  get hasSealed(): boolean {
    return this.#sealed > 0
  }

  async load(): Promise<void> {
    for await (const held of this.all()) this.#count(held, 1)
  }

  async *all(): AsyncGenerator<Held> {
    for await (const [key, value] of this.#store.list(PREFIX)) yield decode(key, value)
  }

  async get(locator: Hex, client: Address): Promise<Held | undefined> {
    const key = keyOf(locator, client)
    const value = await this.#store.get(key)
    return value && decode(key, value)
  }

  /** What all clients have appointed under this locator and not taken back. */
  async find(locator: Hex): Promise<Held[]> {
    const found: Held[] = []
    for await (const [key, value] of this.#store.list(`${PREFIX}${locator}/`)) found.push(decode(key, value))
    return found.filter((held) => !isForgotten(held))
  }

  /**
   * Takes these appointments of one client, in one commit; undefined where one was taken. The same again is taken again, so that a
   * client may repeat what it got no receipt for.
   */
  put(client: Address, offered: readonly Held[]): Promise<(Rejection | undefined)[]> {
    return this.#exclusive(() => this.#put(client, offered))
  }

  async #put(client: Address, offered: readonly Held[]): Promise<(Rejection | undefined)[]> {
    const writes: Write[] = []
    const answers: (Rejection | undefined)[] = []
    const newer = new Map<string, Held>()
    for (const held of offered) {
      const key = keyOf(held.appointment.locator, client)
      const before = newer.get(key) ?? (await this.get(held.appointment.locator, client))
      const rejection = this.#judge(client, held, before)
      answers.push(rejection)
      if (rejection) continue
      if (before) this.#count(before, -1)
      this.#count(held, 1)
      newer.set(key, held)
      writes.push({ key, value: encode(held) })
    }
    if (writes.length > 0) await this.#store.commit(writes)
    return answers
  }

  /** Drops what nobody is bound by any more. */
  sweep(now: bigint): Promise<void> {
    return this.#exclusive(() => this.#sweep(now))
  }

  async #sweep(now: bigint): Promise<void> {
    const writes: Write[] = []
    for await (const held of this.all()) {
      if (held.until >= now) continue
      this.#count(held, -1)
      writes.push({ key: keyOf(held.appointment.locator, held.client), value: null })
    }
    if (writes.length > 0) await this.#store.commit(writes)
  }

  /** One change at a time: between a look at what is held and the commit nobody else may write. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work)
    this.#last = run.catch(() => {})
    return run
  }

  #judge(client: Address, held: Held, before: Held | undefined): Rejection | undefined {
    const { sequence } = held.appointment
    const known = before?.appointment.sequence ?? 0n
    const isRepeated = before && sequence === known && orderOf(before).content === orderOf(held).content
    if (sequence <= known && !isRepeated) return { code: 'STALE', held: known }
    const isFull = (this.#counts.get(client) ?? 0) >= this.#limits.perClient || this.#total >= this.#limits.total
    return !before && isFull ? { code: 'FULL', held: 0n } : undefined
  }

  #count(held: Held, by: 1 | -1): void {
    const count = (this.#counts.get(held.client) ?? 0) + by
    if (count === 0) this.#counts.delete(held.client)
    else this.#counts.set(held.client, count)
    this.#total += by
    if (held.appointment.sealed) this.#sealed += by
  }
}

const keyOf = (locator: Hex, client: Address): string => `${PREFIX}${locator}/${client}`

function encode({ appointment, signature, from, until }: Held): Uint8Array {
  const { sequence, worth, sealed, body } = appointment
  const writer = new Writer(720).u64(sequence).u8(worth).bool(sealed).u64(from).u64(until)
  return writer.raw(signature).bytes(body, GROUP_BODY_SIZE).finish()
}

function decode(key: string, value: Uint8Array): Held {
  const [locator, client] = key.slice(PREFIX.length).split('/') as [Hex, Address]
  const reader = new Reader(value)
  const head = { locator, sequence: reader.u64(), worth: reader.u8(), sealed: reader.bool() }
  const [from, until, signature] = [reader.u64(), reader.u64(), reader.raw(64)]
  const appointment = { ...head, body: reader.bytes(GROUP_BODY_SIZE) }
  reader.end()
  return { client, appointment, signature, from, until }
}
