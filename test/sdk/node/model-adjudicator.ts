import { concatBytes } from '@noble/hashes/utils.js'
import type { ChainEvent } from '../../../sdk/chain/chain.ts'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { encodeReserves, type LaneList, type ListEntry } from '../../../sdk/core/calldata.ts'
import { decodeChannel } from '../../../sdk/core/channel.ts'
import { Reader } from '../../../sdk/core/codec.ts'
import { decodeEnvelope } from '../../../sdk/core/envelope.ts'
import { keccak256 } from '../../../sdk/core/keccak.ts'
import { type Reserve, settle } from '../../../sdk/core/settlement.ts'
import { laneWordOf, stateDigest, ZERO_HASH } from '../../../sdk/core/state.ts'
import { divideTransfer, least, leavesRoot, type Outcomes, transferLeaf } from '../../../sdk/core/transfer.ts'
import {
  type Address,
  type Channel,
  COIN,
  type Domain,
  type Hex,
  type LedgerRef,
  type LedgerWord,
  type State,
  type WithdrawalPart,
} from '../../../sdk/core/types.ts'
import { withdrawalDigest } from '../../../sdk/core/withdrawal.ts'
import { commitmentOf, encodeWord, newestLaneWord } from '../../../sdk/core/word.ts'
import { verifyEnvelope, verifySignature } from '../../../sdk/signing/signature.ts'

const LAST = 2 ** 15 - 1

/** One ledger of two members, as the adjudicator keeps it. */
export interface Entry {
  readonly ref: LedgerRef
  readonly generation: number
  readonly seq: number
  readonly balances: readonly [bigint, bigint]
  readonly dispute: { readonly expiry: bigint; readonly base: readonly bigint[] } | undefined
  /** Lane words that answers and checkpoints recorded. */
  readonly lanes: readonly [bigint, bigint]
  /** By generation: the hash of what its settlement reserved. */
  readonly records: ReadonlyMap<number, Hex>
  /** By `generation/lane`: what was redeemed of that. */
  readonly redeemed: ReadonlyMap<string, { readonly positions: ReadonlySet<number>; readonly paid: bigint }>
}

export const freshEntry = (ref: LedgerRef): Entry => ({
  ref,
  ...NEW_LIFE,
  generation: 0,
  records: new Map(),
  redeemed: new Map(),
})

const NEW_LIFE = { seq: 0, balances: [0n, 0n], dispute: undefined, lanes: [0n, 0n] } as const

/** What a call did: the ledger afterwards, and who was paid. */
export interface Done {
  readonly entry: Entry
  readonly payouts: readonly { readonly to: Address; readonly amount: bigint }[]
  /** What it says about the ledger. */
  readonly told?: readonly (Pick<ChainEvent, 'kind' | 'args'> & { readonly word?: bigint })[]
}

/** The adjudicator would revert; `name` is its error. */
export class Refused extends Error {
  constructor(name: string) {
    super(`The adjudicator would revert with ${name}.`)
    this.name = name
  }
}

function require(condition: unknown, name: string): asserts condition {
  if (!condition) throw new Refused(name)
}

/** A packed call to a ledger, and what the chain knows of it. */
export interface Judged {
  readonly domain: Domain
  readonly sender: Address
  /** The block's time. */
  readonly now: bigint
  readonly entry: Entry
  /** What the registry holds; default: nothing. */
  readonly outcomes?: Outcomes
  /** Whose reserves a redemption divides. */
  readonly generation?: number
  readonly channel: Channel
  readonly packed: Uint8Array
}

/**
 * The adjudicator's rules for a ledger of two members, without an EVM: the same words, signatures, packed calls and refusals
 * as the contract, in the contract's order. What it leaves out: other conditions than secrets, and money that goes into another channel. `test/parity/model.test.ts` holds it against the contract.
 */
export function judge(name: string, channel: Hex, packed: Hex, call: Omit<Judged, 'channel' | 'packed'>): Done {
  const judged = { ...call, channel: decodeChannel(toBytes(channel)), packed: toBytes(packed) }
  const rule = { withdraw, submit, checkpoint, settle: settleLedger, redeem: redeemLedger }[name]
  if (!rule) throw new Error(`The model knows no function ${name}.`)
  return rule(judged)
}

