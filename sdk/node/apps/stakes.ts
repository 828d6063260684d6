import { toHex } from '../../core/bytes.ts'
import { Reader, Writer } from '../../core/codec.ts'
import type { Hex } from '../../core/types.ts'
import type { AppSlot } from './app-slot.ts'

/** A stake of an instance that is locked. */
export interface Staked {
  /** Of its lock, 16 bytes. */
  readonly id: Hex
  /** Its place in the terms. */
  readonly index: number
  /** Its payer cannot take it back. */
  readonly held: boolean
  /** The value at which its payee wants it to end, if it has said so. */
  readonly asked: bigint | undefined
}

/** A kind of place where the stakes of instances are locked. */
export interface Stakes {
  /** From now on {@link Staking} hears what happens to them. */
  start(): void
  /** Locks these stakes of this node, by their places in the terms. Rejects if one cannot be locked. */
  lock(slot: AppSlot, indices: readonly number[]): Promise<void>
  /** What is locked by this node, or for it. */
  list(slot: AppSlot, direction: 'in' | 'out'): readonly Staked[]
  /** As its payee: wants it to end at this value; 0n gives it back. */
  ask(slot: AppSlot, staked: Staked, value: bigint): void
  /** As its payer: lets it end at this value, or at a lower one that its payee wants. */
  grant(slot: AppSlot, staked: Staked, value: bigint): void
  /** The registry holds what seats get, or the deadline has passed. */
  redeem(slot: AppSlot): void
  /** Whether the chain may still decide on a stake that is in no list. */
  isUnsure(slot: AppSlot): boolean
}

/** What a lock says of itself: the instance, and which stake of it. */
export const noteOf = (id: Hex, index: number): Uint8Array => new Writer(33).hex(id, 32).u8(index).finish()

/** Reads what {@link noteOf} wrote; undefined: something else. */
export function readNote(note: Uint8Array): { readonly id: Hex; readonly index: number } | undefined {
  if (note.length !== 33) return undefined
  const reader = new Reader(note)
  return { id: toHex(reader.raw(32)), index: reader.u8() }
}
