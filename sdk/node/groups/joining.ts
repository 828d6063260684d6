import { channelIdOf, memberBySigner, validateChannel } from '../../core/channel.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Address, Channel, ChannelId } from '../../core/types.ts'
import type { GroupMessage, Invite, Pace } from '../../protocols/joint-wire.ts'
import { considerInvite } from '../../protocols/opening.ts'
import type { Engine } from '../engine.ts'
import { PeerRefusedError } from '../errors.ts'
import { wasTouched } from '../peers/openings.ts'
import { type Peer, PeerOfflineError } from '../peers/peers.ts'
import { mayFollow } from './going-on.ts'
import { type GroupSlot, holdsMoney } from './group-slot.ts'
import type { Groups } from './groups.ts'

/** Who waits for a member to join. */
interface Invited {
  readonly channelId: ChannelId
  readonly peer: Address
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Who joins whose group: inviting, and being invited. */
export class Joining {
  readonly #engine: Engine
  readonly #groups: Groups
  #waiting: Invited[] = []

  constructor(engine: Engine, groups: Groups) {
    this.#engine = engine
    this.#groups = groups
  }

  /** A new group with these peers; resolves once all have joined. */
  async open(peers: readonly Peer[], channel: Channel, asset: Address, pace: Pace): Promise<GroupSlot> {
    const { domain, signer } = this.#engine.options
    validateChannel(channel)
    const channelId = channelIdOf(domain, channel)
    const addresses = channel.members.map((member) => this.#engine.peers.all.get(member.signer)?.address ?? '')
    const invite: Invite = { kind: 'invite', channel, asset, pace, addresses, follows: ZERO_HASH }
    const me = memberBySigner(channel, signer.address)!
    await Promise.all(peers.map((peer) => this.#invite(peer, invite)))
    return new Promise((resolve) => {
      this.#groups.enter({ channelId, channel, asset, me, pace, addresses, follows: ZERO_HASH }, resolve)
    })
  }

  /** Asks a peer to join; resolves once it has. */
  #invite(peer: Peer, invite: Invite): Promise<void> {
    const channelId = channelIdOf(this.#engine.options.domain, invite.channel)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ channelId, peer: peer.signer, resolve, reject })
      this.#groups.say(peer, invite)
    })
  }

  /** Another node asks this one to join. */
  invited(peer: Peer, invite: Invite): void {
    const { domain, signer, owner, policy } = this.#engine.options
    const channelId = channelIdOf(domain, invite.channel)
    if (this.#groups.has(channelId)) {
      this.#engine.durably(() => this.#groups.say(peer, { kind: 'joined', channelId }))
      return
    }
    const sides = { domain, signer: signer.address, owner, peerSigner: peer.signer, peerOwner: peer.owner! }
    // One that was settled or closed had money, and may have it again.
    const unfunded = [...this.#groups.slots].filter(
      ({ ledger }) => ledger.generation === 0 && !holdsMoney(ledger.facts),
    ).length
    const refusal = considerInvite(invite, sides, policy, unfunded) ?? mayFollow(this.#groups, invite)
    if (refusal) {
      this.#groups.say(peer, { kind: 'declined', channelId, ...refusal })
      return
    }
    void this.#join(peer, invite, channelId)
  }

  async #join(peer: Peer, invite: Invite, channelId: ChannelId): Promise<void> {
    const { chain, signer } = this.#engine.options
    const { channel, asset, pace, addresses, follows } = invite
    let isUsed: boolean
    try {
      isUsed = wasTouched(await chain.view({ channelId, asset }))
    } catch {
      const reason = 'the chain does not answer here; ask again later'
      this.#groups.say(peer, { kind: 'declined', channelId, code: 'CHAIN_VIEW_STALE', reason })
      return
    }
    if (this.#engine.halted) return
    if (follows !== ZERO_HASH) this.#follow(follows, channelId)
    const me = memberBySigner(channel, signer.address)!
    const slot = this.#groups.enter({ channelId, channel, asset, me, pace, addresses, follows }, () =>
      this.#groups.say(peer, { kind: 'joined', channelId }),
    )
    // It was used, and this store does not know how: what was signed in it is forgotten.
    if (isUsed) slot.ledger = { ...slot.ledger, restored: true }
  }

  #follow(from: ChannelId, to: ChannelId): void {
    const slot = this.#groups.group(from)
    slot.successor = to
    slot.endedAt = this.#engine.options.clock.elapsed()
    this.#groups.keep(slot)
  }

  /** What an invited peer answers. */
  answered(peer: Peer, message: Exclude<GroupMessage, { kind: 'joint' | 'invite' }>): void {
    const mine = ({ channelId, peer: signer }: Invited) => channelId === message.channelId && signer === peer.signer
    const found = this.#waiting.filter(mine)
    this.#waiting = this.#waiting.filter((one) => !mine(one))
    for (const { resolve, reject } of found)
      if (message.kind === 'joined') resolve()
      else reject(new PeerRefusedError(message.code, message.reason))
  }

  lost(peer: Peer, reason: Error | undefined): void {
    const gone = this.#waiting.filter((one) => one.peer === peer.signer)
    this.#waiting = this.#waiting.filter((one) => one.peer !== peer.signer)
    for (const { reject } of gone) reject(reason ?? new PeerOfflineError(peer.signer))
  }

  stop(error: Error): void {
    for (const { reject } of this.#waiting) reject(error)
    this.#waiting = []
  }
}
