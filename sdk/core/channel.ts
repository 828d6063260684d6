import { concatBytes } from '@noble/hashes/utils.js'
import { fromUint, toBytes, toHex, toUint, writeHex } from './bytes.ts'
import { TallystickError } from './errors.ts'
import { keccak256 } from './keccak.ts'
import {
  type Address,
  type Channel,
  type ChannelId,
  COIN,
  type Domain,
  type Hex,
  type LedgerRef,
  type Member,
} from './types.ts'

/** Bounds of a channel, the same as the contract's. */
export const MIN_MEMBERS = 2
export const MAX_MEMBERS = 32
/** Seconds. */
export const MIN_PERIOD = 60
/** Seconds: 30 days. */
export const MAX_PERIOD = 2_592_000

const HEAD = 20
const MEMBER = 40

/** What makes a channel is out of bounds or out of order. */
export class InvalidChannelError extends TallystickError {
  readonly code = 'INVALID_CHANNEL'
  readonly field: 'size' | 'period' | 'nonce' | 'members'

  constructor(field: InvalidChannelError['field'], message: string) {
    super(message)
    this.field = field
  }
}

/** Throws {@link InvalidChannelError} unless the adjudicator would take this channel. */
export function validateChannel(channel: Channel): void {
  const { period, nonce, members } = channel
  if (!Number.isInteger(period) || period < MIN_PERIOD || period > MAX_PERIOD)
    throw new InvalidChannelError(
      'period',
      `A challenge period of ${period} s is not within ${MIN_PERIOD} to ${MAX_PERIOD} s. Choose one that is.`,
    )
  if (nonce < 0n || nonce >= 1n << 128n)
    throw new InvalidChannelError('nonce', 'The nonce does not fit in 128 bits. Derive it with channelNonce.')
  if (members.length < MIN_MEMBERS || members.length > MAX_MEMBERS)
    throw new InvalidChannelError(
      'members',
      `A channel has ${MIN_MEMBERS} to ${MAX_MEMBERS} members, not ${members.length}. Split larger groups.`,
    )
  let previous: string = COIN
  for (const [index, { signer, owner }] of members.entries()) {
    if (!isAddress(signer) || !isAddress(owner))
      throw new InvalidChannelError(
        'members',
        `Member ${index} has an address that is not 0x and 40 lower-case hex digits. Parse it with parseAddress.`,
      )
    // Strictly ascending: no zero and no duplicate signer, and one order only, so one id.
    if (signer <= previous)
      throw new InvalidChannelError(
        'members',
        `Member ${index} does not stand after the one before it. Sort members with sortMembers, each signer once and none zero.`,
      )
    if (owner === COIN)
      throw new InvalidChannelError(
        'members',
        `Member ${index} has the zero address as owner, and payouts would be lost. Name an owner.`,
      )
    previous = signer
  }
}

const isAddress = (text: string): boolean => /^0x[0-9a-f]{40}$/.test(text)

/** `members` in the order a channel needs: ascending by signer. */
export function sortMembers(members: readonly Member[]): Member[] {
  return [...members].sort((a, b) => (a.signer < b.signer ? -1 : 1))
}

/** The packed channel, 20 + 40 N bytes. Throws {@link InvalidChannelError}. */
export function encodeChannel(channel: Channel): Uint8Array {
  validateChannel(channel)
  const bytes = new Uint8Array(HEAD + MEMBER * channel.members.length)
  new DataView(bytes.buffer).setUint32(0, channel.period)
  bytes.set(fromUint(channel.nonce, 16), 4)
  for (const [index, { signer, owner }] of channel.members.entries()) {
    writeHex(bytes, HEAD + MEMBER * index, signer, 20)
    writeHex(bytes, HEAD + MEMBER * index + 20, owner, 20)
  }
  return bytes
}

/** Parses a packed channel from anywhere. Throws {@link InvalidChannelError}. */
export function decodeChannel(bytes: Uint8Array): Channel {
  const count = (bytes.length - HEAD) / MEMBER
  if (!Number.isInteger(count) || count < MIN_MEMBERS || count > MAX_MEMBERS)
    throw new InvalidChannelError(
      'size',
      `${bytes.length} bytes are not a packed channel of ${MIN_MEMBERS} to ${MAX_MEMBERS} members. Pass the 20 + 40 N bytes that announced it.`,
    )
  const members = Array.from({ length: count }, (_, index) => {
    const at = HEAD + MEMBER * index
    return { signer: toHex(bytes.subarray(at, at + 20)), owner: toHex(bytes.subarray(at + 20, at + MEMBER)) }
  })
  const channel = { period: Number(toUint(bytes.subarray(0, 4))), nonce: toUint(bytes.subarray(4, HEAD)), members }
  validateChannel(channel)
  return channel
}

/** The channel's id under the chain id and adjudicator it was made for; the last byte is the number of members. */
export const channelIdOf = (domain: Domain, channel: Channel): ChannelId => toHex(idOf(domain, encodeChannel(channel)))

function idOf(domain: Domain, packed: Uint8Array): Uint8Array {
  const head = concatBytes(fromUint(domain.chainId, 32), new Uint8Array(12), toBytes(domain.adjudicator, 20))
  const id = keccak256(concatBytes(head, keccak256(packed)))
  id[31] = (packed.length - HEAD) / MEMBER
  return id
}

/** The channel with this id, if it stands packed anywhere in `data`: whoever called the adjudicator had to show it. */
export function channelIn(data: Uint8Array, domain: Domain, channelId: ChannelId): Channel | undefined {
  const size = HEAD + MEMBER * memberCount(channelId)
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  for (let at = 0; at + size <= data.length; at++) {
    // A period within bounds is rare in other bytes, and looked for much faster than a hash.
    const period = view.getUint32(at)
    if (period < MIN_PERIOD || period > MAX_PERIOD) continue
    const packed = data.subarray(at, at + size)
    if (toHex(idOf(domain, packed)) === channelId) return decodeChannel(packed)
  }
  return undefined
}

/** How many members the channel with this id has. */
export const memberCount = (channelId: ChannelId): number => Number.parseInt(channelId.slice(-2), 16)

/** Whether `index` is one of 0 to `count - 1`: fractions and NaN come from broken peers. */
export const isIndex = (index: number, count: number): boolean => Number.isInteger(index) && index >= 0 && index < count

/** Names a ledger in maps and stores, where its id would cost a hash. */
export const ledgerName = ({ channelId, asset }: LedgerRef): string => `${channelId}/${asset}`

/** The id of one asset of a channel: where the adjudicator keeps its words. */
export function ledgerIdOf({ channelId, asset }: LedgerRef): Hex {
  return toHex(keccak256(concatBytes(toBytes(channelId, 32), toBytes(asset, 20))))
}

/** The index of the member with this signer, or undefined. */
export function memberBySigner(channel: Channel, signer: Address): number | undefined {
  const index = channel.members.findIndex((member) => member.signer === signer.toLowerCase())
  return index === -1 ? undefined : index
}

/**
 * The one member whose signer or owner is `account`: whoever sends a call as such a member need not sign it. Undefined if none is,
 * or several are.
 */
export function memberOf(channel: Channel, account: Address): number | undefined {
  const wanted = account.toLowerCase()
  const found = [...channel.members.keys()].filter((index) => {
    const { signer, owner } = channel.members[index]!
    return signer === wanted || owner === wanted
  })
  return found.length === 1 ? found[0] : undefined
}
