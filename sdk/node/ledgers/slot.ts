import { ledgerIdOf } from '../../core/channel.ts'
import type { Address, Channel, ChannelId, Hex, LedgerRef } from '../../core/types.ts'
import type { ChainFacts, Ledger, Terms } from '../../protocols/ledger.ts'
import { findLocked, gainOf, type Resolution } from '../../protocols/pending.ts'
import type { LedgerNews } from '../../protocols/step.ts'
import { PaymentPendingError } from '../errors.ts'
import { OperationQueue } from './operation-queue.ts'
import { type Order, PayQueue } from './queue.ts'

/** A channel this node is a member of. */
export interface ChannelEntry {
  readonly channelId: ChannelId
  readonly channel: Channel
  /** This node's member index. */
  readonly me: number
  /** The other member's signer. */
  readonly peer: Address
  /** Where the peer was dialled last. */
  address: string | undefined
  /** Its owner's order that the signer of this member is heard no longer. */
  revocation: Revocation | undefined
}

/** Who revoked, and the owner's signature. */
export interface Revocation {
  readonly member: number
  readonly signature: Uint8Array
}

/** Waits for the peer's acknowledgement of its `last` version; an order that is signed completely is one. */
export type Waiter = Pick<Order, 'last' | 'resolve' | 'reject'>

/** A ledger that is followed on chain, of a channel of two or of a group. */
export interface Followed {
  readonly entry: Pick<ChannelEntry, 'channelId' | 'channel' | 'me'>
  readonly ledgerId: Hex
  readonly ledger: LedgerRef & { readonly facts: ChainFacts | undefined }
  /** Views in a row that were older than the newest one. */
  lateViews: number
  /** Callers that wait for the chain to change. */
  readonly watchers: Set<(facts: ChainFacts) => void>
}

/** A ledger at work: its protocol state, and who waits for what. */
export class Slot implements Followed {
  readonly entry: ChannelEntry
  readonly terms: Terms
  readonly ledgerId: Hex
  /** Names its history in the store. */
  readonly number: number
  ledger: Ledger
  readonly queue = new PayQueue()
  readonly operations = new OperationQueue()
  /** Who waits for an acknowledgement, by version. */
  #waiting: Waiter[] = []
  /** What the peer asked to be given back of locked transfers; since this node started. */
  readonly peerAsked = new Map<Hex, Resolution>()
  /** Updates are being read from the history for the peer; new ones would overtake them. */
  resending = false
  /** From which version on the peer asked last, while an earlier answer is under way. */
  resendFrom: bigint | undefined
  /** Views in a row that were older than the newest one. */
  lateViews = 0
  /** Callers that wait for the chain to change. */
  readonly watchers = new Set<(facts: ChainFacts) => void>()
  /** Told when a dispute that the user asked for could not be sent. */
  onDisputeFailed: ((error: Error) => void) | undefined
  /** Acknowledged version, and ticks without progress since. */
  #pace = { version: -1n, quiet: 0 }

  constructor(entry: ChannelEntry, terms: Terms, number: number, ledger: Ledger) {
    this.entry = entry
    this.terms = terms
    this.ledgerId = ledgerIdOf(ledger)
    this.number = number
    this.ledger = ledger
  }

  /** Whether the peer should be reminded: something is outstanding and nothing moves, after 1, 2, 4, ... ticks, then every 32. */
  isQuiet(): boolean {
    const { linked, missed, unacked, inFlight, own } = this.ledger
    const waits = !linked || missed || unacked.length > 0 || inFlight?.stage === 'proposed'
    if (!waits || this.#pace.version !== own.acked.version) {
      this.#pace = { version: own.acked.version, quiet: 0 }
      return false
    }
    const quiet = ++this.#pace.quiet
    return Number.isInteger(Math.log2(quiet)) || quiet % 32 === 0
  }

  /** Remembers what the peer lets this node take back. A transfer that has changed is asked for anew. */
  hear(news: LedgerNews): void {
    if (news.kind === 'asked') {
      const item = findLocked(this.ledger.own.pending, news.id)
      if (item && gainOf(this.ledger.me, item.transfer, news.resolution) > 0n)
        this.peerAsked.set(news.id, news.resolution)
    } else if (news.kind === 'sent') {
      for (const operation of news.operations) if (operation.kind === 'resolve') this.peerAsked.delete(operation.id)
    } else if (news.kind === 'ended') this.peerAsked.clear()
  }

  /** Waits for the acknowledgement of a version that is signed. */
  await(waiter: Waiter): void {
    this.#waiting.push(waiter)
  }

  /** Tells whose orders the peer has acknowledged. */
  acknowledged(version: bigint): void {
    let count = 0
    while (count < this.#waiting.length && this.#waiting[count]!.last <= version) count++
    for (const order of this.#waiting.splice(0, count)) order.resolve('acked')
  }

  /** The generation is over. A closing withdrawal counted every version; what a dispute counted, only the chain knows. */
  ended(disputed: boolean): void {
    for (const order of this.#waiting.splice(0)) {
      if (disputed) order.reject(new PaymentPendingError(order.last, undefined))
      else order.resolve('acked')
    }
  }

  /** Tells everybody who waits that the node stops. */
  giveUp(error: Error): void {
    for (const order of this.queue.clear())
      order.reject(order.taken === 0 ? error : new PaymentPendingError(order.last, error))
    for (const order of this.#waiting.splice(0)) order.reject(new PaymentPendingError(order.last, error))
    for (const order of this.operations.clear()) order.reject(error)
  }
}
