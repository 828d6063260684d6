import { type LedgerMessage, type Message, PeerViolationError, type Updates } from '../../protocols/messages.ts'
import { decodeMessage } from '../../protocols/wire.ts'
import type { Engine } from '../engine.ts'
import type { Peer } from './peers.ts'

/** What a proposal costs of a peer's allowance: it makes this node ask its RPC, which may bound how often. */
const PROPOSAL = 10

/** Takes in what peers sent. */
export class Hearing {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Reads all frames of a peer; the first that breaks a rule ends its connection. */
  hear(peer: Peer): void {
    const { peers } = this.#engine
    try {
      for (const message of merged(peers.take(peer).map(decodeMessage))) {
        if (!peer.online) return
        this.#answer(peer, message)
      }
    } catch (error) {
      this.#hangUp(peer, error)
    }
  }

  #hangUp(peer: Peer, error: unknown): void {
    const unreadable = () => new PeerViolationError('it sent what cannot be read', { cause: error })
    this.#engine.peers.fail(peer, error instanceof PeerViolationError ? error : unreadable())
  }

  #answer(peer: Peer, message: Message): void {
    switch (message.kind) {
      case 'hello':
        throw new PeerViolationError('it greets twice')
      case 'open':
      case 'opened':
      case 'refused':
        this.#engine.peers.spend(peer)
        this.#engine.openings.hear(peer, message)
        return
      case 'revoke':
        // Its check may cost a question to the RPC.
        this.#engine.peers.spend(peer, PROPOSAL)
        void this.#engine.revoking.hear(message)
        return
      case 'more':
      case 'news':
      case 'announce':
        this.#engine.gossip.hear(peer, message)
        return
      case 'inbound':
        // It may make this node sign, or wait for its RPC.
        this.#engine.peers.spend(peer, PROPOSAL)
        this.#engine.inbound.hear(peer, message.body)
        return
      case 'group':
        this.#engine.groups.hear(peer, message.body)
        return
      case 'app':
        this.#engine.apps.hear(peer, message.body)
        return
      case 'swap':
        // The operator's own function may be asked.
        this.#engine.peers.spend(peer, PROPOSAL)
        this.#engine.swaps.hear(peer, message.body)
        return
      default:
        this.#answerLedger(peer, message)
    }
  }

  #answerLedger(peer: Peer, message: LedgerMessage): void {
    const { book, peers } = this.#engine
    const slot = book.slot(message)
    // It may know a channel that was never confirmed to be open here.
    if (!slot) {
      peers.spend(peer)
      return
    }
    if (slot.entry.peer !== peer.signer) throw new PeerViolationError('it speaks about a channel of others')
    if (message.kind === 'propose') {
      peers.spend(peer, PROPOSAL)
      void this.#answerFresh(peer, message)
      return
    }
    const before = slot.ledger
    this.#engine.dispatch(slot, { kind: 'message', message })
    const after = slot.ledger
    // What brings nothing new may come only so often.
    if (before.peer.newest === after.peer.newest && before.own.acked === after.own.acked) peers.spend(peer)
  }

  /** Judged by the newest block: what is known of the chain may be old where nothing happened. */
  async #answerFresh(peer: Peer, message: LedgerMessage): Promise<void> {
    const slot = this.#engine.book.slot(message)!
    const { connection } = peer
    await this.#engine.desk.refresh(slot)
    if (peer.connection !== connection || this.#engine.halted) return
    try {
      this.#engine.dispatch(slot, { kind: 'message', message })
    } catch (error) {
      this.#hangUp(peer, error)
    }
  }
}

/** Joins updates of one ledger that stand side by side, so that only the newest signature of all is checked. */
function merged(messages: readonly Message[]): Message[] {
  const joined: Message[] = []
  for (const message of messages) {
    const last = joined.at(-1)
    if (message.kind !== 'updates' || last?.kind !== 'updates' || !sameLedger(last, message)) joined.push(message)
    else joined[joined.length - 1] = join(last, message)
  }
  return joined
}

const sameLedger = (a: Updates, b: Updates): boolean =>
  a.channelId === b.channelId && a.asset === b.asset && a.generation === b.generation

const join = (first: Updates, second: Updates): Updates => ({
  ...second,
  updates: [...first.updates, ...second.updates],
  ack: second.ack ?? first.ack,
})
