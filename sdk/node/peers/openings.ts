import type { LedgerView } from '../../chain/chain.ts'
import { channelIdOf } from '../../core/channel.ts'
import type { Address, Channel, ChannelId, LedgerWord } from '../../core/types.ts'
import type { Open, Opened, Refused } from '../../protocols/messages.ts'
import { considerOpen } from '../../protocols/opening.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { PeerRefusedError } from '../errors.ts'
import type { ChannelEntry, Slot } from '../ledgers/slot.ts'
import { type Peer, PeerOfflineError } from './peers.ts'

interface Pending {
  readonly channelId: ChannelId
  readonly peer: Address
  readonly channel: Channel
  readonly assets: readonly Address[]
  readonly doubtful: readonly Address[]
  readonly resolve: (entry: ChannelEntry) => void
  readonly reject: (error: unknown) => void
}

/**
 * Agrees with peers on channels and their assets. The chain is asked first: a ledger that is new here and was used before is one
 * that this key forgot, with its store, and states of it may be in the peer's hands. It is taken in doubt, as a restored one.
 */
export class Openings {
  readonly #engine: Engine
  /** In the order in which they were asked, which is the order of the answers. */
  #pending: Pending[] = []
  /** Channels that will be asked for as soon as the chain has answered. */
  #choosing = 0
  /** Each peer's last question, so that they are answered one after the other. */
  readonly #turns = new WeakMap<Peer, Promise<void>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Proposes the first of the channels that `make` gives, by index, which nobody used: a seed whose store was lost counts from zero again. */
  async open(
    peer: Peer,
    make: (index: number) => Channel,
    assets: readonly Address[],
    signal?: AbortSignal,
  ): Promise<ChannelEntry> {
    const { book, options } = this.#engine
    const first = book.channels.size + this.#pending.length + this.#choosing++
    try {
      for (let index = first; ; index++) {
        this.#engine.assertRunning()
        signal?.throwIfAborted()
        const channel = make(index)
        const channelId = channelIdOf(options.domain, channel)
        const used = await this.#used(channelId, assets)
        const isKnown = book.channels.has(channelId) || this.#pending.some((each) => each.channelId === channelId)
        if (!isKnown && used.length === 0) return this.#propose(peer, channel, assets, [], signal)
      }
    } finally {
      this.#choosing--
    }
  }

  /** Proposes one more asset of a channel. */
  async add(peer: Peer, { channelId, channel }: ChannelEntry, asset: Address, signal?: AbortSignal): Promise<void> {
    await this.#propose(peer, channel, [asset], await this.#used(channelId, [asset]), signal)
  }

  /** Those of `assets` that are new here and were used on chain. */
  async #used(channelId: ChannelId, assets: readonly Address[]): Promise<Address[]> {
    const { book, options } = this.#engine
    const added = assets.filter((asset) => !book.slot({ channelId, asset }))
    const views = await Promise.all(added.map((asset) => options.chain.view({ channelId, asset })))
    return views.filter(wasTouched).map(({ asset }) => asset)
  }

  #propose(
    peer: Peer,
    channel: Channel,
    assets: readonly Address[],
    doubtful: readonly Address[],
    signal: AbortSignal | undefined,
  ): Promise<ChannelEntry> {
    this.#engine.assertRunning()
    signal?.throwIfAborted()
    if (!peer.online) throw new PeerOfflineError(peer.signer)
    const channelId = channelIdOf(this.#engine.options.domain, channel)
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, (reason) => {
        // Kept in the list: its answer must not be taken for that of a later question.
        reject(reason)
      })
      const settled = (entry: ChannelEntry) => {
        forget()
        resolve(entry)
      }
      this.#pending.push({ channelId, peer: peer.signer, channel, assets, doubtful, resolve: settled, reject })
      this.#engine.peers.send(peer, { kind: 'open', channel, assets })
    })
  }

  hear(peer: Peer, message: Open | Opened | Refused): void {
    if (message.kind === 'open') {
      // A violation shows at once.
      this.#judge(peer, message)
      const { connection } = peer
      const turn = async () => {
        if (!this.#engine.halted && peer.connection === connection) await this.#answer(peer, message)
      }
      const failed = (error: Error) => this.#engine.peers.fail(peer, error)
      this.#turns.set(peer, (this.#turns.get(peer) ?? Promise.resolve()).then(turn).catch(failed))
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
    this.#enter(peer, channelId, pending, pending.resolve)
  }

  #judge(peer: Peer, message: Open): ReturnType<typeof considerOpen> {
    const { options, book } = this.#engine
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
    return considerOpen(message, sides, options.policy, known)
  }

  async #answer(peer: Peer, message: Open): Promise<void> {
    const { peers, book } = this.#engine
    const { connection } = peer
    const { reply, accepted } = this.#judge(peer, message)
    if (!accepted) {
      peers.send(peer, reply)
      return
    }
    const { channelId } = accepted
    const first = book.slot({ channelId, asset: accepted.assets[0]! })
    // Asked again: nothing changes, and nobody is told.
    if (first && accepted.assets.every((asset) => book.slot({ channelId, asset }))) {
      this.#engine.whenDurable(first, () => peers.send(peer, reply))
      return
    }
    let doubtful: Address[]
    try {
      doubtful = await this.#used(channelId, accepted.assets)
    } catch {
      const reason = 'the chain does not answer here; ask again later'
      peers.send(peer, { kind: 'refused', about: channelId, code: 'CHAIN_VIEW_STALE', reason })
      return
    }
    if (this.#engine.halted || peer.connection !== connection) return
    // Durable before the other side may pay in.
    const { channel } = message
    this.#enter(peer, channelId, { channel, assets: accepted.assets, doubtful }, () => peers.send(peer, reply))
  }

  #enter(
    peer: Peer,
    channelId: ChannelId,
    { channel, assets, doubtful }: Pick<Pending, 'channel' | 'assets' | 'doubtful'>,
    done: (entry: ChannelEntry) => void,
  ): void {
    const entry = this.#engine.book.enter(channelId, channel, peer.address)
    this.#engine.addLedgers(entry, assets, doubtful, () => {
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

/** Whether states may have been signed about this generation: not without money that is or was there. */
export function wasTouched({ latest, confirmed, latestBalances, confirmedBalances }: LedgerView): boolean {
  const isBlank = (word: LedgerWord) => word.phase === 'open' && word.seq === 0 && !word.recorded
  const holds = [...latestBalances, ...confirmedBalances].some((balance) => balance !== 0n)
  return holds || !isBlank(latest) || !isBlank(confirmed)
}
