import type { Log } from 'ethers'
import { memberCount } from '../core/channel.ts'
import { laneCount } from '../core/state.ts'
import { type Address, type ChannelId, COIN, type Hex } from '../core/types.ts'
import { adjudicatorAbi } from './abi.ts'
import type { ChainEvent, Head } from './chain.ts'

const KINDS = {
  Announced: 'announced',
  Deposited: 'deposited',
  CoinDeposited: 'deposited',
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
  const { channelId, asset = COIN, word = 0n, ...args } = plain(parsed.args.toObject(true)) as Fields
  const event = { kind, channelId, asset, word, block, logIndex: log.index, transaction: log.transactionHash as Hex }
  return { ...event, args: unpacked(kind, channelId, args) }
}

interface Fields extends Record<string, unknown> {
  readonly channelId: ChannelId
  readonly asset?: Address
  readonly word?: bigint
}

/** What the contract packs to save gas, under the names that the SDK uses. */
function unpacked(kind: ChainEvent['kind'], channelId: ChannelId, args: Record<string, unknown>): ChainEvent['args'] {
  // A joint channel has one lane, and the event's second place for one means nothing.
  const lanes = [args.lane0, args.lane1].slice(0, laneCount(memberCount(channelId)))
  if (kind === 'challenged') return { base: [args.openWord, ...lanes] }
  if (kind === 'raised') return { lanes }
  // A deposit of coins for the first two members tells the new word alone.
  if (kind === 'deposited') return args.member === undefined ? {} : { member: Number(args.member) }
  return args
}

/** Addresses in lower case, as everywhere in this project; lists as arrays. */
export function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]))
}
