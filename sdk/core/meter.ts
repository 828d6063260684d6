import { InvalidOptionError } from './errors.ts'
import { least } from './transfer.ts'

/** A price for time or for units: `price` for every `per` that a reading has grown by since `start`, up to `cap` in all. */
export interface Meter {
  /** The first reading: chain time in seconds, or units delivered so far. */
  readonly start: bigint
  readonly price: bigint
  readonly per: bigint
  readonly cap: bigint
}

/**
 * What is due in all at `reading`; pay the difference to what was paid. Rounded down once, over the whole time, so that small
 * steps lose nothing. Throws {@link InvalidOptionError} for a meter that runs backwards.
 *
 * @example
 * ```ts
 * const meter = { start: opened, price: 3n * 10n ** 18n, per: 3_600n, cap: 30n * 10n ** 18n }
 * const owed = due(meter, (await chain.head()).timestamp) - paid
 * if (owed > 0n) await node.pay(channelId, owed)
 * ```
 */
export function due({ start, price, per, cap }: Meter, reading: bigint): bigint {
  if (per <= 0n) throw new InvalidOptionError('per', `A price for every ${per} is none. Choose at least 1.`)
  if (price < 0n) throw new InvalidOptionError('price', `A price of ${price} is below zero. Let the other side pay.`)
  if (cap < 0n) throw new InvalidOptionError('cap', `A cap of ${cap} is below zero. Choose what may be due in all.`)
  if (reading <= start) return 0n
  return least((price * (reading - start)) / per, cap)
}
