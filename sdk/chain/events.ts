import type { Log } from 'ethers'
import { type Address, COIN, type Hex } from '../core/types.ts'
import { adjudicatorAbi } from './abi.ts'
import type { ChainEvent, Head } from './chain.ts'

const KINDS = {
  Announced: 'announced',
  Deposited: 'deposited',
  Withdrawn: 'withdrawn',
  Challenged: 'challenged',
  Raised: 'raised',
  Settled: 'settled',
  Reserved: 'reserved',
  Redeemed: 'redeemed',
} as const

/** The first topic of an event of the adjudicator. */
export const topicOf = (event: keyof typeof KINDS): Hex => adjudicatorAbi.getEvent(event)!.topicHash as Hex

/** The events about channels: all that carry a channel id as their second topic. */
export const CHANNEL_TOPICS = Object.keys(KINDS).map((event) => topicOf(event as keyof typeof KINDS))

/** Decodes a log of the adjudicator; undefined if it is not about a channel. */
export function decodeEvent(log: Log, block: Head): ChainEvent | undefined {
  const parsed = adjudicatorAbi.parseLog(log)
  const kind = parsed && KINDS[parsed.name as keyof typeof KINDS]
  if (!kind) return undefined
  const { channelId, asset = COIN, word = 0n, ...args } = plain(parsed.args.toObject(true)) as Record<string, unknown>
  return {
    kind,
    channelId: channelId as Hex,
    asset: asset as Address,
    word: word as bigint,
    args,
    block,
    logIndex: log.index,
    transaction: log.transactionHash as Hex,
  }
}

/** Addresses in lower case, as everywhere in this project; lists as arrays. */
function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]))
}
