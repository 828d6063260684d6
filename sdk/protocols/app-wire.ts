import { decodeInstance, encodeInstance, MAX_APP_STATE, MAX_SEATS } from '../core/app.ts'
import { toHex } from '../core/bytes.ts'
import { MalformedBytesError, Reader, Writer } from '../core/codec.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Address, Hex } from '../core/types.ts'
import type { Agreed, AppSession, AppTerms, Pending, Position, Signatures, Stake } from './app.ts'
import type { AppMessage } from './app-machine.ts'

// What players say to each other about instances of apps, and how a node keeps one.

/** A step between two players; `id` names the instance. */
export type AppStepMessage =
  /**
   * Asks to play; the sender has agreed to the terms. `addresses`: where the player of each seat can be dialled; empty: not known. `onionKey`:
   * what the locks of its stakes are sealed for.
   */
  | {
      readonly kind: 'propose'
      readonly terms: AppTerms
      readonly addresses: readonly string[]
      readonly onionKey: Hex
    }
  /** `heard`: the receiver's own consent is known; else it says it again. */
  | { readonly kind: 'accept'; readonly id: Hex; readonly onionKey: Hex; readonly heard: boolean }
  /** All stakes for the sender are locked, on terms of this digest. Nobody signs the opening before all have said so of the same terms. */
  | { readonly kind: 'staked'; readonly id: Hex; readonly terms: Hex }
  /** The sender does not play, or does not any more: it gives back what is locked to it. */
  | { readonly kind: 'decline'; readonly id: Hex; readonly code: string }
  | (AppMessage & { readonly id: Hex })

const KINDS = ['propose', 'accept', 'staked', 'decline', 'signed', 'moved'] as const
/** Stakes of an instance at most. */
export const MAX_STAKES = 255

/** Bytes of an address at most. */
const MAX_ADDRESS = 512
const SIGNATURE = 64
const MAX_INSTANCE = 45 + 20 * MAX_SEATS
/** Bytes of one step at most. */
export const MAX_APP_STEP = 4 * MAX_APP_STATE

export function encodeAppStep(message: AppStepMessage): Uint8Array {
  const writer = new Writer().u8(KINDS.indexOf(message.kind))
  if (message.kind === 'propose') return writeProposal(writer, message).finish()
  writer.hex(message.id, 32)
  switch (message.kind) {
    case 'accept':
      return writer.hex(message.onionKey, 32).bool(message.heard).finish()
    case 'staked':
      return writer.hex(message.terms, 32).finish()
    case 'decline':
      return writer.text(message.code, 64).finish()
    case 'signed':
      return writer.u32(message.version).bytes(message.signature, SIGNATURE).finish()
    case 'moved': {
      const { version, move, signature, base } = message
      writer.u32(version).bytes(move, MAX_APP_STATE).bytes(signature, SIGNATURE).u8(base.length)
      for (const one of base) writer.bytes(one, SIGNATURE)
      return writer.finish()
    }
  }
}

const writeProposal = (writer: Writer, { terms, addresses, onionKey }: AppStepMessage & { kind: 'propose' }): Writer =>
  writeAddresses(writeTerms(writer, terms), addresses).hex(onionKey, 32)

/** Names terms as a whole, 32 bytes: an id names the instance alone, and a proposer could tell each player of other stakes for it. */
export const termsDigest = (terms: AppTerms): Hex => toHex(keccak256(writeTerms(new Writer(512), terms).finish()))

/** Where players can be dialled. */
export function writeAddresses(writer: Writer, addresses: readonly string[]): Writer {
  writer.u8(addresses.length)
  for (const address of addresses) writer.text(address, MAX_ADDRESS)
  return writer
}

/** Reads what {@link writeAddresses} wrote. */
export const readAddresses = (reader: Reader): string[] => list(reader, MAX_SEATS, () => reader.text(MAX_ADDRESS))

/** Throws a MalformedBytesError or an InvalidInstanceError. */
export function decodeAppStep(bytes: Uint8Array): AppStepMessage {
  const reader = new Reader(bytes)
  const message = readStep(reader)
  reader.end()
  return message
}

function readStep(reader: Reader): AppStepMessage {
  const kind = KINDS[reader.u8()]
  if (kind === undefined) throw new MalformedBytesError(0, 'This step of an app is unknown')
  if (kind === 'propose')
    return { kind, terms: readTerms(reader), addresses: readAddresses(reader), onionKey: reader.hex(32) }
  const id: Hex = reader.hex(32)
  switch (kind) {
    case 'accept':
      return { kind, id, onionKey: reader.hex(32), heard: reader.bool() }
    case 'staked':
      return { kind, id, terms: reader.hex(32) }
    case 'decline':
      return { kind, id, code: reader.text(64) }
    case 'signed':
      return { kind, id, version: reader.u32(), signature: reader.bytes(SIGNATURE) }
    case 'moved': {
      const [version, move, signature] = [reader.u32(), reader.bytes(MAX_APP_STATE), reader.bytes(SIGNATURE)]
      return { kind, id, version, move, signature, base: list(reader, MAX_SEATS, () => reader.bytes(SIGNATURE)) }
    }
  }
}

