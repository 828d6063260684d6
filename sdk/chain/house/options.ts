import type { Address } from '../../core/types.ts'
import type { ChainOptions } from '../options.ts'

/** What `connectHouse` needs, and what can be chosen. The store is for this house alone: one process, one sender. */
export interface HouseOptions extends Omit<ChainOptions, 'deployment' | 'spareSigner' | 'witnesses'> {
  readonly house: Address
  /** Block of the foundation, or any earlier one; events are looked for from there on. Default: 0. */
  readonly fromBlock?: number
}
