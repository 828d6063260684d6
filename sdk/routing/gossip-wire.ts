import { decodeChannel, encodeChannel } from '../core/channel.ts'
import { MalformedBytesError, Reader, UnencodableError, Writer } from '../core/codec.ts'
import { TallystickError } from '../core/errors.ts'
import { AMOUNT_BOUND } from '../core/state.ts'
import type { Channel } from '../core/types.ts'
import type { News } from './gossip.ts'
import { isRound, MAX_RATE, MAX_SECONDS, type Policy, UNTOLD } from './policy.ts'

// News byte by byte: `tag u8 ‖ body`. One form each: what is sent on, compared and signed is the same everywhere.

const CHANNEL = 64
const POLICY = 65
const NODE = 66

/** A packed channel of two members. */
const CHANNEL_SIZE = 100
const SIGNATURE = 64
/** A node's addresses, and bytes of each, at most. */
export const MAX_ADDRESSES = 8
export const MAX_ADDRESS = 128
/** The largest bucket: every amount lies below 2^106. */
const MAX_BUCKET = 106

/** One piece of news as it is sent and kept. Throws `UnencodableError` for what {@link decodeNews} would refuse. */
export function encodeNews(news: News): Uint8Array {
  const fault = faultOf(news)
  if (fault !== undefined) throw new UnencodableError(`${fault}.`)
  const writer = new Writer()
  switch (news.kind) {
    case 'channel':
      writer.u8(CHANNEL).raw(encodeChannel(news.channel)).hex(news.asset, 20).u128(news.capacity)
      break
    case 'policy':
      writer.u8(POLICY).hex(news.channelId, 32).hex(news.asset, 20).u8(news.writer)
      putPolicy(writer, news.policy)
      writer.u8(news.bucket)
      break
    case 'node':
      writer.u8(NODE).hex(news.node, 20).hex(news.onionKey, 32).u64(news.features).u8(news.addresses.length)
      for (const address of news.addresses) writer.text(address, MAX_ADDRESS)
  }
  writer.varuint(news.time)
  for (const signature of signaturesOf(news)) writer.raw(signature)
  return writer.finish()
}

const putPolicy = (writer: Writer, { base, rate, min, max, margin, maxLock }: Policy): Writer =>
  writer.u128(base).u32(rate).u128(min).u128(max).u32(margin).u32(maxLock)

/** Parses one piece of news from anywhere; whether the right ones signed it is another question. Throws `MalformedBytesError`. */
export function decodeNews(bytes: Uint8Array): News {
  const reader = new Reader(bytes)
  const news = readNews(reader, reader.u8())
  reader.end()
  const fault = faultOf(news)
  if (fault !== undefined) throw new MalformedBytesError(0, fault)
  return news
}

function readNews(reader: Reader, tag: number): News {
  switch (tag) {
    case CHANNEL: {
      const body = { channel: readChannel(reader), asset: reader.hex(20), capacity: reader.u128() }
      const time = reader.varuint()
      return { kind: 'channel', ...body, time, signatures: [reader.raw(SIGNATURE), reader.raw(SIGNATURE)] }
    }
    case POLICY: {
      const names = { channelId: reader.hex(32), asset: reader.hex(20), writer: reader.bool() ? 1 : 0 } as const
      const terms = { policy: readPolicy(reader), bucket: reader.u8(), time: reader.varuint() }
      return { kind: 'policy', ...names, ...terms, signature: reader.raw(SIGNATURE) }
    }
    case NODE: {
      const names = { node: reader.hex(20), onionKey: reader.hex(32), features: reader.u64() }
      const addresses = Array.from({ length: Math.min(reader.u8(), MAX_ADDRESSES + 1) }, () => reader.text(MAX_ADDRESS))
      return { kind: 'node', ...names, addresses, time: reader.varuint(), signature: reader.raw(SIGNATURE) }
    }
    default:
      throw new MalformedBytesError(0, `News of the kind ${tag} is unknown`)
  }
}

function readChannel(reader: Reader): Channel {
  const packed = reader.raw(CHANNEL_SIZE)
  try {
    return decodeChannel(packed)
  } catch (error) {
    if (error instanceof TallystickError) throw new MalformedBytesError(1, `No channel: ${error.message}`)
    throw error
  }
}

const readPolicy = (reader: Reader): Policy => ({
  base: reader.u128(),
  rate: reader.u32(),
  min: reader.u128(),
  max: reader.u128(),
  margin: reader.u32(),
  maxLock: reader.u32(),
})

const signaturesOf = (news: News): readonly Uint8Array[] =>
  news.kind === 'channel' ? news.signatures : [news.signature]

/** What is wrong with news beyond its layout. */
function faultOf(news: News): string | undefined {
  if (signaturesOf(news).some(({ length }) => length !== SIGNATURE)) return `A signature has not ${SIGNATURE} bytes`
  if (news.kind === 'channel') return amountFault(news.capacity)
  if (news.kind === 'policy')
    return news.bucket > MAX_BUCKET && news.bucket !== UNTOLD
      ? `There is no bucket ${news.bucket}`
      : policyFault(news.policy)
  if (news.addresses.length > MAX_ADDRESSES) return `More than ${MAX_ADDRESSES} addresses`
  // Nothing that could break out of a log line, a terminal or a table.
  return news.addresses.every((address) => /^[!-~]+$/.test(address)) ? undefined : 'An address is not printable ASCII'
}

function policyFault({ base, rate, min, max, margin, maxLock }: Policy): string | undefined {
  if (rate > MAX_RATE) return `A rate of ${rate} is above ${MAX_RATE} parts per million`
  if (min === 0n || (max !== 0n && max < min)) return `No amount lies within ${min} to ${max}`
  if (margin > maxLock || maxLock > MAX_SECONDS) return `A margin of ${margin} s does not fit into ${maxLock} s`
  return amountFault(base) ?? amountFault(min) ?? amountFault(max)
}

function amountFault(amount: bigint): string | undefined {
  if (amount >= AMOUNT_BOUND) return `An amount of ${amount} is not below 2^106`
  return isRound(amount) ? undefined : `An amount of ${amount} has more than 53 significant bits`
}

/** A piece of news, or undefined: the bytes are none. */
export function parseNews(frame: Uint8Array): News | undefined {
  try {
    return decodeNews(frame)
  } catch (error) {
    if (error instanceof TallystickError) return undefined
    throw error
  }
}
