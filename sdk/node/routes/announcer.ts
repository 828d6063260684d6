import { toHex } from '../../core/bytes.ts'
import { least } from '../../core/transfer.ts'
import type { Announce } from '../../protocols/messages.ts'
import {
  type ChannelNews,
  channelNewsDigest,
  type NodeNews,
  signNodeNews,
  signPolicyNews,
} from '../../routing/gossip.ts'
import { encodeNews } from '../../routing/gossip-wire.ts'
import type { KeptNews } from '../../routing/graph.ts'
import { MAX_RATE, MAX_SECONDS, type Policy, roundDown, roundUp } from '../../routing/policy.ts'
import type { Engine } from '../engine.ts'
import { termsFor } from '../hops/policy.ts'
import type { Slot } from '../ledgers/slot.ts'
import type { Peer } from '../peers/peers.ts'
import type { Gossip, GossipOptions } from './gossip.ts'
import { bucketFor, capacityOf } from './table.ts'

/** News is renewed this many times before it would disappear. */
const RENEWALS = 4
/** Milliseconds after which member 1 is asked again, at first and at last. */
const FIRST_PAUSE = 1_000
const LAST_PAUSE = 600_000
/** Ticks after which ledgers are looked at in which nothing has happened. */
const ROUND = 64

/** What others were told last of an own ledger. */
interface Told {
  time: number
  policy: string
  announced: boolean
  /** How often terms were told since this node started. */
  times: number
  /** The capacity that member 1 was asked to sign last, when it is asked again and the pause after that, in milliseconds. */
  proposed: bigint
  askAt: number
  pause: number
  /** The ledger as it was looked at last, and whether nothing was left to say. */
  ledger: Slot['ledger'] | undefined
  isCalm: boolean
}

const UNTOLD: Told = {
  time: Number.NEGATIVE_INFINITY,
  policy: '',
  announced: false,
  times: 0,
  proposed: -1n,
  askAt: 0,
  pause: 0,
  ledger: undefined,
  isCalm: false,
}

/** Says what this node itself has to say: of its channels, of its terms, and of itself. */
export class Announcer {
  readonly #engine: Engine
  readonly #options: GossipOptions
  readonly #gossip: Gossip
  readonly #told = new Map<Slot, Told>()
  /** What this node says of itself. */
  self: KeptNews | undefined
  #ticks = 0

  constructor(engine: Engine, options: GossipOptions, gossip: Gossip) {
    this.#engine = engine
    this.#options = options
    this.#gossip = gossip
  }

