import { decodeChannel, encodeChannel, memberBySigner } from '../../core/channel.ts'
import { Reader, Writer } from '../../core/codec.ts'
import { TallystickError } from '../../core/errors.ts'
import type { Address, Channel, ChannelId, Domain, LedgerRef } from '../../core/types.ts'
import { newLedger, type Terms } from '../../protocols/ledger.ts'
import {
  decodeLedger,
  encodeLedger,
  RECORD_VERSION,
  readBack,
  restoreLedger,
  type StoredLane,
} from '../../protocols/record.ts'
import { MAX_OWNER_SIGNATURE } from '../../protocols/wire.ts'
import type { Store } from '../../storage/store.ts'
import { CHANNELS, channelKey, LEDGERS, ledgerKey, NODE_KEY, parseLedgerKey } from '../keys.ts'
import { readLane } from './history.ts'
import type { Order } from './queue.ts'
import { type ChannelEntry, Slot } from './slot.ts'

/** The store holds the money of another key, chain or adjudicator, or of a newer program. */
export class ForeignStoreError extends TallystickError {
  readonly code: 'STORE_OF_ANOTHER_NODE' | 'STORE_OF_NEWER_VERSION'

  constructor(code: ForeignStoreError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}

/** This node shares no such channel. */
export class UnknownChannelError extends TallystickError {
  readonly code = 'UNKNOWN_CHANNEL'

  constructor(what: string) {
    super(`This node has no channel ${what}. List channels with channels(), or open one.`)
  }
}

export interface BookOptions {
  readonly store: Store
  readonly domain: Domain
  readonly signer: Address
  readonly verify: Terms['verify']
}

/** The channels and ledgers of a node, in memory and in its store. */
export class Book {
  readonly channels = new Map<ChannelId, ChannelEntry>()
  readonly #slots = new Map<string, Slot>()
  readonly #byPeer = new Map<Address, Set<Slot>>()
  readonly #options: BookOptions
  #numbers = 0

  constructor(options: BookOptions) {
    this.#options = options
  }

  get slots(): IterableIterator<Slot> {
    return this.#slots.values()
  }

  slot(ref: LedgerRef): Slot | undefined {
    return this.#slots.get(ledgerKey(ref))
  }

  slotsOf(peer: Address): Iterable<Slot> {
    return this.#byPeer.get(peer) ?? []
  }

  /** Whether there is any ledger with this peer. */
  shares(peer: Address): boolean {
    return this.#byPeer.has(peer)
  }

  /** Throws {@link UnknownChannelError}. */
  channel(channelId: ChannelId): ChannelEntry {
    const entry = this.channels.get(`${channelId}`.toLowerCase() as ChannelId)
    if (!entry) throw new UnknownChannelError(channelId)
    return entry
  }

