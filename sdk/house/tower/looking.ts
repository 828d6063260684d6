import type { Address, Domain, Hex } from '../../core/types.ts'
import type { Transport } from '../../transport/transport.ts'
import { RefusedByHouseError } from '../member/errors.ts'
import { LinkLostError, OperatorLink, type Question } from '../member/link.ts'

/** Milliseconds until an operator that was not there is dialled again, doubled each time. */
const FIRST = 250
const LAST = 60_000
/** Milliseconds that an answer may take. */
const ANSWER = 30_000

export interface LookingOptions {
  readonly address: string
  readonly operator: Address
  readonly domain: Domain
  readonly transport: Transport
  readonly member: Hex
  readonly permit: () => Uint8Array | undefined
  /** The operator does not let this tower look. */
  readonly onRefused: (error: Error) => void
}

type Answer = ReturnType<OperatorLink['ask']>

/** Asks the operator for a member's leaf, on a connection for each question: a tower has no seat to keep one for. */
export class Looking {
  readonly #options: LookingOptions
  readonly #stop = new AbortController()
  #wait = FIRST
  #notBefore = 0

  constructor(options: LookingOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return !this.#stop.signal.aborted && this.#options.permit() !== undefined && performance.now() >= this.#notBefore
  }

  async ask({ epoch }: { readonly epoch: bigint }): Answer {
    const { member, permit, onRefused } = this.#options
    try {
      const answer = await this.#once({ kind: 'look', epoch, member, permit: permit()! })
      this.#wait = FIRST
      return answer
    } catch (error) {
      this.#notBefore = performance.now() + this.#wait
      this.#wait = Math.min(LAST, 2 * this.#wait)
      if (error instanceof RefusedByHouseError && error.refusal !== 'NOT_HELD') onRefused(error)
      throw error
    }
  }

  stop(): void {
    this.#stop.abort()
  }

  #once(question: Question): Answer {
    const { address, operator, domain, transport } = this.#options
    return new Promise((resolve, reject) => {
      const lost = () => reject(new LinkLostError())
      const link: OperatorLink = new OperatorLink({
        address,
        operator,
        domain,
        transport,
        onMessage: async () => {},
        onUp: async () => void link.ask(question).then(resolve, reject).finally(end),
        onDown: () => end(),
      })
      const end = () => {
        clearTimeout(timer)
        this.#stop.signal.removeEventListener('abort', end)
        link.stop()
        lost()
      }
      const timer = setTimeout(end, ANSWER)
      this.#stop.signal.addEventListener('abort', end)
      link.tick()
    })
  }
}