  /** A peer is gone: it may have forgotten what it alone was told. */
  lost(peer: Peer): void {
    for (const slot of this.#engine.book.slotsOf(peer.signer))
      if (!this.#told.get(slot)?.announced) this.#told.delete(slot)
  }

  /** Says what has changed. */
  tick(): void {
    this.#ticks++
    for (const slot of this.#engine.book.slots) {
      const told = this.#told.get(slot) ?? { ...UNTOLD }
      if (told.isCalm && told.ledger === slot.ledger && this.#ticks % ROUND !== 0) continue
      this.#told.set(slot, told)
      told.ledger = slot.ledger
      this.#gossip.enter(slot)
      told.isCalm = this.#tellLedger(slot, told)
    }
    this.#tellNode()
  }

  /** Whether news from `time` is due again though nothing has changed. */
  #fades = (time: number): boolean => this.#gossip.now - time > this.#options.limits.maxAge / RENEWALS

  #tellNode(): void {
    const { onionKey, signer, domain } = this.#engine.options
    if (!onionKey || (this.self && !this.#fades(this.self.news.time))) return
    const news: NodeNews = signNodeNews(signer, domain, {
      kind: 'node',
      node: signer.address,
      onionKey: toHex(onionKey.publicKey),
      addresses: this.#options.addresses,
      features: 0n,
      time: this.#gossip.now,
    })
    this.self = { news, frame: encodeNews(news) }
    this.#gossip.publish(news)
    // Peers must know how to wrap an onion for this node even if nobody else does.
    for (const peer of this.#engine.peers.all.values()) if (peer.online) this.#gossip.tell(peer, news)
  }

  /** Returns whether there is nothing more to say for now. */
  #tellLedger(slot: Slot, told: Told): boolean {
    const { channelId, asset, me } = slot.ledger
    const { graph } = this.#gossip.tableOf(asset)
    const isAgreed = me !== 0 || this.#propose(slot, told, graph.channelNews(channelId))
    return this.#tellTerms(slot, told, graph.edgeOf(channelId, 0) !== undefined) && isAgreed
  }

  /** Asks member 1 to sign what this member 0 says of their channel. Returns whether everybody knows it already. */
  #propose(slot: Slot, told: Told, known: ChannelNews | undefined): boolean {
    const { peers, options } = this.#engine
    const { interval } = this.#options.limits
    const { entry, ledger } = slot
    const capacity = this.#options.announces ? roundDown(capacityOf(slot)) : 0n
    if ((known?.capacity ?? 0n) === capacity && !(known && capacity > 0n && this.#fades(known.time))) return true
    const peer = peers.all.get(entry.peer)
    const [time, elapsed] = [this.#gossip.now, options.clock.elapsed()]
    if (told.proposed !== capacity) Object.assign(told, { proposed: capacity, askAt: elapsed, pause: FIRST_PAUSE })
    if (!peer?.online || elapsed < told.askAt || (known && time < known.time + interval)) return false
    // It may not have seen the deposit yet, or never agree.
    Object.assign(told, { askAt: elapsed + told.pause, pause: Math.min(LAST_PAUSE, 2 * told.pause) })
    const { channelId, asset } = ledger
    const news = { kind: 'channel', channel: entry.channel, asset, capacity, time } as const
    const signature = options.signer.sign(channelNewsDigest(options.domain, news))
    peers.send(peer, { kind: 'announce', channelId, asset, capacity, time, signature })
    return false
  }

  /** Member 1 agrees: what both have signed goes to everybody, back to member 0 as well. */
  cosign(peer: Peer, { channelId, asset, capacity, time, signature }: Announce): void {
    const { book, options, peers } = this.#engine
    const slot = book.slot({ channelId, asset })
    peers.spend(peer)
    if (!slot || slot.entry.peer !== peer.signer || slot.ledger.me !== 1) return
    // To be forgotten is granted to everybody.
    if (capacity > 0n && (!this.#options.announces || capacity > capacityOf(slot))) return
    const news = { kind: 'channel', channel: slot.entry.channel, asset, capacity, time } as const
    const own = options.signer.sign(channelNewsDigest(options.domain, news))
    this.#gossip.publish({ ...news, signatures: [signature, own] })
    // Its own terms follow.
    const told = this.#told.get(slot)
    if (told) told.isCalm = false
  }

  /**
   * Says on what terms this node forwards over a ledger: to everybody if its channel is announced, else to its peer. Returns whether they
   * are known there.
   */
  #tellTerms(slot: Slot, told: Told, announced: boolean): boolean {
    const terms = this.#terms(slot)
    const bucket = bucketFor(slot)
    const text = `${Object.values(terms).join()}/${bucket}`
    // Nothing is taken back that was never said.
    if (terms.max === 0n && !announced && told.policy === '') return true
    // The first word after a start may come too soon after the last one before it, and be dropped.
    const isNew = text !== told.policy || announced !== told.announced || told.times === 1
    if (!isNew && !this.#fades(told.time)) return true
    const peer = this.#engine.peers.all.get(slot.entry.peer)
    // To the public it is the first word, however short ago the peer was told.
    const isEarly = announced === told.announced && this.#gossip.now < told.time + this.#options.limits.interval
    if (isEarly || (!announced && !peer?.online)) return false
    Object.assign(told, { time: this.#gossip.now, policy: text, announced, times: told.times + 1 })
    const { signer, domain } = this.#engine.options
    const { channelId, asset, me } = slot.ledger
    const names = { kind: 'policy', channelId, asset, writer: me as 0 | 1 } as const
    const news = signPolicyNews(signer, domain, { ...names, policy: terms, bucket, time: this.#gossip.now })
    if (announced) this.#gossip.publish(news)
    else this.#gossip.tell(peer!, news)
    return false
  }

  #terms(slot: Slot): Policy {
    const { forwarding, onionKey } = this.#engine.options
    const { forwards, margin, maxLock } = forwarding
    const { asset } = slot.ledger
    const { baseFee, feePpm, least: from, most, limits, minimum, minimumDeposit } = termsFor(forwarding, asset)
    const capacity = capacityOf(slot)
    const longest = least(maxLock, BigInt(MAX_SECONDS))
    const min = roundUp([from, minimum, 1n].reduce(greatest))
    const max = roundDown([most, limits.value, capacity].reduce(least))
    const open = forwards && onionKey !== undefined && max >= min && capacity >= minimumDeposit && margin <= longest
    return {
      base: roundUp(baseFee),
      rate: Number(least(feePpm, BigInt(MAX_RATE))),
      min,
      max: open ? max : 0n,
      margin: Number(least(margin, longest)),
      maxLock: Number(longest),
    }
  }
}

const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b)