  assets(channelId: ChannelId): Address[] {
    return [...this.#slots.values()].flatMap(({ ledger }) => (ledger.channelId === channelId ? [ledger.asset] : []))
  }

  /** Reads everything back. Throws {@link ForeignStoreError}. */
  async load(): Promise<void> {
    const { store } = this.#options
    await this.#claim()
    for await (const [, bytes] of store.list(CHANNELS)) {
      const reader = new Reader(bytes)
      const channelId = reader.hex(32)
      const channel = decodeChannel(reader.bytes(1_300))
      const entry = this.#enter(channelId, channel, reader.text(512) || undefined)
      if (reader.bool()) entry.revocation = { member: reader.u8(), signature: reader.bytes(MAX_OWNER_SIGNATURE) }
    }
    for await (const [key, bytes] of store.list(LEDGERS)) await this.#loadLedger(parseLedgerKey(key), bytes)
  }

  async #loadLedger(ref: LedgerRef, bytes: Uint8Array): Promise<void> {
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    const stored = decodeLedger(bytes.subarray(4), ref)
    // A frozen ledger's lanes were adopted from the peer, beyond what the history holds.
    const complete = async (lane: StoredLane) => (stored.frozen ? lane : this.#complete(lane, number))
    const ledger = restoreLedger(stored, await complete(stored.own), await complete(stored.peer))
    this.#place(this.channel(ref.channelId), number, ledger)
  }

  async #complete(stored: StoredLane, number: number): Promise<StoredLane> {
    let lane = stored
    const { from, newest } = stored
    if (from === undefined) return lane
    const place = { number, generation: newest.generation, lane: newest.lane }
    for await (const { version, entry } of readLane(this.#options.store, place, from))
      lane = readBack(lane, version, entry)
    return lane
  }

  /** The first start marks the store as this node's. */
  async #claim(): Promise<void> {
    const { store, domain, signer } = this.#options
    const mark = new Writer()
      .u16(RECORD_VERSION)
      .u256(domain.chainId)
      .hex(domain.adjudicator, 20)
      .hex(signer, 20)
      .finish()
    const stored = await store.get(NODE_KEY)
    if (!stored) return store.commit([{ key: NODE_KEY, value: mark }])
    const version = new Reader(stored).u16()
    if (version > RECORD_VERSION)
      throw new ForeignStoreError(
        'STORE_OF_NEWER_VERSION',
        `The store has layout ${version}, this program knows ${RECORD_VERSION}. Update Tallystick.`,
      )
    if (stored.some((byte, i) => byte !== mark[i]))
      throw new ForeignStoreError(
        'STORE_OF_ANOTHER_NODE',
        'The store belongs to another key, chain or adjudicator. Use the key and chain it was made with, or another store.',
      )
  }

  /** A new channel, or one that is known already. */
  enter(channelId: ChannelId, channel: Channel, address: string | undefined): ChannelEntry {
    return this.channels.get(channelId) ?? this.#enter(channelId, channel, address)
  }

  #enter(channelId: ChannelId, channel: Channel, address: string | undefined): ChannelEntry {
    const me = memberBySigner(channel, this.#options.signer)
    if (me === undefined) throw new UnknownChannelError(channelId)
    const entry: ChannelEntry = {
      channelId,
      channel,
      me,
      peer: channel.members[1 - me]!.signer,
      address,
      revocation: undefined,
    }
    this.channels.set(channelId, entry)
    return entry
  }

  /** A new ledger of a channel, or one that is known already. */
  place(entry: ChannelEntry, asset: Address): Slot {
    const ref = { channelId: entry.channelId, asset }
    return this.slot(ref) ?? this.#place(entry, this.#numbers, newLedger(ref, entry.me))
  }

  #place(entry: ChannelEntry, number: number, ledger: Slot['ledger']): Slot {
    const { domain, verify } = this.#options
    const revoked = entry.revocation !== undefined
    const slot = new Slot(entry, { domain, channel: entry.channel, verify }, number, { ...ledger, revoked })
    this.#numbers = Math.max(this.#numbers, number + 1)
    this.#slots.set(ledgerKey(ledger), slot)
    const siblings = this.#byPeer.get(entry.peer) ?? new Set()
    this.#byPeer.set(entry.peer, siblings.add(slot))
    return slot
  }
}

/** A channel as stored. */
export function channelRecord({ channelId, channel, address, revocation }: ChannelEntry) {
  const writer = new Writer()
    .hex(channelId, 32)
    .bytes(encodeChannel(channel), 1_300)
    .text(address ?? '', 512)
    .bool(revocation !== undefined)
  if (revocation) writer.u8(revocation.member).bytes(revocation.signature, MAX_OWNER_SIGNATURE)
  return { key: channelKey(channelId), value: writer.finish() }
}

/** A ledger as stored. */
export function ledgerRecord({ ledger, number }: Slot): { key: string; value: Uint8Array } {
  const body = encodeLedger(ledger)
  const value = new Uint8Array(4 + body.length)
  new DataView(value.buffer).setUint32(0, number)
  value.set(body, 4)
  return { key: ledgerKey(ledger), value }
}

/** Where a payment is whose id the user chose, and what it came to. */
export interface IdEntry {
  readonly generation: number
  readonly version: bigint
  readonly amount: bigint
}

export const idRecord = (generation: number, { last, total }: Order): Uint8Array =>
  new Writer(32).u16(generation).u64(last).u128(total).finish()

export function decodeIdRecord(bytes: Uint8Array): IdEntry {
  const reader = new Reader(bytes)
  const entry = { generation: reader.u16(), version: reader.u64(), amount: reader.u128() }
  reader.end()
  return entry
}
