import { concatBytes } from '@noble/hashes/utils.js'
import type { ChainEvent } from '../chain/chain.ts'
import { fromUint, toBytes, toHex } from '../core/bytes.ts'
import { typedDigest, typeHash } from '../core/eip712.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Address, Channel, Domain, Hex, LedgerRef } from '../core/types.ts'
import { decodeWord, newestLaneWord } from '../core/word.ts'
import { verifySignature } from '../signing/signature.ts'
import type { SessionSigner } from '../signing/signer.ts'
import { type Appointment, type Evidence, InvalidAppointmentError, openAppointment } from './appointment.ts'

// Client and tower sign what they tell each other, so that either can prove to anybody what was agreed: the tower's receipt that
// it had to answer, the client's next order that it had not any more.

export const ORDER_TYPE = 'TowerOrder(address tower,bytes32 locator,uint64 sequence,bytes32 content)'
export const RECEIPT_TYPE =
  'TowerReceipt(address client,bytes32 locator,uint64 sequence,bytes32 content,uint64 from,uint64 until)'

const ORDER_TYPE_HASH = typeHash(ORDER_TYPE)
const RECEIPT_TYPE_HASH = typeHash(RECEIPT_TYPE)

/** A client's wish: watch by this content from now on, in place of all of a lower sequence. */
export interface Order {
  readonly locator: Hex
  readonly sequence: bigint
  /** keccak256 of the appointment's body; zero: watch no more. */
  readonly content: Hex
  /** The client's, 64 bytes. */
  readonly signature: Uint8Array
}

/** A tower's promise to answer disputes about one ledger that begin between `from` and `until` (chain seconds). */
export interface Receipt {
  readonly client: Address
  readonly locator: Hex
  readonly sequence: bigint
  /** keccak256 of the appointment's body. */
  readonly content: Hex
  readonly from: bigint
  readonly until: bigint
  /** The tower's, 64 bytes. */
  readonly signature: Uint8Array
}

/** A dispute that ended below what a tower had promised to show. */
export interface BrokenPromise extends LedgerRef {
  readonly generation: number
  readonly challengedAt: bigint
  readonly expiry: bigint
  readonly lane: number
  readonly promised: bigint
  readonly settled: bigint
}

/** What orders and receipts name an appointment's content by. */
export const contentOf = ({ body }: Pick<Appointment, 'body'>): Hex => toHex(keccak256(body))

const word = (value: bigint): Uint8Array => fromUint(value, 32)

export function orderDigest(domain: Domain, tower: Address, order: Omit<Order, 'signature'>): Uint8Array {
  const { locator, sequence, content } = order
  const fields = [word(BigInt(tower)), toBytes(locator, 32), word(sequence), toBytes(content, 32)]
  return typedDigest(domain, keccak256(concatBytes(ORDER_TYPE_HASH, ...fields)))
}

/** Whether `client` gave this order to `tower`. */
export const verifyOrder = (domain: Domain, tower: Address, client: Address, order: Order): boolean =>
  verifySignature(orderDigest(domain, tower, order), order.signature, client)

export function receiptDigest(domain: Domain, receipt: Omit<Receipt, 'signature'>): Uint8Array {
  const { client, locator, sequence, content, from, until } = receipt
  const promise = [word(BigInt(client)), toBytes(locator, 32), word(sequence), toBytes(content, 32)]
  return typedDigest(domain, keccak256(concatBytes(RECEIPT_TYPE_HASH, ...promise, word(from), word(until))))
}

/** Signs a tower's promise. */
export function signReceipt(domain: Domain, signer: SessionSigner, receipt: Omit<Receipt, 'signature'>): Receipt {
  return { ...receipt, signature: signer.sign(receiptDigest(domain, receipt)) }
}

/** Whether `tower` signed this receipt. */
export const verifyReceipt = (domain: Domain, tower: Address, receipt: Receipt): boolean =>
  verifySignature(receiptDigest(domain, receipt), receipt.signature, tower)

/**
 * The disputes in which a tower broke the promise of this receipt: they began while it was bound, were settled, and some lane counted
 * less than the appointment held. Anybody can judge so who has the receipt, the appointment, the channel and the ledger's events
 * (`chain.history`). A dispute that the members ended by agreement breaks no promise, and `later`, an order of the same client with a
 * higher sequence, ends it: that is the tower's defence.
 */
export function brokenPromises(
  domain: Domain,
  tower: Address,
  receipt: Receipt,
  proof: {
    readonly appointment: Appointment
    readonly channel: Channel
    readonly asset: Address
    readonly events: readonly ChainEvent[]
    readonly later?: Order
  },
): BrokenPromise[] {
  const { appointment, events, later } = proof
  const isTheirs =
    verifyReceipt(domain, tower, receipt) &&
    receipt.content === contentOf(appointment) &&
    receipt.locator === appointment.locator &&
    receipt.sequence === appointment.sequence
  const isOver =
    later !== undefined &&
    later.locator === receipt.locator &&
    later.sequence > receipt.sequence &&
    verifyOrder(domain, tower, receipt.client, later)
  if (!isTheirs || isOver) return []
  try {
    const evidence = openAppointment(domain, appointment, proof)
    return disputesIn(events, evidence).flatMap((dispute) => shortfalls(dispute, evidence, receipt))
  } catch (error) {
    // Bytes that nobody could have shown to the chain oblige to nothing.
    if (error instanceof InvalidAppointmentError) return []
    throw error
  }
}

interface SettledDispute {
  readonly generation: number
  readonly challengedAt: bigint
  readonly expiry: bigint
  /** The lane words that counted. */
  readonly lanes: readonly bigint[]
}

/** Every dispute of a ledger that was settled, from its events, oldest first. */
function disputesIn(events: readonly ChainEvent[], { channelId, asset }: LedgerRef): SettledDispute[] {
  const found: SettledDispute[] = []
  let running: SettledDispute | undefined
  // What answers and checkpoints recorded outlives a dispute that a withdrawal ended, within its generation.
  let recorded: readonly bigint[] = [0n, 0n]
  for (const event of events) {
    if (event.channelId !== channelId || event.asset !== asset) continue
    if (event.kind === 'challenged') {
      const disputed = decodeWord(event.word)
      if (disputed.phase !== 'disputed') continue
      const { generation, expiry } = disputed
      const [, ...lanes] = event.args.base as bigint[]
      running = { generation, challengedAt: event.block.timestamp, expiry, lanes }
    } else if (event.kind === 'raised') {
      const lanes = event.args.lanes as bigint[]
      recorded = recorded.map((known, lane) => newestLaneWord(known, lanes[lane] ?? 0n))
    } else if (event.kind === 'settled') {
      const lanes = running?.lanes.map((shown, lane) => newestLaneWord(shown, recorded[lane]!))
      if (running) found.push({ ...running, lanes: lanes! })
      running = undefined
      recorded = [0n, 0n]
    } else if (event.kind === 'withdrawn') {
      running = undefined
      if (!decodeWord(event.word).recorded) recorded = [0n, 0n]
    }
  }
  return found
}

function shortfalls(
  { generation, challengedAt, expiry, lanes }: SettledDispute,
  evidence: Evidence,
  { from, until }: Receipt,
): BrokenPromise[] {
  if (generation !== evidence.generation || challengedAt < from || challengedAt > until) return []
  const { channelId, asset } = evidence
  return evidence.states.flatMap(({ state: { lane, version } }) => {
    const settled = lanes[lane]! >> 192n
    if (version <= settled) return []
    return { channelId, asset, generation, challengedAt, expiry, lane, promised: version, settled }
  })
}
