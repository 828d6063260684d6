import { decodeChannel, encodeChannel, ledgerIdOf, memberBySigner } from '../../core/channel.ts'
import { Reader, Writer } from '../../core/codec.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Address, Channel, ChannelId, Domain, Hex } from '../../core/types.ts'
import { type Joint, type JointResolution, type JointTerms, newJoint } from '../../protocols/joint.ts'
import { type Pace, putJointRecord, readJointRecord } from '../../protocols/joint-wire.ts'
import type { ChainFacts, Terms } from '../../protocols/ledger.ts'
import { EndedOtherwiseError } from '../errors.ts'
import { groupKey } from '../keys.ts'
import type { Followed } from '../ledgers/slot.ts'
import { netDivisible } from './netting.ts'

/** A group as it was agreed on. */
export interface GroupEntry {
  readonly channelId: ChannelId
  readonly channel: Channel
  readonly asset: Address
  readonly me: number
  readonly pace: Pace
  /** Where members can be dialled, in their order; empty: not known. */
  readonly addresses: readonly string[]
  /** The group that this one goes on from; zero: none. */
  readonly follows: ChannelId
}

/** Who waits for what becomes of a wish. */
export interface WishWaiter {
  readonly resolve: (amount: bigint, version: bigint) => void
  readonly reject: (error: Error) => void
}

/** Who waits for a transfer to end. */
export interface ResolveWaiter {
  readonly resolve: (version: bigint) => void
  readonly reject: (error: Error) => void
}

/** A group at work: the state of its protocol, what the user allowed, and who waits for what. */
export class GroupSlot implements Followed {
  readonly entry: GroupEntry
  readonly terms: JointTerms
  readonly ledgerId: Hex
  ledger: Joint
  /** What may be paid into a new group if this one stalls; 0n: it does not go on. */
  goOn = 0n
  /** What the settlement of a stalled round paid and may go on; 0n: nothing. */
  funds = 0n
  /** The group in which the willing go on; zero: none yet. */
  successor: ChannelId = ZERO_HASH
  /** All members were heard in it: it may hold money. */
  gathered = false
  lateViews = 0
  readonly watchers = new Set<(facts: ChainFacts) => void>()
  readonly wishing = new Map<Hex, WishWaiter>()
  /** Who waits for a transfer to end, and by which values. */
  readonly resolving = new Map<Hex, { readonly values: readonly bigint[] } & ResolveWaiter>()
  /** Told how a withdrawal ended. */
  readonly ordering = new Set<{
    readonly resolve: (executed: boolean) => void
    readonly reject: (error: Error) => void
  }>()
  /** When the settlement was seen, or the newest attempt to go on began; milliseconds. */
  endedAt: number | undefined
  /** Until when going on is not tried again. */
  notBefore = 0

  constructor(entry: GroupEntry, domain: Domain, verify: Terms['verify'], ledger?: Joint) {
    this.entry = entry
    const { channelId, asset, channel, me, pace } = entry
    this.terms = { domain, channel, verify, net: netDivisible, ...pace }
    this.ledgerId = ledgerIdOf({ channelId, asset })
    this.ledger = ledger ?? newJoint({ channelId, asset }, me, channel.members.length)
  }

  signerOf(member: number): Address {
    return this.entry.channel.members[member]!.signer
  }

  /** A transfer has ended in a round that is final. */
  resolved({ id, values }: JointResolution, version: bigint): void {
    const waiter = this.resolving.get(id)
    if (!waiter) return
    this.resolving.delete(id)
    if (values.every((value, leg) => value === waiter.values[leg])) waiter.resolve(version)
    else waiter.reject(new EndedOtherwiseError(id, values))
  }

  giveUp(error: Error): void {
    for (const { reject } of this.wishing.values()) reject(error)
    this.wishing.clear()
    for (const { reject } of this.resolving.values()) reject(error)
    this.resolving.clear()
    for (const { reject } of this.ordering) reject(error)
    this.ordering.clear()
  }
}

export const holdsMoney = (facts: ChainFacts | undefined): boolean =>
  facts?.latestBalances.some((balance) => balance !== 0n) ?? false

/** A group as stored. */
export function groupRecord(slot: GroupSlot): { key: string; value: Uint8Array } {
  const { entry, ledger, goOn, funds, successor, gathered } = slot
  const { channelId, channel, asset, pace, addresses, follows } = entry
  const writer = new Writer(2_048).hex(channelId, 32).bytes(encodeChannel(channel), 1_300).hex(asset, 20)
  writer.u32(pace.patience).u32(pace.limit).hex(follows, 32)
  for (const address of addresses) writer.text(address, 512)
  writer.u128(goOn).u128(funds).hex(successor, 32).bool(gathered)
  putJointRecord(writer, ledger)
  return { key: groupKey(channelId), value: writer.finish() }
}

/** Reads what {@link groupRecord} wrote. */
export function readGroup(bytes: Uint8Array, signer: Address, domain: Domain, verify: Terms['verify']): GroupSlot {
  const reader = new Reader(bytes)
  const channelId = reader.hex(32)
  const channel = decodeChannel(reader.bytes(1_300))
  const asset = reader.hex(20)
  const pace = { patience: reader.u32(), limit: reader.u32() }
  const follows = reader.hex(32)
  const addresses = channel.members.map(() => reader.text(512))
  const me = memberBySigner(channel, signer)!
  const [goOn, funds, successor, gathered] = [reader.u128(), reader.u128(), reader.hex(32), reader.bool()]
  const entry = { channelId, channel, asset, me, pace, addresses, follows }
  const slot = new GroupSlot(entry, domain, verify, readJointRecord(reader, { channelId, asset }, me))
  reader.end()
  return Object.assign(slot, { goOn, funds, successor, gathered })
}
