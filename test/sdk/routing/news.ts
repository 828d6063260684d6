import { channelIdOf, sortMembers } from '../../../sdk/core/channel.ts'
import { type Address, type Channel, COIN, type Domain, type Hex } from '../../../sdk/core/types.ts'
import {
  type ChannelNews,
  channelNewsDigest,
  type NodeNews,
  type PolicyNews,
  signNodeNews,
  signPolicyNews,
} from '../../../sdk/routing/gossip.ts'
import { UNTOLD } from '../../../sdk/routing/policy.ts'
import { sessionSigner } from '../../../sdk/signing/session.ts'
import type { SessionSigner } from '../../../sdk/signing/signer.ts'
import { FREE } from './networks.ts'

export const DOMAIN: Domain = { chainId: 31_337n, adjudicator: '0x00000000000000000000000000000000000000ad' }
export const NOW = 1_700_000_000

const keys = new Map<Address, SessionSigner>()

/** The signer of actor `index`, from 1 on. */
export function actor(index: number): SessionSigner {
  const secret = new Uint8Array(32)
  new DataView(secret.buffer).setUint32(28, index)
  const signer = sessionSigner(secret)
  keys.set(signer.address, signer)
  return signer
}

const signerOf = (address: Address): SessionSigner => keys.get(address)!

export function channelOf(one: SessionSigner, two: SessionSigner, nonce = 0n): Channel {
  const members = [one, two].map(({ address }) => ({ signer: address, owner: address }))
  return { period: 3_600, nonce, members: sortMembers(members) }
}

/** What both members say of their channel; `by` signs in their place. */
export function channelNews(
  channel: Channel,
  {
    capacity = 1_000_000n,
    time = NOW,
    asset = COIN,
    by,
  }: { capacity?: bigint; time?: number; asset?: Address; by?: SessionSigner } = {},
): ChannelNews {
  const body = { kind: 'channel' as const, channel, asset, capacity, time }
  const digest = channelNewsDigest(DOMAIN, body)
  const [first, second] = channel.members.map(({ signer }) => (by ?? signerOf(signer)).sign(digest))
  return { ...body, signatures: [first!, second!] }
}

export function policyNews(
  channel: Channel,
  writer: 0 | 1,
  { by, ...given }: Partial<Omit<PolicyNews, 'signature'>> & { by?: SessionSigner } = {},
): PolicyNews {
  const policy = { ...FREE, base: 5n, max: 1n << 60n }
  const body = { kind: 'policy', channelId: channelIdOf(DOMAIN, channel), asset: COIN, writer, policy } as const
  const signer = by ?? signerOf(channel.members[writer]!.signer)
  return signPolicyNews(signer, DOMAIN, { ...body, bucket: UNTOLD, time: NOW, ...given })
}

const ONION_KEY: Hex = `0x${'42'.repeat(32)}`

export function nodeNews(
  signer: SessionSigner,
  { by, ...given }: Partial<Omit<NodeNews, 'signature'>> & { by?: SessionSigner } = {},
): NodeNews {
  const body = {
    kind: 'node',
    node: signer.address,
    onionKey: ONION_KEY,
    addresses: ['tcp://hub.example:9735'],
  } as const
  return signNodeNews(by ?? signer, DOMAIN, { ...body, features: 5n, time: NOW, ...given })
}
