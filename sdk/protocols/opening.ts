import { channelIdOf } from '../core/channel.ts'
import type { Address, Channel, ChannelId, Domain } from '../core/types.ts'
import type { Invite } from './joint-wire.ts'
import { assertSameDomain, type Hello, type Open, type Opened, PeerViolationError, type Refused } from './messages.ts'

// Agreeing on a channel. Nothing goes to the chain: both only have to hold the same bytes.
//
//   open ─ is there an asset? ─ are we its two members? ─ are the owners ours? ─ period and assets within my bounds? ─ room for it? ─▶ opened
//                                           └────────────────────┴──────────────────────┴─▶ refused

/** What this node accepts. */
export interface OpeningPolicy {
  /** Seconds. The least leaves time to be offline and for the chain to be slow. */
  readonly minPeriod: number
  readonly maxPeriod: number
  /** Assets of one peer's channels that hold no money: each costs memory and looks at the chain. */
  readonly maxUnfunded: number
  /** The same of all peers together: strangers can have any number of keys. */
  readonly maxUnfundedOfAll: number
  /** Assets of one channel. */
  readonly maxAssets: number
  /** Milliseconds that a round of a group may take before the chain decides: a short limit costs disputes. */
  readonly minRoundLimit: number
  /** The assets that peers may open; undefined: any, and each of them is defended with this node's gas. */
  readonly assets: readonly Address[] | undefined
  /** The session keys whose holders may open channels; undefined: anybody. */
  readonly peers: readonly Address[] | undefined
}

export const DEFAULT_POLICY: OpeningPolicy = {
  minPeriod: 3_600,
  maxPeriod: 2_592_000,
  maxUnfunded: 16,
  maxUnfundedOfAll: 4_096,
  maxAssets: 16,
  minRoundLimit: 30_000,
  assets: undefined,
  peers: undefined,
}

/** The two sides of a connection, as the handshake and `hello` proved them. */
export interface Sides {
  readonly domain: Domain
  readonly signer: Address
  readonly owner: Address
  readonly peerSigner: Address
  readonly peerOwner: Address
}

/** What this node already shares with the peer. */
export interface Known {
  /** Assets of the proposed channel, undefined: it is new. */
  readonly assets: readonly Address[] | undefined
  /** Assets of channels without money, of this peer and of all. */
  readonly unfunded: number
  readonly unfundedOfAll: number
}

/** Checks a peer's first message against this node. Throws `IncompatiblePeerError`. */
export function greet(hello: Hello, domain: Domain): Address {
  assertSameDomain(domain, hello.domain)
  return hello.owner
}

/** The answer to a proposed channel, and the channel if it was accepted. */
export function considerOpen(
  { channel, assets }: Open,
  sides: Sides,
  policy: OpeningPolicy,
  known: Known,
):
  | { readonly reply: Opened; readonly accepted: { channelId: ChannelId; assets: readonly Address[] } }
  | { readonly reply: Refused; readonly accepted: undefined } {
  const channelId = channelIdOf(sides.domain, channel)
  const refuse = (code: string, reason: string) => ({
    reply: { kind: 'refused', about: channelId, code, reason } as const,
    accepted: undefined,
  })
  // Without one it would be remembered, and count against no bound.
  if (assets.length === 0) throw new PeerViolationError('it proposes a channel without an asset')
  assertMembers(channel, sides)
  // An owner may have changed since a channel was made; it stays what it is.
  if (!known.assets) assertOwners(channel, sides)
  const bound = outOfBounds({ channel, assets }, known.assets ? undefined : sides.peerSigner, policy)
  if (bound) return refuse(bound.code, bound.reason)
  const all = [...new Set([...(known.assets ?? []), ...assets])]
  if (all.length > policy.maxAssets) return refuse('TOO_MANY_ASSETS', `a channel may have ${policy.maxAssets} assets`)
  const added = all.length - (known.assets?.length ?? 0)
  const isFull = known.unfunded + added > policy.maxUnfunded || known.unfundedOfAll + added > policy.maxUnfundedOfAll
  if (added > 0 && isFull)
    return refuse('TOO_MANY_UNFUNDED_CHANNELS', `${known.unfunded} assets of channels hold no money; fund them first`)
  return { reply: { kind: 'opened', channelId }, accepted: { channelId, assets: all } }
}

interface Refusal {
  readonly code: string
  readonly reason: string
}

/** Why this node does not take part in a channel on such terms; `opener` undefined: it does already. */
function outOfBounds(
  { channel, assets }: Pick<Open, 'channel' | 'assets'>,
  opener: Address | undefined,
  policy: OpeningPolicy,
): Refusal | undefined {
  const refuse = (code: string, reason: string) => ({ code, reason })
  if (opener && policy.peers?.includes(opener) === false)
    return refuse('NOT_ADMITTED', 'this node opens channels with those alone whom its operator has named')
  if (channel.period < policy.minPeriod || channel.period > policy.maxPeriod)
    return refuse('PERIOD_REFUSED', `accepted are ${policy.minPeriod} to ${policy.maxPeriod} seconds`)
  const strange = assets.find((asset) => policy.assets?.includes(asset) === false)
  return strange && refuse('ASSET_REFUSED', `the asset ${strange} is not taken here`)
}

/** Why this node does not join a group, if so. Throws for an invitation that no honest member makes. */
export function considerInvite(
  { channel, asset, pace }: Pick<Invite, 'channel' | 'asset' | 'pace'>,
  sides: Sides,
  policy: OpeningPolicy,
  unfunded: number,
): Refusal | undefined {
  const refuse = (code: string, reason: string) => ({ code, reason })
  if (channel.members.length < 3 || !find(channel, sides.signer) || !find(channel, sides.peerSigner))
    throw new PeerViolationError('it proposes a group that the two of us are not in')
  assertOwners(channel, sides)
  if (pace.limit < policy.minRoundLimit || pace.patience < 1 || 2 * pace.patience > pace.limit)
    return refuse('PACE_REFUSED', `rounds may last ${policy.minRoundLimit} ms or longer, and twice their patience`)
  if (unfunded >= policy.maxUnfunded)
    return refuse('TOO_MANY_UNFUNDED_CHANNELS', `${unfunded} groups hold no money; fund them first`)
  return outOfBounds({ channel, assets: [asset] }, sides.peerSigner, policy)
}

const find = ({ members }: Channel, signer: Address) => members.find((member) => member.signer === signer.toLowerCase())

/** A channel between others is none of the peer's business, whether it is known here or not. */
function assertMembers(channel: Channel, { signer, peerSigner }: Sides): void {
  if (channel.members.length !== 2 || !find(channel, signer) || !find(channel, peerSigner))
    throw new PeerViolationError('it proposes a channel whose members are not the two of us')
}

/** A channel that pays somebody else in my place is no offer an honest peer makes. */
function assertOwners(channel: Channel, { signer, owner, peerSigner, peerOwner }: Sides): void {
  if (find(channel, signer)?.owner !== owner.toLowerCase())
    throw new PeerViolationError('it proposes a channel that pays another owner')
  if (find(channel, peerSigner)?.owner !== peerOwner.toLowerCase())
    throw new PeerViolationError('it proposes a channel with another owner than it said')
}
