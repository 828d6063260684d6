import { utf8ToBytes } from '@noble/hashes/utils.js'
import { channelIdOf } from '../core/channel.ts'
import { Writer } from '../core/codec.ts'
import { typedDigest, typeHash } from '../core/eip712.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Address, Channel, ChannelId, Domain, Hex } from '../core/types.ts'
import { verifySignature } from '../signing/signature.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { Policy } from './policy.ts'

// What nodes tell each other about channels, so that payers find routes. Every piece of news is signed by whom it is about, counts from its
// time until newer news of the same kind, and disappears unless it is renewed.

export const CHANNEL_NEWS_TYPE = 'ChannelNews(bytes32 channelId,address asset,uint256 capacity,uint64 time)'
export const POLICY_NEWS_TYPE =
  'PolicyNews(bytes32 channelId,address asset,uint8 writer,uint256 base,uint32 rate,uint256 min,uint256 max,uint32 margin,uint32 maxLock,uint8 bucket,uint64 time)'
export const NODE_NEWS_TYPE = 'NodeNews(address node,bytes32 onionKey,string[] addresses,uint64 features,uint64 time)'

const CHANNEL_NEWS_TYPE_HASH = typeHash(CHANNEL_NEWS_TYPE)
const POLICY_NEWS_TYPE_HASH = typeHash(POLICY_NEWS_TYPE)
const NODE_NEWS_TYPE_HASH = typeHash(NODE_NEWS_TYPE)

/** Both members say that their channel forwards this asset. */
export interface ChannelNews {
  readonly kind: 'channel'
  /** The channel itself, not its id alone: so nobody passes another pair's channel off as his own. */
  readonly channel: Channel
  readonly asset: Address
  /** What both can hold together at most, a round amount; 0n: it forwards nothing any more. */
  readonly capacity: bigint
  /** Seconds since 1970. */
  readonly time: number
  /** 64 bytes of each member's signer, in the order of members. */
  readonly signatures: readonly [Uint8Array, Uint8Array]
}

/** A member says on what terms it forwards over its own lane of a channel. */
export interface PolicyNews {
  readonly kind: 'policy'
  readonly channelId: ChannelId
  readonly asset: Address
  /** Index of the member who forwards and signs. */
  readonly writer: 0 | 1
  /** Amounts are round. */
  readonly policy: Policy
  /** What the direction can carry now, as `bucketOf` says it, or `UNTOLD`. */
  readonly bucket: number
  readonly time: number
  readonly signature: Uint8Array
}

/** A node says how it is reached. */
export interface NodeNews {
  readonly kind: 'node'
  /** Its signer. */
  readonly node: Address
  /** 32 bytes, X25519: layers of onions are encrypted to it. */
  readonly onionKey: Hex
  /** URLs of its transports, the best first: printable ASCII without spaces. */
  readonly addresses: readonly string[]
  /** Bit by bit what it can do; unknown bits mean nothing. */
  readonly features: bigint
  readonly time: number
  readonly signature: Uint8Array
}

export type News = ChannelNews | PolicyNews | NodeNews

/** News before it is signed. */
export type Unsigned<T extends News> = Omit<T, 'signature' | 'signatures'>

function digestOf(domain: Domain, type: Uint8Array, ...values: readonly (bigint | Uint8Array)[]): Uint8Array {
  const writer = new Writer(32 * (values.length + 1)).raw(type)
  for (const value of values) {
    if (typeof value === 'bigint') writer.u256(value)
    else writer.raw(value)
  }
  return typedDigest(domain, keccak256(writer.finish()))
}

/** What both members sign, 32 bytes. The id binds the members. */
export const channelNewsDigest = (
  domain: Domain,
  { channel, asset, capacity, time }: Unsigned<ChannelNews>,
): Uint8Array =>
  digestOf(domain, CHANNEL_NEWS_TYPE_HASH, BigInt(channelIdOf(domain, channel)), BigInt(asset), capacity, BigInt(time))

/** What the writer of a lane signs, 32 bytes. */
export function policyNewsDigest(domain: Domain, news: Unsigned<PolicyNews>): Uint8Array {
  const { base, rate, min, max, margin, maxLock } = news.policy
  const names = [BigInt(news.channelId), BigInt(news.asset), BigInt(news.writer)]
  const amounts = [base, BigInt(rate), min, max]
  const rest = [margin, maxLock, news.bucket, news.time].map(BigInt)
  return digestOf(domain, POLICY_NEWS_TYPE_HASH, ...names, ...amounts, ...rest)
}

/** What a node signs about itself, 32 bytes. */
export function nodeNewsDigest(domain: Domain, news: Unsigned<NodeNews>): Uint8Array {
  const addresses = new Writer()
  for (const address of news.addresses) addresses.raw(keccak256(utf8ToBytes(address)))
  return digestOf(
    domain,
    NODE_NEWS_TYPE_HASH,
    BigInt(news.node),
    BigInt(news.onionKey),
    keccak256(addresses.finish()),
    news.features,
    BigInt(news.time),
  )
}

/** The digest of any news. */
export function newsDigest(domain: Domain, news: News): Uint8Array {
  if (news.kind === 'channel') return channelNewsDigest(domain, news)
  return news.kind === 'policy' ? policyNewsDigest(domain, news) : nodeNewsDigest(domain, news)
}

/** A policy with its writer's signature. */
export const signPolicyNews = (signer: SessionSigner, domain: Domain, news: Unsigned<PolicyNews>): PolicyNews => ({
  ...news,
  signature: signer.sign(policyNewsDigest(domain, news)),
})

/** What a node says of itself, with its signature. */
export const signNodeNews = (signer: SessionSigner, domain: Domain, news: Unsigned<NodeNews>): NodeNews => ({
  ...news,
  signature: signer.sign(nodeNewsDigest(domain, news)),
})

/**
 * Whether whoever had to sign news did.
 *
 * @param writer The signer of a policy's writer, whom the policy itself does not name.
 */
export function isAuthentic(domain: Domain, news: News, writer: Address): boolean {
  const digest = newsDigest(domain, news)
  switch (news.kind) {
    case 'channel':
      return news.channel.members.every(({ signer }, i) => verifySignature(digest, news.signatures[i]!, signer))
    case 'policy':
      return verifySignature(digest, news.signature, writer)
    case 'node':
      return verifySignature(digest, news.signature, news.node)
  }
}