/** The ledger after a deposit of coins that arrived. */
export function credit(entry: Entry, member: number, amount: bigint): Entry {
  require(member < 2, 'NoSuchMember')
  require(!entry.dispute && entry.generation < LAST, 'DepositRefused')
  return { ...entry, balances: plus(entry.balances, member, amount) }
}

function withdraw(call: Judged): Done {
  const { domain, entry, channel, now } = call
  const reader = new Reader(call.packed)
  const [closing, seq, validUntil, dispute] = [reader.bool(), reader.u16(), reader.u64(), reader.u64()]
  require(dispute === (entry.dispute?.expiry ?? 0n), 'WrongDispute')
  if (entry.dispute) readBase(entry, reader)
  require(now <= validUntil, 'Expired')
  require(seq === entry.seq, 'WrongSeq')
  require(closing || seq !== LAST, 'LastSeq')
  const parts = Array.from({ length: reader.u8() }, () => readPart(reader))
  const { generation, ref } = entry
  const order = { ...ref, generation, seq, parts, closing, validUntil, dispute }
  const byOwner = requireConsent(call, withdrawalDigest(domain, order), reader, true)

  let { balances } = entry
  for (const { member, amount } of parts) {
    require(member < 2, 'NoSuchMember')
    balances = plus(balances, member, -amount)
  }
  const left = balances[0] + balances[1]
  require(!closing || left === 0n, 'NotZero')
  require(left >= 0n, 'Overdrawn')
  for (const { member, to } of parts) require(to === COIN || byOwner[member], 'NeedsOwner')
  const payouts = parts.map(({ member, amount, to }) => ({
    to: to === COIN ? channel.members[member]!.owner : to,
    amount,
  }))
  const next = closing ? nextGeneration(entry) : { ...entry, seq: seq + 1, balances, dispute: undefined }
  return { entry: next, payouts, told: [{ kind: 'withdrawn', word: encodeWord(wordOf(next)), args: {} }] }
}

function submit(call: Judged): Done {
  const { entry, now, channel, sender } = call
  if (entry.dispute) {
    require(now < entry.dispute.expiry, 'DisputeOver')
    return raise(call)
  }
  require(call.packed[0] !== 0 || isMember(channel, sender), 'NotMember')
  const base = [encodeWord(wordOf(entry)), ...readLanes(call)]
  const next = { ...entry, dispute: { expiry: now + BigInt(channel.period), base } }
  return { entry: next, payouts: [], told: [{ kind: 'challenged', args: { base } }] }
}

function checkpoint(call: Judged): Done {
  require(!call.entry.dispute, 'AlreadyDisputed')
  return raise(call)
}

/** What is older than the challenge is recorded all the same, without effect: an answer does not know the challenge. */
function raise(call: Judged): Done {
  const { entry } = call
  const shown = readLanes(call)
  const rises = (lane: 0 | 1) => shown[lane] >> 192n > entry.lanes[lane] >> 192n
  require(rises(0) || rises(1), 'NothingRose')
  const lanes = [rises(0) ? shown[0] : entry.lanes[0], rises(1) ? shown[1] : entry.lanes[1]] as const
  return { entry: { ...entry, lanes }, payouts: [], told: [{ kind: 'raised', args: { lanes: shown } }] }
}

