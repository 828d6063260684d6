import { TallystickError } from '../core/errors.ts'
import type { Address, Channel, ChannelId, Domain, Hex, LedgerRef } from '../core/types.ts'
import type { ShownLane } from './ledger.ts'
import type { Resolution } from './pending.ts'

/** What this build speaks; a peer with another one is refused. */
export const PROTOCOL_VERSION = 1

/** First frame in each direction. */
export interface Hello {
  readonly kind: 'hello'
  readonly protocol: number
  readonly domain: Domain
  /** Receives the peer's payouts in channels opened from now on. */
  readonly owner: Address
}

/** Proposes a channel, or further assets of one; answered by `opened` or `refused`. */
export interface Open {
  readonly kind: 'open'
  readonly channel: Channel
  readonly assets: readonly Address[]
}

export interface Opened {
  readonly kind: 'opened'
  readonly channelId: ChannelId
}

/** An update of the sender's lane. */
export interface Update {
  readonly version: bigint
  readonly signature: Uint8Array
  readonly operations: Uint8Array
}

/** The sender's signature over a version of the receiver's lane and so over all before it. */
export interface Ack {
  readonly version: bigint
  readonly signature: Uint8Array
}

/** Updates of the sender's lane, ascending, and its newest acknowledgement. */
export interface Updates extends LedgerRef {
  readonly kind: 'updates'
  readonly generation: number
  readonly updates: readonly Update[]
  readonly ack: Ack | undefined
}

/** What the sender knows; the receiver sends what is missing and learns whether it forgot something itself. */
export interface Sync extends LedgerRef {
  readonly kind: 'sync'
  readonly generation: number
  /** Written by the sender, and by the receiver, as the sender knows them. */
  readonly own: ShownLane
  readonly peer: ShownLane
  /** Answer with your own. */
  readonly want: boolean
}

/** Asks the writer of a lane to resolve one of its transfers so; sent by the transfer's payee. */
export interface Ask extends LedgerRef {
  readonly kind: 'ask'
  readonly generation: number
  /** Of the transfer, 16 bytes. */
  readonly id: Hex
  readonly resolution: Resolution
  /** What shows that it should be so. */
  readonly proof: Uint8Array
}

/** Asks for consent to a withdrawal of the sender, or to a closing one of both. */
export interface Propose extends LedgerRef {
  readonly kind: 'propose'
  readonly generation: number
  readonly seq: number
  readonly closing: boolean
  readonly amount: bigint
  readonly to: Address
  readonly toChannel: Hex
  readonly toMember: number
  readonly validUntil: bigint
  /** The expiry of the dispute that a closing one ends; 0n: none. */
  readonly dispute: bigint
  /** Confirmed balances and newest version of the sender's lane, which a closing one counts. */
  readonly balances: readonly [bigint, bigint]
  readonly version: bigint
}

/** The sender's signature over the withdrawal that was proposed for `seq`. */
export interface Consent extends LedgerRef {
  readonly kind: 'consent'
  readonly generation: number
  readonly seq: number
  readonly version: bigint
  readonly signature: Uint8Array
}

/** `again`: the same proposal may do later. */
export interface Refuse extends LedgerRef {
  readonly kind: 'refuse'
  readonly generation: number
  readonly seq: number
  readonly again: boolean
  readonly reason: string
}

/** Something the sender will not do; `about` names what. */
export interface Refused {
  readonly kind: 'refused'
  readonly about: Hex
  readonly code: string
  readonly reason: string
}

/** The order of a member's owner to take nothing more from its signer, and to close. */
export interface Revoke {
  readonly kind: 'revoke'
  readonly channelId: ChannelId
  /** The owner's over `revokeDigest`: 65 bytes of an account, anything of a contract wallet. */
  readonly signature: Uint8Array
}

/** Asks for one batch of news of channels. */
export interface More {
  readonly kind: 'more'
  /** Begin anew, with what is dated this many seconds after 1970 or later; undefined: go on. */
  readonly since: number | undefined
}

/** News of channels and nodes, one batch for each `more`. */
export interface NewsBatch {
  readonly kind: 'news'
  readonly frames: readonly Uint8Array[]
}

/** Member 0's signature over news of its channel with the receiver, which adds its own if it agrees. */
export interface Announce extends LedgerRef {
  readonly kind: 'announce'
  readonly capacity: bigint
  /** Seconds since 1970. */
  readonly time: number
  readonly signature: Uint8Array
}

/** A step of buying money of the other side in a channel; see inbound.ts. */
export interface InboundStep {
  readonly kind: 'inbound'
  readonly body: Uint8Array
}

/** A question about a swap, or its answer; see swapping.ts. */
export interface SwapStep {
  readonly kind: 'swap'
  readonly body: Uint8Array
}

/** What members of a group say; see joint-wire.ts. */
export interface GroupStep {
  readonly kind: 'group'
  readonly body: Uint8Array
}

/** What players of an app say; see app-wire.ts. */
export interface AppFrame {
  readonly kind: 'app'
  readonly body: Uint8Array
}

export type GossipMessage = More | NewsBatch | Announce
export type LedgerMessage = Updates | Sync | Ask | Propose | Consent | Refuse
export type Message =
  | Hello
  | Open
  | Opened
  | Refused
  | InboundStep
  | SwapStep
  | GroupStep
  | AppFrame
  | Revoke
  | GossipMessage
  | LedgerMessage

/** The peer broke a rule that no honest peer breaks; the connection is closed and nothing of it counts. */
export class PeerViolationError extends TallystickError {
  readonly code = 'PEER_VIOLATION'

  constructor(fact: string, options?: ErrorOptions) {
    super(
      `The peer broke the protocol: ${fact}. It must be repaired on its side; disputes still protect the money.`,
      options,
    )
  }
}

/** The peer speaks another protocol version or serves another chain. */
export class IncompatiblePeerError extends TallystickError {
  readonly code: 'UNKNOWN_PROTOCOL_VERSION' | 'PEER_ON_OTHER_CHAIN'

  constructor(code: IncompatiblePeerError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}

/** Throws {@link IncompatiblePeerError} unless the peer serves the same contracts on the same chain. */
export function assertSameDomain(ours: Domain, theirs: Domain): void {
  if (ours.chainId === theirs.chainId && ours.adjudicator.toLowerCase() === theirs.adjudicator.toLowerCase()) return
  throw new IncompatiblePeerError(
    'PEER_ON_OTHER_CHAIN',
    `The peer uses adjudicator ${theirs.adjudicator} on chain ${theirs.chainId}, this node ${ours.adjudicator} on chain ${ours.chainId}. Connect nodes of one chain.`,
  )
}
