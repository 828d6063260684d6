import { concatBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from '../core/bytes.ts'
import { Reader, Writer } from '../core/codec.ts'
import { TallystickError } from '../core/errors.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Address, Hex } from '../core/types.ts'
import type { Store } from '../storage/store.ts'
import type { Quote, TowerTerms } from './messages.ts'

// Clients pay a tower as anybody is paid: by an ordinary payment through a channel, to the node beside the tower. The payment's id
// names the quote that it answers, and so the client.
//
//   tower/quote/<id>          client, months, amount, when it was given
//   tower/paid/<client>       until when

const QUOTES = 'tower/quote/'
const PAID = 'tower/paid/'
/** Quotes that wait for their payment. */
const MAX_QUOTES = 10_000
/** Seconds that a quote is kept for its payment. */
const KEPT = 86_400n
/** Seconds. */
export const MONTH = 2_592_000n

/** Too many quotes wait for their payments. */
export class TooManyQuotesError extends TallystickError {
  readonly code = 'TOO_MANY_QUOTES'

  constructor() {
    super(`${MAX_QUOTES} quotes wait for their payment. Ask again tomorrow.`)
  }
}

interface Waiting {
  readonly client: Address
  readonly months: number
  readonly amount: bigint
  readonly at: bigint
}

/**
 * Who has paid until when. Feed it the payments of the node beside the tower:
 *
 * @example
 * ```ts
 * const subscriptions = await Subscriptions.open(store, terms)
 * node.on('payment', async ({ direction, asset, payments }) => {
 *   if (direction === 'in') for (const { id, amount } of payments()) await subscriptions.credit({ id, amount, asset })
 * })
 * const tower = await Watchtower.start({ ...options, terms, isPaid: subscriptions.isPaid, quote: subscriptions.quote })
 * ```
 */
export class Subscriptions {
  readonly #store: Store
  readonly #terms: TowerTerms
  readonly #quotes = new Map<Hex, Waiting>()
  readonly #paid = new Map<Address, bigint>()

  private constructor(store: Store, terms: TowerTerms) {
    this.#store = store
    this.#terms = terms
  }

  static async open(store: Store, terms: TowerTerms): Promise<Subscriptions> {
    const opened = new Subscriptions(store, terms)
    for await (const [key, value] of store.list(QUOTES))
      opened.#quotes.set(key.slice(QUOTES.length) as Hex, decode(value))
    for await (const [key, value] of store.list(PAID))
      opened.#paid.set(key.slice(PAID.length) as Address, new Reader(value).u64())
    return opened
  }

  /** Whether `client` has paid up to `now`, in chain seconds. */
  readonly isPaid = (client: Address, now: bigint): boolean => (this.#paid.get(client) ?? 0n) >= now

  /** What a client has to pay for so many months. Throws {@link TooManyQuotesError}. */
  readonly quote = async (client: Address, months: number, now: bigint): Promise<Quote> => {
    for (const [id, { at }] of this.#quotes) if (at + KEPT < now) await this.#drop(id)
    if (this.#quotes.size >= MAX_QUOTES) throw new TooManyQuotesError()
    const seed = concatBytes(utf8ToBytes('Tallystick tower quote'), toBytes(client, 20), randomBytes(16))
    const id = toHex(keccak256(seed).subarray(0, 16))
    const amount = this.#terms.price * BigInt(months)
    const waiting = { client, months, amount, at: now }
    this.#quotes.set(id, waiting)
    await this.#store.commit([{ key: QUOTES + id, value: encode(waiting) }])
    return { ...this.#terms, id, months, amount }
  }

  /** Counts a payment that was received; false if it answers no quote, or not fully. The same payment counts once. */
  async credit(
    payment: { readonly id: Hex; readonly amount: bigint; readonly asset: Address },
    now: bigint,
  ): Promise<boolean> {
    const quote = this.#quotes.get(payment.id)
    if (!quote || payment.amount < quote.amount || payment.asset !== this.#terms.asset) return false
    const { client, months } = quote
    const before = this.#paid.get(client) ?? 0n
    const until = (before > now ? before : now) + BigInt(months) * MONTH
    this.#quotes.delete(payment.id)
    this.#paid.set(client, until)
    await this.#store.commit([
      { key: QUOTES + payment.id, value: null },
      { key: PAID + client, value: new Writer(8).u64(until).finish() },
    ])
    return true
  }

  async #drop(id: Hex): Promise<void> {
    this.#quotes.delete(id)
    await this.#store.commit([{ key: QUOTES + id, value: null }])
  }
}

const encode = ({ client, months, amount, at }: Waiting): Uint8Array =>
  new Writer(48).hex(client, 20).u8(months).u128(amount).u64(at).finish()

function decode(value: Uint8Array): Waiting {
  const reader = new Reader(value)
  return { client: reader.hex(20), months: reader.u8(), amount: reader.u128(), at: reader.u64() }
}
