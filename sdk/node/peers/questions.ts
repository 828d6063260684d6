import { toHex } from '../../core/bytes.ts'
import type { Address, Hex } from '../../core/types.ts'
import { onAbort } from '../abort.ts'
import { freshId } from '../ledgers/queue.ts'
import { type Peer, PeerOfflineError } from './peers.ts'

interface Waiting<A> {
  readonly peer: Address
  readonly resolve: (answer: A) => void
  readonly reject: (error: unknown) => void
}

/** Questions to peers that wait for their answers. */
export class Questions<A> {
  /** By nonce. */
  readonly #waiting = new Map<Hex, Waiting<A>>()

  /** Names a question, 16 bytes. */
  static nonce = (): Hex => toHex(freshId())

  /** Resolves with the answer to what `send` asks. Throws `PeerOfflineError`. */
  ask(peer: Peer, nonce: Hex, send: () => void, signal?: AbortSignal): Promise<A> {
    signal?.throwIfAborted()
    if (!peer.online) throw new PeerOfflineError(peer.signer)
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        forget()
        this.#waiting.delete(nonce)
        outcome()
      }
      const fail = (error: unknown) => settle(() => reject(error))
      const forget = onAbort(signal, fail)
      this.#waiting.set(nonce, { peer: peer.signer, resolve: (answer) => settle(() => resolve(answer)), reject: fail })
      send()
    })
  }

  /** Who waits for this answer of a peer. */
  of = (peer: Peer, nonce: Hex): Waiting<A> | undefined => {
    const waiting = this.#waiting.get(nonce)
    return waiting?.peer === peer.signer ? waiting : undefined
  }

  lost(peer: Peer, reason: Error | undefined): void {
    for (const { peer: asked, reject } of [...this.#waiting.values()])
      if (asked === peer.signer) reject(reason ?? new PeerOfflineError(peer.signer))
  }

  stop(error: Error): void {
    for (const { reject } of [...this.#waiting.values()]) reject(error)
  }
}
