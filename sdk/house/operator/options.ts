import type { HouseChain } from '../../chain/house/house-chain.ts'
import { MAX_TOTAL } from '../../clearing/book.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import type { Seal } from '../../storage/seal.ts'
import type { Store } from '../../storage/store.ts'
import type { Transport } from '../../transport/transport.ts'
import type { OperatorEvent } from './events.ts'
import type { Insurance } from './insuring.ts'

/** What the operator of a house is made of. */
export interface HouseOperatorOptions {
  /** A connection of its own, whose sender is the operator of the house. */
  readonly chain: HouseChain
  /** For this house alone; what is in it must never be older than what was said from it. */
  readonly store: Store
  /** Notices an old copy of the store; keep it on another disk. Default: none that outlives the process. */
  readonly seal?: Seal
  /** The key of the account that operates the house: its signatures are what members hold. */
  readonly signer: SessionSigner
  readonly transports: readonly Transport[]
  readonly listen?: readonly string[]
  /** Seconds from one cut to the next; default: a quarter of what the house allows. */
  readonly epochSeconds?: number
  /** What the stake insures; default: nothing. */
  readonly insurance?: Insurance
  /** Members without a deposit that are taken; default 10,000. */
  readonly unfunded?: number
  /** Default 10,000. */
  readonly connections?: number
  /** Requests of one member a second; default 1,000. */
  readonly perSecond?: number
  readonly onEvent?: (event: OperatorEvent) => void
  /** Unix milliseconds; default: the machine's clock. */
  readonly now?: () => number
}

/** What a house has to do. */
export interface HouseStatus {
  readonly members: number
  readonly connected: number
  /** Since the start. */
  readonly payments: number
  readonly open: bigint
  readonly committed: bigint
  /** Unix milliseconds. */
  readonly nextCut: number
  /** The newest block that it has looked at: what was posted up to there is in the open epoch once it is confirmed. */
  readonly block: number
  /** Demands that wait for an answer. */
  readonly demands: number
  readonly turn: bigint
  /** Why nothing is signed; undefined: it is. */
  readonly closed: string | undefined
}

/** Throws `InvalidOptionError` if none of them serves an address. */
export function transportFor(address: string, transports: readonly Transport[]): Transport {
  const scheme = address.slice(0, address.indexOf(':') + 1)
  const transport = transports.find(({ schemes }) => schemes.includes(scheme))
  if (transport) return transport
  throw new InvalidOptionError(
    'listen',
    `No transport of this house serves ${JSON.stringify(address)}. Pass one for ${scheme || 'it'}, or listen elsewhere.`,
  )
}

/** Throws `InvalidOptionError` for limits that no epoch can hold. */
export function checkInsurance({ insurance, chain }: HouseOperatorOptions): void {
  const { each, members } = insurance ?? {}
  const count = chain.terms.assets.length
  for (const limits of [...(each ? [each] : []), ...(members?.values() ?? [])])
    if (limits.length !== count || limits.some((limit) => limit < 0n || limit >= MAX_TOTAL))
      throw new InvalidOptionError(
        'insurance',
        `Limits of ${limits.join(', ')} do not fit. Give one of 0 to 2^128 - 1 for each of the ${count} assets.`,
      )
}
