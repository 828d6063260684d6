/** What one unit of gas may cost: EIP-1559, or one price on chains without it. Wei. */
export type Fees =
  | { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  | { readonly gasPrice: bigint }

/** What the chain asks for at the moment; `baseFee` is undefined on chains without EIP-1559. */
export interface FeeMarket {
  readonly baseFee: bigint | undefined
  readonly priority: bigint
  readonly gasPrice: bigint
}

/** 0: no hurry; 3: less than an eighth of the time is left. */
export type Urgency = 0 | 1 | 2 | 3

/** How much of the time from `since` to `before` (seconds) is gone at `now`. */
export function urgencyAt(now: bigint, since: bigint, before: bigint | undefined): Urgency {
  if (before === undefined) return 0
  const left = before - now
  const all = before - since
  if (left * 8n <= all) return 3
  if (left * 4n <= all) return 2
  return left * 2n <= all ? 1 : 0
}

/** Fees to offer now; twice the base fee outlasts six full blocks. */
export function offerFees(market: FeeMarket, urgency: Urgency): Fees {
  const factor = 1n << BigInt(urgency)
  if (market.baseFee === undefined) return { gasPrice: (market.gasPrice * (2n + BigInt(urgency))) / 2n }
  const maxPriorityFeePerGas = market.priority * factor
  return { maxFeePerGas: market.baseFee * (2n + BigInt(urgency)) + maxPriorityFeePerGas, maxPriorityFeePerGas }
}

/** The least that replaces `fees` everywhere: an eighth more on both, and never the same number. */
export function bumpFees(fees: Fees, market: FeeMarket, urgency: Urgency): Fees {
  const offer = offerFees(market, urgency)
  if ('gasPrice' in fees)
    return { gasPrice: larger(raise(fees.gasPrice), 'gasPrice' in offer ? offer.gasPrice : offer.maxFeePerGas) }
  const fresh = 'gasPrice' in offer ? { maxFeePerGas: offer.gasPrice, maxPriorityFeePerGas: offer.gasPrice } : offer
  return {
    maxFeePerGas: larger(raise(fees.maxFeePerGas), fresh.maxFeePerGas),
    maxPriorityFeePerGas: larger(raise(fees.maxPriorityFeePerGas), fresh.maxPriorityFeePerGas),
  }
}

/** The cap below which nothing replaces `fees`. */
export const leastBump = (fees: Fees): bigint => raise(priceCap(fees))

/** The most that one unit of gas costs at these fees. */
export const priceCap = (fees: Fees): bigint => ('gasPrice' in fees ? fees.gasPrice : fees.maxFeePerGas)

/** The same fees with the cap lowered to `cap`, for an account that cannot afford more. */
export function lowerTo(fees: Fees, cap: bigint): Fees {
  if (priceCap(fees) <= cap) return fees
  if ('gasPrice' in fees) return { gasPrice: cap }
  return { maxFeePerGas: cap, maxPriorityFeePerGas: fees.maxPriorityFeePerGas < cap ? fees.maxPriorityFeePerGas : cap }
}

// Geth wants a tenth more and Nethermind and Erigon an eighth.
const raise = (fee: bigint): bigint => fee + (fee + 7n) / 8n + 1n
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)
