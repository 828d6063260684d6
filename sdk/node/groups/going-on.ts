import { toUint } from '../../core/bytes.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../../core/channel.ts'
import { keccak256 } from '../../core/keccak.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Channel, ChannelId } from '../../core/types.ts'
import type { Invite } from '../../protocols/joint-wire.ts'
import type { Engine } from '../engine.ts'
import type { Followed } from '../ledgers/slot.ts'
import { GroupSlot } from './group-slot.ts'
import type { Groups } from './groups.ts'

// After a round has stalled and the chain has paid everybody, the willing go on in a new group, without a further question to their users.
//
//   ended ─ the first of the willing invites the others (then the second, ...) ─ all are heard there ─▶ each pays in what it allowed
//
// Two of them go on in an ordinary channel. Its channel follows from the old one and its members, so it does not matter how many invite.

/** The channel in which `members` of an ended group go on: its nonce follows from what they leave. */
export function successorOf({ entry, ledger }: GroupSlot, members: readonly number[]): Channel {
  const { period, members: all } = entry.channel
  const willing = sortMembers(members.map((member) => all[member]!))
  const draft = { period, nonce: BigInt(ledger.generation), members: willing }
  const seed = keccak256(new Uint8Array([...encodeChannel(entry.channel), ...encodeChannel(draft)]))
  return { ...draft, nonce: toUint(seed.subarray(0, 16)) }
}

const willingOf = ({ entry, ledger }: GroupSlot): number[] =>
  [...entry.channel.members.keys()].filter((member) => !ledger.named?.includes(member))

/** Brings a group that stalled one step further on. */
export function goOn(engine: Engine, slot: GroupSlot): void {
  if (slot.funds === 0n) return
  const { groups } = engine
  if (willingOf(slot).length === 2) {
    goOnAsTwo(engine, slot)
    return
  }
  const next = slot.successor === ZERO_HASH ? undefined : groups.group(slot.successor)
  if (!next) {
    open(engine, slot)
    return
  }
  if (!next.gathered) {
    if (engine.options.clock.elapsed() - (slot.endedAt ?? 0) < slot.entry.pace.limit) inviteAll(engine, slot, next)
    else leaveOut(engine, slot, next)
    return
  }
  const { funds } = slot
  slot.funds = 0n
  void pay(engine, slot, next, funds)
}

/** Two go on in an ordinary channel: the first of them proposes it, and both know it when it is there. */
function goOnAsTwo(engine: Engine, slot: GroupSlot): void {
  const { book, openings, peers, options, groups } = engine
  const { asset, me } = slot.entry
  const willing = willingOf(slot)
  const channel = successorOf(slot, willing)
  const channelId = channelIdOf(options.domain, channel)
  const next = book.slot({ channelId, asset })
  if (next) {
    const { funds } = slot
    Object.assign(slot, { funds: 0n, successor: channelId })
    void pay(engine, slot, next, funds)
    return
  }
  const peer = peers.all.get(slot.signerOf(willing.find((member) => member !== me)!))
  const isDue = slot.successor === ZERO_HASH && options.clock.elapsed() >= slot.notBefore
  if (willing[0] !== me || !peer?.online || !isDue) return
  slot.successor = channelId
  const make = (index: number): Channel => ({ ...channel, nonce: channel.nonce + BigInt(index) })
  openings.open(peer, make, [asset]).catch((error) => {
    slot.successor = ZERO_HASH
    slot.notBefore = options.clock.elapsed() + slot.entry.pace.limit
    if (!engine.halted) engine.emitter.emit({ kind: 'alarm', error: error as Error })
  })
  groups.keep(slot)
}

