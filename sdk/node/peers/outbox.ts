import type { LedgerMessage, Message, Updates } from '../../protocols/messages.ts'
import type { Slot } from '../ledgers/slot.ts'
import type { Peer, Peers } from './peers.ts'

/** Updates that one frame may hold; the reader refuses more than twice as many. */
export const FRAME_UPDATES = 128
/** Bytes of operations in one frame, well below the transport's limit. */
export const FRAME_BYTES = 1 << 20

interface Waiting {
  readonly peer: Peer
  message: Message
  slot: Slot | undefined
  bytes: number
}

/** Collects what one commit allows to leave, so that all updates of a ledger share a frame with one acknowledgement. */
export class Outbox {
  readonly #peers: Peers
  #waiting: Waiting[] = []
  /** The last message of each ledger, if it can take more updates. */
  readonly #open = new Map<Slot, Waiting>()

  constructor(peers: Peers) {
    this.#peers = peers
  }

  push(peer: Peer, message: LedgerMessage, slot: Slot): void {
    const bytes = message.kind === 'updates' ? sizeOf(message) : 0
    const last = this.#open.get(slot)
    if (last && message.kind === 'updates' && last.message.kind === 'updates' && fits(last, message, bytes)) {
      const updates = [...last.message.updates, ...message.updates]
      last.message = { ...last.message, updates, ack: message.ack ?? last.message.ack }
      last.bytes += bytes
      return
    }
    const waiting = { peer, message, slot, bytes }
    this.#waiting.push(waiting)
    this.#open.set(slot, waiting)
  }

  flush(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    this.#open.clear()
    for (const { peer, message } of waiting) this.#peers.send(peer, message)
  }
}

const sizeOf = ({ updates }: Updates): number => updates.reduce((sum, { operations }) => sum + operations.length, 0)

function fits(last: Waiting, message: Updates, bytes: number): boolean {
  const before = last.message as Updates
  return (
    before.generation === message.generation &&
    before.updates.length + message.updates.length <= FRAME_UPDATES &&
    last.bytes + bytes <= FRAME_BYTES
  )
}