function settleLedger(call: Judged): Done {
  const { entry, now, channel } = call
  require(entry.dispute, 'NotDisputed')
  require(now >= entry.dispute.expiry, 'DisputeRunning')
  const reader = new Reader(call.packed)
  const [, ...committed] = readBase(entry, reader)
  const states = [0, 1].flatMap((lane) => {
    const newest = newestLaneWord(committed[lane]!, entry.lanes[lane]!)
    if (newest === 0n) return []
    const state = readState(reader, entry)
    require(laneWordOf(state) === newest, 'WrongState')
    return [state]
  })
  const whole = settle({ balances: entry.balances, states, transfers: new Map(), outcomes: none, now })
  const payouts = [...whole.payouts]
  const lists = readLists(reader)
  const reserves = whole.reserves.flatMap((reserve) => {
    const list = lists.find(({ lane }) => lane === reserve.lane)
    if (!list) return [reserve]
    const done = divide(reserve, list, new Set(), reserve.reserved, call, payouts)
    const leaves = list.entries.map((one, position) => (done.positions.has(position) ? ZERO_LEAF : leafOf(one)))
    const locked =
      reserve.locked - list.entries.reduce((sum, one, at) => sum + (done.positions.has(at) ? amountOf(one) : 0n), 0n)
    return [{ ...reserve, locked, reserved: reserve.reserved - done.paid, root: leavesRoot(leaves) }]
  })
  const left = reserves.filter(({ reserved }) => reserved > 0n)
  const records = new Map(entry.records)
  const packed = toHex(encodeReserves(left))
  if (left.length > 0) records.set(entry.generation, toHex(keccak256(toBytes(packed))))
  const reserved = { kind: 'reserved', args: { generation: entry.generation, reserves: packed } } as const
  return {
    entry: { ...nextGeneration(entry), records },
    payouts: payouts.map((amount, member) => ({ to: channel.members[member]!.owner, amount })),
    told: [...(left.length > 0 ? [reserved] : []), { kind: 'settled', args: {} }],
  }
}

/** Divides what a settlement reserved, as far as it is decided. */
function redeemLedger(call: Judged): Done {
  const { entry, channel, packed, generation = 0 } = call
  const reserves = readReserves(packed)
  const length = encodeReserves(reserves).length
  require(entry.records.get(generation) === toHex(keccak256(packed.subarray(0, length))), 'WrongRecord')
  const reader = new Reader(packed.subarray(length))
  const redeemed = new Map(entry.redeemed)
  const shares = [0n, 0n]
  for (const list of readLists(reader)) {
    const key = `${generation}/${list.lane}`
    const before = redeemed.get(key) ?? { positions: new Set<number>(), paid: 0n }
    const reserve = reserves.find(({ lane }) => lane === list.lane)
    require(reserve, 'NoSuchLane')
    const done = divide(reserve, list, before.positions, reserve.reserved - before.paid, call, shares)
    const positions = new Set([...before.positions, ...done.positions])
    redeemed.set(key, { positions, paid: before.paid + done.paid })
  }
  return {
    entry: { ...entry, redeemed },
    payouts: shares.map((amount, member) => ({ to: channel.members[member]!.owner, amount })),
    told: [{ kind: 'redeemed', args: { generation, payouts: shares } }],
  }
}

/** Pays the decided transfers of a list that are shown in full, in proportion to what is there. */
function divide(
  { locked, reserved, root }: Reserve,
  { entries }: LaneList,
  settled: ReadonlySet<number>,
  available: bigint,
  { outcomes = none, now }: Judged,
  payouts: bigint[],
): { readonly positions: ReadonlySet<number>; readonly paid: bigint } {
  require(leavesRoot(entries.map(leafOf)) === root, 'WrongTransfers')
  const positions = new Set<number>()
  let left = available
  for (const [position, one] of entries.entries()) {
    if (one instanceof Uint8Array || settled.has(position)) continue
    const amount = least(locked <= reserved ? one.amount : (one.amount * reserved) / locked, left)
    const shares = divideTransfer(one, outcomes, now, amount)
    if (!shares) continue
    for (const share of shares) payouts[share.to]! += share.amount
    left -= amount
    positions.add(position)
  }
  return { positions, paid: available - left }
}

const ZERO_LEAF = toBytes(ZERO_HASH)
const leafOf = (one: ListEntry): Uint8Array => (one instanceof Uint8Array ? one : transferLeaf(one))
const amountOf = (one: ListEntry): bigint => (one instanceof Uint8Array ? 0n : one.amount)

function readReserves(packed: Uint8Array): Reserve[] {
  const reader = new Reader(packed)
  const amount = () => BigInt(reader.hex(14))
  return Array.from({ length: reader.u8() }, () => ({
    lane: reader.u8(),
    locked: amount(),
    reserved: amount(),
    root: reader.hex(32),
  }))
}

const readLists = (reader: Reader): LaneList[] =>
  Array.from({ length: reader.u8() }, () => {
    const lane = reader.u8()
    return { lane, entries: Array.from({ length: reader.u16() }, () => readEntry(reader)) }
  })