/** The willing take turns, so that one of them invites; those whom it does not reach are left out by the next. */
function open(engine: Engine, slot: GroupSlot): void {
  const { clock, domain } = engine.options
  const willing = willingOf(slot)
  const rank = willing.indexOf(slot.entry.me)
  if (willing.length < 3 || clock.elapsed() - (slot.endedAt ?? 0) < rank * slot.entry.pace.limit) return
  const channel = successorOf(slot, willing)
  const channelId = channelIdOf(domain, channel)
  const addresses = channel.members.map(({ signer }) => addressOf(engine, slot, signer))
  const { asset, pace } = slot.entry
  const me = channel.members.findIndex(({ signer }) => signer === slot.signerOf(slot.entry.me))
  slot.successor = channelId
  slot.endedAt = clock.elapsed()
  engine.groups.keep(slot)
  const entry = { channelId, channel, asset, me, pace, addresses, follows: slot.entry.channelId }
  engine.groups.enter(entry, (next) => inviteAll(engine, slot, next))
}

/** Those who were not heard in the new group are left out of another one. */
function leaveOut(engine: Engine, slot: GroupSlot, next: GroupSlot): void {
  const { members } = slot.entry.channel
  const heard = (signer: string) => {
    const member = next.entry.channel.members.findIndex((one) => one.signer === signer)
    return member === next.entry.me || next.ledger.readies.has(member)
  }
  const named = [...members.keys()].filter(
    (member) => slot.ledger.named?.includes(member) || !heard(members[member]!.signer),
  )
  slot.ledger = { ...slot.ledger, named }
  slot.successor = ZERO_HASH
  slot.endedAt = engine.options.clock.elapsed()
  engine.groups.keep(slot)
}

const addressOf = (engine: Engine, { entry }: GroupSlot, signer: string): string =>
  engine.peers.all.get(signer as ChannelId)?.address ??
  entry.addresses[entry.channel.members.findIndex((member) => member.signer === signer)] ??
  ''

/** Invites whoever was not heard in the new group. */
function inviteAll(engine: Engine, slot: GroupSlot, next: GroupSlot): void {
  const { channel, asset, pace, addresses, me } = next.entry
  const invite: Invite = { kind: 'invite', channel, asset, pace, addresses, follows: slot.entry.channelId }
  for (const [member, { signer }] of channel.members.entries())
    if (member !== me && !next.ledger.readies.has(member)) engine.groups.say(engine.peers.all.get(signer), invite)
}

async function pay(engine: Engine, slot: GroupSlot, next: Followed, funds: bigint): Promise<void> {
  const { channelId, asset } = next.ledger
  if (next instanceof GroupSlot) next.goOn = slot.goOn
  try {
    await engine.options.chain.deposit(next.ledger, next.entry.me, funds, {
      // Once, however often it is tried.
      intent: `go-on/${next.ledgerId}/${slot.ledgerId}`,
      channel: next.entry.channel,
    })
    engine.groups.keep(slot)
    if (next instanceof GroupSlot) engine.groups.keep(next)
    engine.emitter.emit({ kind: 'went-on', channelId: slot.entry.channelId, asset, to: channelId, amount: funds })
  } catch (error) {
    slot.funds = funds
    if (!engine.halted) engine.emitter.emit({ kind: 'alarm', error: error as Error })
  }
}

/** Why an invitation to go on is declined, if so. */
export function mayFollow(
  groups: Groups,
  { channel, asset, follows }: Invite,
): { code: string; reason: string } | undefined {
  if (follows === ZERO_HASH) return undefined
  const refuse = (reason: string) => ({ code: 'NOT_GOING_ON', reason })
  if (!groups.has(follows)) return refuse('that group is not known here')
  const { entry, funds, successor } = groups.group(follows)
  const isOfIt = channel.members.every(({ signer, owner }) =>
    entry.channel.members.some((member) => member.signer === signer && member.owner === owner),
  )
  if (!isOfIt || asset !== entry.asset || channel.period !== entry.channel.period)
    return refuse('it is another group than the one it follows')
  if (funds === 0n) return refuse('its settlement is not final here, or it is not to go on')
  const next = successor === ZERO_HASH ? undefined : groups.group(successor)
  return next?.gathered ? refuse('it went on elsewhere') : undefined
}
