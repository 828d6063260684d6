import { blankLane } from '../../protocols/ledger.ts'
import type { Update } from '../../protocols/messages.ts'
import type { Snapshot } from '../../protocols/pending.ts'
import type { Engine } from '../engine.ts'
import { StoreFailedError } from '../errors.ts'
import { readLane, snapshotAt } from '../ledgers/history.ts'
import type { Slot } from '../ledgers/slot.ts'
import { FRAME_BYTES, FRAME_UPDATES } from './outbox.ts'

/** Reads the history again, for a peer that missed updates and for a chain that holds old states. */
export class Replay {
  readonly #engine: Engine
  /** Ledgers whose history is being searched: a peer may have made it long, and every look at the chain asks again. */
  readonly #searched = new Set<Slot>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Sends recorded updates of one's own lane again, from version `from` on. New ones wait meanwhile: they would overtake. */
  async resend(slot: Slot, from: bigint): Promise<void> {
    slot.resendFrom = from
    if (slot.resending) return
    slot.resending = true
    try {
      for (let next: bigint | undefined = from; next !== undefined; next = slot.resendFrom) {
        slot.resendFrom = undefined
        await this.#send(slot, next)
      }
    } catch (error) {
      this.#failed(error)
    } finally {
      slot.resending = false
      this.#engine.touch(slot)
    }
  }

  async #send(slot: Slot, from: bigint): Promise<void> {
    const { channelId, asset, generation, me } = slot.ledger
    const peer = this.#engine.peers.all.get(slot.entry.peer)
    const connection = peer?.connection
    if (!peer || !connection) return
    let updates: Update[] = []
    let bytes = 0
    /** False: the connection or the generation is over, or the peer has asked anew. */
    const flush = async () => {
      this.#engine.peers.send(peer, { kind: 'updates', channelId, asset, generation, updates, ack: undefined })
      updates = []
      bytes = 0
      if (peer.full) await connection.drained().catch(() => {})
      return peer.connection === connection && slot.ledger.generation === generation && slot.resendFrom === undefined
    }
    const lane = { number: slot.number, generation, lane: me }
    for await (const { version, entry } of readLane(this.#engine.options.store, lane, from)) {
      const { operations, signature } = entry
      if (!signature || peer.connection !== connection) return
      const isFull = updates.length >= FRAME_UPDATES || bytes + operations.length > FRAME_BYTES
      if (isFull && !(await flush())) return
      updates.push({ version, signature, operations })
      bytes += operations.length
    }
    if (updates.length > 0) await flush()
  }

  /** Finds the states that the chain holds, and hands them to the ledger. */
  async lookup(slot: Slot, versions: readonly [bigint, bigint]): Promise<void> {
    if (this.#searched.has(slot)) return
    this.#searched.add(slot)
    const { generation } = slot.ledger
    const states: Snapshot[] = []
    try {
      for (const lane of [0, 1] as const) {
        if (versions[lane] === 0n) continue
        const blank = blankLane(slot.ledger, generation, lane).newest
        const place = { number: slot.number, generation, lane }
        const found = await snapshotAt(this.#engine.options.store, place, blank, versions[lane])
        if (found) states.push(found)
      }
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#searched.delete(slot)
    }
    if (!this.#engine.halted && slot.ledger.generation === generation)
      this.#engine.dispatch(slot, { kind: 'shown', states })
  }

  #failed(error: unknown): void {
    if (!this.#engine.halted) this.#engine.halt(new StoreFailedError(error))
  }
}
