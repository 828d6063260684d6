import { concatBytes } from '@noble/hashes/utils.js'
import { fromUint, toBytes, toUint } from './bytes.ts'
import { encodeChannel } from './channel.ts'
import { Reader } from './codec.ts'
import type { Reserve } from './settlement.ts'
import { ZERO_HASH } from './state.ts'
import { transferLeaf } from './transfer.ts'
import {
  type Address,
  type Channel,
  COIN,
  type State,
  type Transfer,
  type Withdrawal,
  type WithdrawalPart,
} from './types.ts'

/** A state and every member's enveloped consent, in member order; `undefined`: the sender of the call itself. */
export interface SignedState {
  readonly state: State
  readonly signatures: readonly (Uint8Array | undefined)[]
}

/** One entry of a lane's list: a transfer to divide, or only the leaf of one that stays. */
export type ListEntry = Transfer | Uint8Array

/** A lane's transfers in the order of its root. */
export interface LaneList {
  readonly lane: number
  readonly entries: readonly ListEntry[]
}

/**
 * A lane's complete list with those transfers in full that `show` picks, of the others only the leaf.
 * @param settled Positions that the settlement paid already: their leaf is zero.
 */
export function laneList(
  lane: number,
  transfers: readonly Transfer[],
  show: (transfer: Transfer, position: number) => boolean,
  settled: ReadonlySet<number> = new Set(),
): LaneList {
  const entries = transfers.map((transfer, position) => {
    if (settled.has(position)) return new Uint8Array(32)
    return show(transfer, position) ? transfer : transferLeaf(transfer)
  })
  return { lane, entries }
}

const u = (value: bigint | number, size: number): Uint8Array => fromUint(BigInt(value), size)
const word = (value: bigint): Uint8Array => u(value, 32)
const counted = (items: readonly Uint8Array[]): Uint8Array => concatBytes(u(items.length, 1), ...items)
const twosComplement = (value: bigint): Uint8Array => u(BigInt.asUintN(112, value), 14)

/** `states` of docs/protocol.md §6: what `submit` and `checkpoint` take. */
export const encodeStates = (signed: readonly SignedState[]): Uint8Array =>
  counted(signed.map(({ state, signatures }) => concatBytes(encodeState(state), encodeSignatures(signatures))))

/**
 * `withdrawal` of docs/protocol.md §6.
 *
 * @param base `[openWord, laneWord...]` of the dispute that the withdrawal ends.
 * @param targets Channels named by parts, where their owner did not consent itself; by channel id.
 */
export function encodeWithdrawal(
  withdrawal: Withdrawal,
  signatures: readonly (Uint8Array | undefined)[],
  base: readonly bigint[] = [],
  targets: ReadonlyMap<string, Channel> = new Map(),
): Uint8Array {
  const { closing, seq, validUntil, dispute, parts } = withdrawal
  return concatBytes(
    u(closing ? 1 : 0, 1),
    u(seq, 2),
    u(validUntil, 8),
    u(dispute, 8),
    ...base.map(word),
    counted(parts.map((part) => encodePart(part, targets))),
    encodeSignatures(signatures),
  )
}

/** `proof` of docs/protocol.md §6: what `settle` takes. `states`: the newest of each lane that has one, in lane order. */
export const encodeProof = (
  base: readonly bigint[],
  states: readonly State[],
  lists: readonly LaneList[] = [],
): Uint8Array => concatBytes(...base.map(word), ...states.map(encodeState), encodeLists(lists))

/** `redemption` of docs/protocol.md §6. */
export const encodeRedemption = (reserves: readonly Reserve[], lists: readonly LaneList[]): Uint8Array =>
  concatBytes(encodeReserves(reserves), encodeLists(lists))

/** `reserves` of docs/protocol.md §6; its hash is the generation's record. */
export const encodeReserves = (reserves: readonly Reserve[]): Uint8Array =>
  counted(
    reserves.map(({ lane, locked, reserved, root }) =>
      concatBytes(u(lane, 1), u(locked, 14), u(reserved, 14), toBytes(root, 32)),
    ),
  )

/** `state` of docs/protocol.md §6, without signatures. */
export function encodeState({ lane, version, locked, transfersRoot, credits }: State): Uint8Array {
  const root = locked === 0n ? [] : [toBytes(transfersRoot, 32)]
  return concatBytes(u(lane, 1), u(version, 8), u(locked, 14), ...root, ...credits.map(twosComplement))
}

/** Reads the reserves that the adjudicator announced as waiting. Throws a MalformedBytesError. */
export function decodeReserves(bytes: Uint8Array): Reserve[] {
  const reader = new Reader(bytes)
  const amount = () => toUint(reader.raw(14))
  const reserves = Array.from({ length: reader.u8() }, () => {
    return { lane: reader.u8(), locked: amount(), reserved: amount(), root: reader.hex(32) }
  })
  reader.end()
  return reserves
}

function encodeSignatures(signatures: readonly (Uint8Array | undefined)[]): Uint8Array {
  return concatBytes(...signatures.map((one = new Uint8Array()) => concatBytes(u(one.length, 2), one)))
}

function encodePart(
  { member, amount, to, toChannel, toMember }: WithdrawalPart,
  targets: ReadonlyMap<string, Channel>,
): Uint8Array {
  const head = [u(member, 1), u(amount, 14)]
  const target = targets.get(toChannel)
  if (target) return concatBytes(...head, u(3, 1), u(toMember, 1), u(target.members.length, 1), encodeChannel(target))
  if (toChannel !== ZERO_HASH) return concatBytes(...head, u(2, 1), toBytes(toChannel, 32), u(toMember, 1))
  return isOwner(to) ? concatBytes(...head, u(0, 1)) : concatBytes(...head, u(1, 1), toBytes(to, 20))
}

const isOwner = (to: Address): boolean => to === COIN

const encodeLists = (lists: readonly LaneList[]): Uint8Array => counted(lists.map(encodeList))

/** `list` of docs/protocol.md §6. */
export const encodeList = ({ lane, entries }: LaneList): Uint8Array =>
  concatBytes(u(lane, 1), u(entries.length, 2), ...entries.map(encodeEntry))

function encodeEntry(entry: ListEntry): Uint8Array {
  if (entry instanceof Uint8Array) return concatBytes(u(0, 1), entry)
  const { amount, deadline, refundTo, legs } = entry
  const packed = legs.map(({ to, key }) => concatBytes(u(to, 1), toBytes(key, 32)))
  return concatBytes(u(legs.length, 1), u(amount, 16), u(deadline, 8), u(refundTo, 1), ...packed)
}
