import type { Chain, ChainEvent } from '../../chain/chain.ts'
import { toBytes, toHex } from '../../core/bytes.ts'
import { decodeReserves, encodeRedemption, type LaneList } from '../../core/calldata.ts'
import { encodeChannel, ledgerIdOf } from '../../core/channel.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Reserve } from '../../core/settlement.ts'
import type { Channel, Hex, LedgerRef, Transfer } from '../../core/types.ts'
import { decodeWord } from '../../core/word.ts'
import { keysOf, redemptionList } from '../../protocols/redeeming.ts'

/** What a settlement kept for undecided transfers. */
export interface Reservation {
  readonly reserves: readonly Reserve[]
  /** Version of each lane that it counted; 0n: none. */
  readonly versions: readonly bigint[]
  /** What was redeemed since. */
  readonly redeemed: bigint
}

/** What the events of a ledger, oldest first, say of the money that the settlement of `generation` reserved; undefined: nothing. */
export function reservationOf(events: readonly ChainEvent[], generation: number): Reservation | undefined {
  const of = (event: ChainEvent) => Number(event.args.generation) === generation
  const reserved = events.find((event) => event.kind === 'reserved' && of(event))
  if (!reserved) return undefined
  const before = events
    .slice(0, events.indexOf(reserved))
    .filter(({ transaction }) => transaction !== reserved.transaction)
  // What was shown before the generation began counts no more.
  const began = before.findLastIndex(({ kind, word }) => kind === 'settled' || startsAnew(kind, word, generation))
  const versions = [0n, 0n]
  for (const { kind, args } of before.slice(began + 1)) {
    const words =
      kind === 'challenged' ? (args.base as bigint[]).slice(1) : kind === 'raised' ? (args.lanes as bigint[]) : []
    for (const [lane, word] of words.entries()) if (word >> 192n > versions[lane]!) versions[lane] = word >> 192n
  }
  const payouts = events.flatMap((event) =>
    event.kind === 'redeemed' && of(event) ? (event.args.payouts as bigint[]) : [],
  )
  return {
    reserves: decodeReserves(toBytes(reserved.args.reserves as Hex)),
    versions,
    redeemed: payouts.reduce((sum, payout) => sum + payout, 0n),
  }
}

const startsAnew = (kind: ChainEvent['kind'], word: bigint, generation: number): boolean =>
  kind === 'withdrawn' && decodeWord(word).generation === generation && isFirst(word)

/** A closing withdrawal leaves a word without money, whose seq begins again. */
const isFirst = (word: bigint): boolean => {
  const decoded = decodeWord(word)
  return decoded.phase === 'open' && decoded.seq === 0
}

/** A generation that ended by a settlement. */
export interface SettledLedger extends LedgerRef {
  readonly channel: Channel
  readonly generation: number
}

export const isRedeemed = ({ reserves, redeemed }: Reservation): boolean =>
  redeemed >= reserves.reduce((sum, { reserved }) => sum + reserved, 0n)

/** Divides what was reserved, if all of these transfers (by lane) are decided and it is this caller's turn. Answers whether it was. */
export async function redeem(
  chain: Chain,
  { channelId, asset, channel, generation }: SettledLedger,
  { reserves, redeemed }: Reservation,
  transfers: readonly (readonly Transfer[])[],
  { isTurn, signal }: { readonly isTurn?: () => boolean; readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const keys = keysOf(transfers.flat())
  const found = await chain.outcomes(keys)
  const outcomes = new Map<Hex, Outcome>(keys.map((key, index) => [key, found[index]!]))
  const { timestamp } = await chain.head()
  const lists = reserves.map((reserve) =>
    redemptionList(reserve, transfers[reserve.lane]!, (key) => outcomes.get(key), timestamp),
  )
  if (lists.includes(undefined) || isTurn?.() === false) return false
  const packed = encodeRedemption(reserves, lists as LaneList[])
  const args = [toHex(encodeChannel(channel)), asset, generation, toHex(packed)]
  const intent = `redeem/${ledgerIdOf({ channelId, asset })}/${generation}/${redeemed}`
  const options = { intent, anySender: true, ...(signal && { signal }) }
  await chain.send({ to: 'adjudicator', functionName: 'redeem', args }, options)
  return true
}
