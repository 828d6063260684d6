import type { Chain, ChainReceipt } from '../chain/chain.ts'
import { toHex } from '../core/bytes.ts'
import { encodeProof, encodeStates } from '../core/calldata.ts'
import { encodeChannel, ledgerIdOf } from '../core/channel.ts'
import { encodeEnvelope } from '../core/envelope.ts'
import { hashState } from '../core/state.ts'
import type { Clock } from './clock.ts'
import type { Answer, Settlement } from './watching.ts'

/** Milliseconds until a transaction that failed, or whose effect is not seen yet, is asked for again. */
const PAUSE = 5_000

/** What became of an action. */
export interface AnsweringHandler {
  sent(action: Answer | Settlement, receipt: ChainReceipt): void
  failed(action: Answer | Settlement, error: Error): void
}

/** Sends a tower's transactions, each once at a time. Order, fees and restarts are the chain's own sender's business. */
export class Answering {
  readonly #chain: Chain
  readonly #clock: Clock
  readonly #handler: AnsweringHandler
  /** What is being done, and what was done a moment ago: by intent, until when to leave it alone. */
  readonly #notBefore = new Map<string, number>()
  readonly #stopped = new AbortController()

  constructor(chain: Chain, clock: Clock, handler: AnsweringHandler) {
    this.#chain = chain
    this.#clock = clock
    this.#handler = handler
  }

  async perform(action: Answer | Settlement): Promise<void> {
    const intent = intentOf(action)
    if (this.#stopped.signal.aborted || this.#clock.elapsed() < (this.#notBefore.get(intent) ?? 0)) return
    this.#forget()
    this.#notBefore.set(intent, Number.POSITIVE_INFINITY)
    try {
      this.#handler.sent(action, await this.#send(action, intent))
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#handler.failed(action, error as Error)
    } finally {
      this.#notBefore.set(intent, this.#clock.elapsed() + PAUSE)
    }
  }

  stop(): void {
    this.#stopped.abort(new Error('The watchtower was stopped.'))
  }

  #send(action: Answer | Settlement, intent: string): Promise<ChainReceipt> {
    const isAnswer = action.kind === 'answer'
    const packed = isAnswer ? packedStates(action) : encodeProof(action.base, action.states)
    const args = [toHex(encodeChannel(action.channel)), action.asset, toHex(packed)]
    return this.#chain.send(
      { to: 'adjudicator', functionName: isAnswer ? 'submit' : 'settle', args },
      {
        intent,
        weight: 1n << BigInt(action.worth),
        anySender: true,
        signal: this.#stopped.signal,
        ...(isAnswer && { before: action.before }),
      },
    )
  }

  #forget(): void {
    if (this.#notBefore.size < 1_000) return
    for (const [intent, until] of this.#notBefore) if (until < this.#clock.elapsed()) this.#notBefore.delete(intent)
  }
}

/** The same whether it is late or not: of one answer there is one transaction. */
function intentOf(action: Answer | Settlement): string {
  const place = `${ledgerIdOf(action)}/${action.generation}`
  if (action.kind === 'settle') return `tower/settle/${place}`
  const hashes = action.states.map(({ state }) => toHex(hashState(state)).slice(2, 18)).join('-')
  return `tower/submit/${place}/${action.expiry}/${hashes}`
}

/** Both signatures stand there, so anybody may send it. */
const packedStates = ({ states }: Answer): Uint8Array =>
  encodeStates(
    states.map(({ state, signatures }) => ({
      state,
      signatures: signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature })),
    })),
  )
