import { toHex } from '../core/bytes.ts'
import { decodeChannel, encodeChannel, ledgerName } from '../core/channel.ts'
import { Reader, Writer } from '../core/codec.ts'
import type { Address, Channel, ChannelId, Domain, Hex, LedgerRef } from '../core/types.ts'
import type { Store } from '../storage/store.ts'
import { clearLocator, sealOf } from './appointment.ts'

// Disputes are remembered from the moment they are seen:
//
//   tower/dispute/<channelId>/<asset>         transaction, block, expiry, and the channel once it was found

const PREFIX = 'tower/dispute/'
/** Bytes of a packed channel of 32 members. */
const MAX_CHANNEL = 1_300

/** A dispute that was seen, of anybody. */
export interface Dispute extends LedgerRef {
  readonly transaction: Hex
  readonly block: number
  readonly expiry: bigint
  readonly channel: Channel | undefined
}

/** The disputes that are not over, in memory and in the store, also by the locators of appointments for them. */
export class Disputes {
  readonly #store: Store
  readonly #domain: Domain
  readonly #byKey = new Map<string, Dispute>()
  readonly #byLocator = new Map<Hex, string>()

  constructor(store: Store, domain: Domain) {
    this.#store = store
    this.#domain = domain
  }

  async load(): Promise<void> {
    for await (const [key, value] of this.#store.list(PREFIX)) this.#note(decode(key, value))
  }

  get(key: string): Dispute | undefined {
    return this.#byKey.get(key)
  }

  /** The one for which there may be an appointment under this locator. */
  at(locator: Hex): Dispute | undefined {
    return this.#byKey.get(this.#byLocator.get(locator) ?? '')
  }

  [Symbol.iterator](): Iterator<[string, Dispute]> {
    return this.#byKey.entries()
  }

  async keep(dispute: Dispute): Promise<void> {
    this.#note(dispute)
    await this.#store.commit([{ key: PREFIX + ledgerName(dispute), value: encode(dispute) }])
  }

  async forget(key: string): Promise<void> {
    const dispute = this.#byKey.get(key)
    if (!dispute) return
    this.#byKey.delete(key)
    for (const locator of this.#locators(dispute)) this.#byLocator.delete(locator)
    await this.#store.commit([{ key: PREFIX + key, value: null }])
  }

  #note(dispute: Dispute): void {
    const key = ledgerName(dispute)
    this.#byKey.set(key, dispute)
    for (const locator of this.#locators(dispute)) this.#byLocator.set(locator, key)
  }

  #locators(dispute: Dispute): Hex[] {
    const { channel, asset } = dispute
    const sealed = channel ? [sealOf(this.#domain, channel, asset).locator] : []
    return [clearLocator(dispute), ...sealed]
  }
}

const encode = ({ transaction, block, expiry, channel }: Dispute): Uint8Array =>
  new Writer(160)
    .hex(transaction, 32)
    .varuint(block)
    .u64(expiry)
    .bytes(channel ? encodeChannel(channel) : new Uint8Array(), MAX_CHANNEL)
    .finish()

function decode(key: string, value: Uint8Array): Dispute {
  const [channelId, asset] = key.slice(PREFIX.length).split('/') as [ChannelId, Address]
  const reader = new Reader(value)
  const head = { channelId, asset, transaction: toHex(reader.raw(32)), block: reader.varuint(), expiry: reader.u64() }
  const packed = reader.bytes(MAX_CHANNEL)
  reader.end()
  return { ...head, channel: packed.length > 0 ? decodeChannel(packed) : undefined }
}
