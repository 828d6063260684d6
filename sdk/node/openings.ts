import { channelIdOf } from '../core/channel.ts'
import type { Address, Channel, ChannelId } from '../core/types.ts'
import type { Open, Opened, Refused } from '../protocols/messages.ts'
import { considerOpen } from '../protocols/opening.ts'
import { onAbort } from './abort.ts'
import type { Engine } from './engine.ts'
import { PeerRefusedError } from './errors.ts'
import { type Peer, PeerOfflineError } from './peers.ts'
import type { ChannelEntry, Slot } from './slot.ts'

interface Pending {
  readonly channelId: ChannelId
  readonly peer: Address
  readonly channel: Channel
  readonly assets: readonly Address[]
  readonly resolve: (entry: ChannelEntry) => void
  readonly reject: (error: unknown) => void
}

/** Agrees with peers on channels and their assets. */
export class Openings {
  readonly #engine: Engine
  /** In the order in which they were asked, which is the order of the answers. */
  #pending: Pending[] = []

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Channels that are being agreed on. */
  get count(): number {
    return this.#pending.length
  }

  /** Proposes a channel, or more assets of one. */
  propose(peer: Peer, channel: Channel, assets: readonly Address[], signal?: AbortSignal): Promise<ChannelEntry> {
    const channelId = channelIdOf(this.#engine.options.domain, channel)
    signal?.throwIfAborted()
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, (reason) => {
        // Kept in the list: its answer must not be taken for that of a later question.
        reject(reason)
      })
      const settled = (entry: ChannelEntry) => {
        forget()
        resolve(entry)
      }
      this.#pending.push({ channelId, peer: peer.signer, channel, assets, resolve: settled, reject })
      this.#engine.peers.send(peer, { kind: 'open', channel, assets })
    })
  }

  hear(peer: Peer, message: Open | Opened | Refused): void {
    if (message.kind === 'open') {
      this.#consider(peer, message)
      return
    }
    const channelId = message.kind === 'opened' ? message.channelId : message.about
    const pending = this.#pending.find((each) => each.channelId === channelId && each.peer === peer.signer)
    if (!pending) return
    this.#pending = this.#pending.filter((each) => each !== pending)
    if (message.kind === 'refused') {
      pending.reject(new PeerRefusedError(message.code, message.reason))
      return
    }
    this.#enter(peer, channelId, pending.channel, pending.assets, pending.resolve)
  }

  #consider(peer: Peer, message: Open): void {
    const { options, book, peers } = this.#engine
    const channelId = channelIdOf(options.domain, message.channel)
    const sides = {
      domain: options.domain,
      signer: options.signer.address,
      owner: options.owner,
      peerSigner: peer.signer,
      peerOwner: peer.owner!,
    }
    const known = {
      assets: book.channels.has(channelId) ? book.assets(channelId) : undefined,
      unfunded: unfunded(book.slotsOf(peer.signer)),
      // Counted only if the peer itself has room, so that asking often costs little.
      get unfundedOfAll() {
        return unfunded(book.slots)
      },
    }
    const { reply, accepted } = considerOpen(message, sides, options.policy, known)
    // Durable before the other side may pay in.
    if (accepted) this.#enter(peer, channelId, message.channel, accepted.assets, () => peers.send(peer, reply))
    else peers.send(peer, reply)
  }

  #enter(
    peer: Peer,
    channelId: ChannelId,
    channel: Channel,
    assets: readonly Address[],
    done: (entry: ChannelEntry) => void,
  ): void {
    const entry = this.#engine.book.enter(channelId, channel, peer.address)
    this.#engine.addLedgers(entry, assets, () => {
      this.#engine.emitter.emit({ kind: 'opened', channelId, peer: peer.signer, assets })
      done(entry)
    })
  }

  lost(peer: Peer, reason: Error | undefined): void {
    for (const pending of this.#pending)
      if (pending.peer === peer.signer) pending.reject(reason ?? new PeerOfflineError(peer.signer))
    this.#pending = this.#pending.filter((pending) => pending.peer !== peer.signer)
  }

  stop(error: Error): void {
    for (const { reject } of this.#pending) reject(error)
    this.#pending = []
  }
}

/** Ledgers of channels that hold no money on chain. */
function unfunded(slots: Iterable<Slot>): number {
  const counts = new Map<ChannelId, number>()
  for (const { ledger } of slots) {
    const money = ledger.facts?.latestBalances.some((balance) => balance !== 0n) ?? false
    const before = counts.get(ledger.channelId) ?? 0
    counts.set(ledger.channelId, money ? Number.NEGATIVE_INFINITY : before + 1)
  }
  return [...counts.values()].reduce((sum, count) => sum + Math.max(0, count), 0)
}
