import { parseAddress } from '../../core/address.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import type { Address } from '../../core/types.ts'
import type { PartPolicy } from '../../protocols/admission.ts'
import { type Price, type Room, worth } from '../../protocols/part.ts'

/** What a node asks for a part in one asset, in its units. */
export interface CarriageTerms {
  /** For each part. */
  readonly baseFee: bigint
  /** Millionths of what goes out. */
  readonly feePpm: bigint
  /** What may go out in one part. */
  readonly least: bigint
  readonly most: bigint
  /** A channel carries payments of others only while it holds this much on chain, of both members together. */
  readonly minimumDeposit: bigint
  /** Least incoming amount that is released on a secret alone. Below the cost of a reveal it is lent to the peer. */
  readonly minimum: bigint
  /** What one reveal costs, in this asset. */
  readonly revealCost: bigint
  /** What may be pending with one peer in a channel. */
  readonly limits: Room
}

/** What a node gives for what: it is paid in one asset and pays in another. */
export interface Rate {
  readonly from: Address
  readonly to: Address
  /** All that it wants: `from` units of the one for each `to` units of the other; no fees besides. */
  readonly price: Price
  /** What may go out in one part. */
  readonly least: bigint
  readonly most: bigint
}

/** What somebody wants to swap: `amount` of `to` would go out. */
export interface SwapAsk {
  readonly from: Address
  readonly to: Address
  readonly amount: bigint
}

/** What a node asks for carrying payments of others, and what it risks. */
export interface ForwardingPolicy extends Omit<PartPolicy, 'room' | 'points'>, CarriageTerms {
  /** Whether payments of others are carried at all. */
  readonly forwards: boolean
  /** What is different for an asset, by its address in lower case. */
  readonly assets: ReadonlyMap<Address, Partial<CarriageTerms>>
  /** What is swapped; the first rate that fits counts. Default: nothing. */
  readonly rates: readonly Rate[]
  /** Decides instead of `rates`; undefined: no. It is asked for a price, and again when the swap comes. */
  readonly onSwap: ((ask: SwapAsk) => Price | undefined) | undefined
  /** Furthest that the deadline of a swap may be away: until then whoever knows its secret may choose. */
  readonly maxSwapLock: bigint
  /**
   * Furthest that the deadline of an outcome lock may be away, if `maxLock` is not nearer. Such a lock may stay until then and come back whole,
   * without a fee; 0n: none is carried.
   */
  readonly maxOutcomeLock: bigint
  /** Parts on their way above which new ones are refused: each takes memory until it is over. */
  readonly maxParts: number
  /** Packets that are remembered until their deadlines, so that none is taken twice; above this many new parts are refused. */
  readonly maxPackets: number
  /** Milliseconds that a commit may take; while one takes longer, new parts are refused. */
  readonly maxStoreLag: number
}

export const DEFAULT_FORWARDING: ForwardingPolicy = {
  forwards: true,
  baseFee: 0n,
  feePpm: 1_000n,
  least: 1n,
  most: 1n << 105n,
  minimumDeposit: 0n,
  assets: new Map(),
  margin: 3_600n,
  responseTime: 1_800n,
  maxLock: 7n * 86_400n,
  minimum: 1n,
  revealCost: 0n,
  rates: [],
  onSwap: undefined,
  maxSwapLock: 4_200n,
  maxOutcomeLock: 86_400n,
  limits: { parts: 256, value: 1n << 105n, residuals: 1n << 105n },
  maxParts: 16_384,
  maxPackets: 1 << 22,
  maxStoreLag: 2_000,
}

/** The policy as it is for one asset. */
export const termsFor = (policy: ForwardingPolicy, asset: Address): ForwardingPolicy => ({
  ...policy,
  ...policy.assets.get(asset),
})

/** What is kept of a part of which `amount` goes out. */
export const feeFor = ({ baseFee, feePpm }: Pick<CarriageTerms, 'baseFee' | 'feePpm'>, amount: bigint): bigint =>
  baseFee + (amount * feePpm) / 1_000_000n

/** At which price this is swapped, or why it is not. */
export function priceFor({ rates, onSwap }: ForwardingPolicy, ask: SwapAsk): Price | RateRefusal {
  if (onSwap) {
    const price = onSwap(ask)
    return price && isPrice(price) ? price : 'ASSET_REFUSED'
  }
  const known = rates.filter(({ from, to }) => from === ask.from && to === ask.to)
  const fitting = known.find(({ least, most }) => ask.amount >= least && ask.amount <= most)
  return fitting?.price ?? (known.length > 0 ? 'AMOUNT_OUT_OF_BOUNDS' : 'ASSET_REFUSED')
}

export type RateRefusal = 'ASSET_REFUSED' | 'AMOUNT_OUT_OF_BOUNDS'

const isPrice = ({ from, to }: Price): boolean => from > 0n && to > 0n

/** Rates as they are compared. Throws `InvalidOptionError` for one that is none. */
export const parseRates = (rates: readonly Rate[]): Rate[] =>
  rates.map((rate) => {
    const [from, to] = [parseAddress(rate.from), parseAddress(rate.to)]
    if (from === to) throw new InvalidOptionError('rates', `A rate of ${from} for itself is none. Name two assets.`)
    if (!isPrice(rate.price))
      throw new InvalidOptionError('rates', 'A price is a ratio of two integers above zero. Choose both so.')
    return { ...rate, from, to }
  })

/** What must come in, at which price if it is another asset than what goes out. */
export interface Wanted {
  readonly price: Price | undefined
  readonly amount: bigint
}

/** What must come in for `amount` to go out. */
export const wantedFor = (terms: CarriageTerms, price: Price | undefined, amount: bigint): bigint =>
  price ? worth(price, amount) : amount + feeFor(terms, amount)