function list<T>(reader: Reader, max: number, read: () => T): T[] {
  const count = reader.u8()
  if (count > max) throw new MalformedBytesError(0, `${count} are more than ${max}`)
  return Array.from({ length: count }, read)
}

function writeTerms(writer: Writer, { instance, opening, stakes, deadline, group }: AppTerms): Writer {
  writer.bytes(encodeInstance(instance), MAX_INSTANCE).bytes(opening, MAX_APP_STATE).u64(deadline).u8(stakes.length)
  for (const { from, to, asset, amount } of stakes) writer.u8(from).u8(to).hex(asset, 20).u128(amount)
  writer.bool(group !== undefined)
  return group ? writer.hex(group.channelId, 32).u32(group.generation) : writer
}

function readTerms(reader: Reader): AppTerms {
  const instance = decodeInstance(reader.bytes(MAX_INSTANCE))
  const [opening, deadline] = [reader.bytes(MAX_APP_STATE), reader.u64()]
  const stake = (): Stake => ({
    from: reader.u8(),
    to: reader.u8(),
    asset: reader.hex(20) as Address,
    amount: reader.u128(),
  })
  const stakes = list(reader, MAX_STAKES, stake)
  const group = reader.bool() ? { channelId: reader.hex(32), generation: reader.u32() } : undefined
  return { instance, opening, deadline, stakes, group }
}

/** A session for the store. */
export function encodeSession({ id, terms, me, agreed, pending, closing, disputed }: AppSession): Uint8Array {
  const writer = writeTerms(new Writer(512).hex(id, 32).hex(me, 20).bool(disputed), terms)
  writer.bool(agreed !== undefined)
  if (agreed) writeSignatures(writePosition(writer.u32(agreed.version), agreed), agreed.signatures)
  writer.bool(pending !== undefined)
  if (pending) writePending(writer, pending)
  writer.bool(closing !== undefined)
  if (closing) writeSignatures(writer, closing)
  return writer.finish()
}

export function decodeSession(bytes: Uint8Array): AppSession {
  const reader = new Reader(bytes)
  const [id, me, disputed]: [Hex, Address, boolean] = [reader.hex(32), reader.hex(20), reader.bool()]
  const terms = readTerms(reader)
  const agreed = reader.bool() ? readAgreed(reader) : undefined
  const pending = reader.bool() ? readPending(reader) : undefined
  const closing = reader.bool() ? readSignatures(reader) : undefined
  reader.end()
  return { id, me, disputed, terms, agreed, pending, closing }
}

/** 255 for nobody's turn. */
const writePosition = (writer: Writer, { state, turn }: Position): Writer =>
  writer.bytes(state, MAX_APP_STATE).u8(turn ?? 255)

function readPosition(reader: Reader): Position {
  const [state, turn] = [reader.bytes(MAX_APP_STATE), reader.u8()]
  return { state, turn: turn === 255 ? undefined : turn }
}

function writeSignatures(writer: Writer, signatures: Signatures): void {
  writer.u8(signatures.length)
  for (const one of signatures) writer.bytes(one ?? new Uint8Array(0), SIGNATURE)
}

function readSignatures(reader: Reader): Signatures {
  return list(reader, MAX_SEATS, () => {
    const bytes = reader.bytes(SIGNATURE)
    return bytes.length === 0 ? undefined : bytes
  })
}

function readAgreed(reader: Reader): Agreed {
  const version = reader.u32()
  // Only complete ones are written.
  return { version, ...readPosition(reader), signatures: readSignatures(reader) as readonly Uint8Array[] }
}

function writePending(writer: Writer, pending: Pending): void {
  writePosition(writer.u32(pending.version), pending).bool(pending.move !== undefined)
  if (pending.move)
    writer.u8(pending.move.seat).bytes(pending.move.bytes, MAX_APP_STATE).bytes(pending.move.before, MAX_APP_STATE)
  writeSignatures(writer, pending.signatures)
}

function readPending(reader: Reader): Pending {
  const version = reader.u32()
  const position = readPosition(reader)
  const move = reader.bool()
    ? { seat: reader.u8(), bytes: reader.bytes(MAX_APP_STATE), before: reader.bytes(MAX_APP_STATE) }
    : undefined
  return { version, ...position, move, signatures: readSignatures(reader) }
}