function readEntry(reader: Reader): ListEntry {
  const count = reader.u8()
  if (count === 0) return reader.raw(32)
  const [amount, deadline, refundTo] = [BigInt(reader.hex(16)), reader.u64(), reader.u8()]
  const legs = Array.from({ length: count }, () => ({ to: reader.u8(), key: reader.hex(32) }))
  return { amount, deadline, refundTo, legs }
}

const none: Outcomes = () => undefined

export function wordOf({ generation, seq, balances, dispute, lanes }: Entry): LedgerWord {
  const recorded = lanes.some((word) => word !== 0n)
  return dispute
    ? { phase: 'disputed', recorded, generation, expiry: dispute.expiry, commitment: commitmentOf(dispute.base) }
    : { phase: 'open', recorded, generation, seq, balances }
}

const nextGeneration = ({ ref, generation, records, redeemed }: Entry): Entry => ({
  ref,
  records,
  redeemed,
  ...NEW_LIFE,
  generation: Math.min(generation + 1, LAST),
})

const plus = ([a, b]: Entry['balances'], member: number, amount: bigint): [bigint, bigint] =>
  member === 0 ? [a + amount, b] : [a, b + amount]

function readBase({ dispute }: Entry, reader: Reader): bigint[] {
  const base = [reader.u256(), reader.u256(), reader.u256()]
  require(commitmentOf(base) === commitmentOf(dispute!.base), 'WrongBase')
  return base
}

function readPart(reader: Reader): WithdrawalPart {
  const [member, amount, kind] = [reader.u8(), BigInt(reader.hex(14)), reader.u8()]
  if (kind > 1) throw new Error('The model sends nothing into other channels.')
  return { member, amount, to: kind === 1 ? reader.hex(20) : COIN, toChannel: ZERO_HASH, toMember: 0 }
}

/** The lane words of the states shown, with everybody's consent. */
function readLanes(call: Judged): [bigint, bigint] {
  const reader = new Reader(call.packed)
  const words: [bigint, bigint] = [0n, 0n]
  for (let left = reader.u8(); left > 0; left--) {
    const state = readState(reader, call.entry)
    requireConsent(call, stateDigest(call.domain, state), reader, false)
    require(words[1] === 0n && (state.lane === 1 || words[0] === 0n), 'UnsortedLane')
    words[state.lane as 0 | 1] = laneWordOf(state)
  }
  return words
}

function readState(reader: Reader, { ref, generation }: Entry): State {
  const [lane, version, locked] = [reader.u8(), reader.u64(), BigInt(reader.hex(14))]
  const transfersRoot = locked === 0n ? ZERO_HASH : reader.hex(32)
  const credits = [0, 1].map(() => BigInt.asIntN(112, BigInt(reader.hex(14))))
  require(lane < 2, 'NoSuchLane')
  require(version !== 0n, 'ZeroVersion')
  require(credits[0]! + credits[1]! + locked === 0n, 'Unbalanced')
  return { ...ref, generation, lane, version, credits, locked, transfersRoot }
}

const isMember = ({ members }: Channel, sender: Address): boolean =>
  members.some(({ signer, owner }) => signer === sender || owner === sender)

/** By member, whether its owner itself consented. */
function requireConsent(
  { domain, sender, channel }: Judged,
  digest: Uint8Array,
  reader: Reader,
  owners: boolean,
): boolean[] {
  let sent = false
  return channel.members.map(({ signer, owner }) => {
    const envelope = reader.raw(reader.u16())
    if (envelope.length === 0) {
      require(!sent && (sender === signer || sender === owner), 'BadSignature')
      sent = true
      return sender === owner
    }
    if (verifyEnvelope(domain, digest, envelope, signer)) return signer === owner
    require(owners && isOwners(digest, envelope, owner), 'BadSignature')
    return true
  })
}

/** An owner that is no contract signs like anybody, in 65 bytes. */
function isOwners(digest: Uint8Array, bytes: Uint8Array, owner: Address): boolean {
  const envelope = bytes[0] === 2 ? decodeEnvelope(concatBytes(bytes)) : undefined
  return envelope?.signature.length === 65 && verifySignature(digest, envelope.signature, owner)
}
