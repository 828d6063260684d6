import { Reader, Writer } from '../core/codec.ts'
import type { Address, ChannelId, Hex, LedgerRef } from '../core/types.ts'
import type { Store, Write } from '../storage/store.ts'
import { type Appointment, putBody, readBody } from './appointment.ts'
import type { Receipt } from './receipt.ts'

// What a client remembers of each tower, in its node's own store:
//
//   watch/<tower>/<channelId>/<asset>         what the tower holds, and its receipt

const PREFIX = 'watch/'

/** What a tower holds of one ledger, and its promise: with both anybody can judge whether it was kept. */
export interface Kept {
  /** Of the evidence and how it is shown; says whether there is something newer. */
  readonly digest: Hex
  readonly appointment: Appointment
  readonly receipt: Receipt
}

/** What one of a node's towers holds of a ledger; see `brokenPromises`. */
export interface TowerReceipt extends Kept {
  readonly tower: Address
}

export const progressKey = (tower: Address, { channelId, asset }: LedgerRef): string =>
  `${PREFIX}${tower}/${channelId}/${asset}`

/** Everything that `client` knows a tower to hold, by ledger. */
export async function* readProgress(
  store: Store,
  tower: Address,
  client: Address,
): AsyncGenerator<LedgerRef & { readonly kept: Kept }> {
  for await (const [key, value] of store.list(`${PREFIX}${tower}/`)) {
    const [, , channelId, asset] = key.split('/') as [string, string, ChannelId, Address]
    yield { channelId, asset, kept: decode(value, client) }
  }
}

export const progressWrite = (tower: Address, ledger: LedgerRef, kept: Kept | undefined): Write => ({
  key: progressKey(tower, ledger),
  value: kept ? encode(kept) : null,
})

function encode({ digest, appointment, receipt }: Kept): Uint8Array {
  const { locator, sequence, worth, sealed, body } = appointment
  const head = new Writer(840).hex(digest, 32).hex(locator, 32).u64(sequence).u8(worth)
  return putBody(head, { sealed, body })
    .hex(receipt.content, 32)
    .u64(receipt.from)
    .u64(receipt.until)
    .raw(receipt.signature)
    .finish()
}

function decode(value: Uint8Array, client: Address): Kept {
  const reader = new Reader(value)
  const digest = reader.hex(32)
  const [locator, sequence] = [reader.hex(32), reader.u64()]
  const appointment = { locator, sequence, worth: reader.u8(), ...readBody(reader) }
  const promise = { content: reader.hex(32), from: reader.u64(), until: reader.u64(), signature: reader.raw(64) }
  reader.end()
  return { digest, appointment, receipt: { client, locator, sequence, ...promise } }
}
