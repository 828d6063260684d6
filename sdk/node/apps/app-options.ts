import { bytesToHex, randomBytes } from '@noble/hashes/utils.js'
import { parseAddress } from '../../core/address.ts'
import { type Address, type ChannelId, COIN } from '../../core/types.ts'
import type { AppTerms, StakeGroup } from '../../protocols/app.ts'
import { CONCLUSION } from './terms.ts'

/** Money of a seat that another gets as far as the outcome says. */
export interface StakeOptions {
  readonly from: number
  readonly to: number
  readonly amount: bigint
  readonly asset?: string
}

/** How to begin an instance. */
export interface StartAppOptions<State> {
  /** The session key of each seat, in the order of the app; this node's among them. A player may hold several. */
  readonly seats: readonly string[]
  readonly opening: State
  readonly stakes?: readonly StakeOptions[]
  /** Seconds of chain time that a seat has for all its moves that the chain must force; default one hour. */
  readonly budget?: number
  /** Chain time in seconds from which on nobody moves any more; default: half a day, and two rounds of all budgets, from now. */
  readonly endBy?: bigint
  /** Chain time in seconds at which stakes that nobody decided on go back; default: an hour after `endBy`. */
  readonly deadline?: bigint
  /** A group in which the stakes are locked, between members of it; default: over the channels of each payer. */
  readonly group?: ChannelId
  readonly signal?: AbortSignal
}

const HOUR = 3_600
const HALF_A_DAY = 43_200n

/** The terms that options ask for. */
export function termsOf<State>(
  options: StartAppOptions<State>,
  about: {
    readonly app: Address
    readonly opening: Uint8Array
    readonly now: bigint
    /** Of the group that holds the stakes. */
    readonly group: (StakeGroup & { readonly asset: Address }) | undefined
  },
): AppTerms {
  const { budget = HOUR, stakes = [] } = options
  const seats = options.seats.map(parseAddress)
  const endBy = options.endBy ?? about.now + HALF_A_DAY + 2n * BigInt(budget) * BigInt(seats.length)
  const { group } = about
  const nonce = BigInt(`0x${bytesToHex(randomBytes(16))}`)
  return {
    instance: { app: about.app, endBy, budget, nonce, seats },
    opening: about.opening,
    stakes: stakes.map(({ from, to, amount, asset = group?.asset ?? COIN }) => ({
      from,
      to,
      amount,
      asset: parseAddress(asset),
    })),
    deadline: options.deadline ?? endBy + CONCLUSION,
    group: group && { channelId: group.channelId, generation: group.generation },
  }
}
