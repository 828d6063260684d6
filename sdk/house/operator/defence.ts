import type { Demanded, HouseChain, HouseFacts, HouseState } from '../../chain/house/house-chain.ts'
import { toHex } from '../../core/bytes.ts'
import { TallystickError } from '../../core/errors.ts'
import type { Hex } from '../../core/types.ts'
import { answerTo } from './answers.ts'
import type { Archive } from './archive.ts'
import type { Books } from './books.ts'
import type { OperatorEvent } from './events.ts'

/** A demand that this operator has no answer to: the house will halt at its epoch. */
export class UnanswerableDemandError extends TallystickError {
  readonly code = 'UNANSWERABLE_DEMAND'
  readonly id: Hex

  constructor(id: Hex, about: string, epoch: bigint, options?: ErrorOptions) {
    super(
      `There is no answer to the demand ${id} (${about}) about epoch ${epoch}. Look at the store: the house halts if nobody answers in time.`,
      options,
    )
    this.id = id
  }
}

/** A demand is not answered and its time is nearly over. */
export class LateHouseAnswerError extends TallystickError {
  readonly code = 'HOUSE_ANSWER_LATE'
  readonly id: Hex

  constructor(id: Hex, until: bigint) {
    super(
      `The demand ${id} must be answered by ${until} and is not. Give the operator's account gas money, check the RPC.`,
    )
    this.id = id
  }
}

export interface DefenceOptions {
  readonly books: Books
  readonly archive: Archive
  readonly chain: HouseChain
  readonly tell: (event: OperatorEvent) => void
}

/** Chain seconds before the last moment at which an open demand is an alarm. */
const NEAR = 1_800n

/** Answers every demand that is made in the court. */
export class Defence {
  readonly #options: DefenceOptions
  readonly #demands = new Map<Hex, Demanded>()
  readonly #running = new Map<Hex, Promise<void>>()
  /** What was told already. */
  readonly #warned = new Set<string>()
  readonly #stop = new AbortController()

  constructor(options: DefenceOptions) {
    this.#options = options
  }

  /** Demands without an answer. */
  get open(): number {
    return this.#demands.size
  }

  /** What was demanded while nobody was here. */
  async catchUp({ final, lastCommitted }: HouseFacts): Promise<void> {
    for (let epoch = final + 1n; epoch <= lastCommitted; epoch++)
      for (const one of await this.#options.chain.openDemands(epoch)) this.demanded(one)
  }

  demanded({ id, demand }: Demanded): void {
    if (this.#demands.has(id)) return
    this.#demands.set(id, { id, demand })
    this.#options.tell({ kind: 'demanded', id, epoch: demand.epoch, about: demand.about })
    this.#start({ id, demand })
  }

  answered(id: Hex): void {
    this.#demands.delete(id)
    this.#warned.delete(id)
    this.#warned.delete(`${id}/late`)
  }

  /** Somebody claimed what this member was credited with after the last final epoch: its newest account shows what it has spent of it. */
  async insured(index: number, member: Hex): Promise<void> {
    const { books, archive, chain } = this.#options
    const { finalized } = (await chain.state()).latest
    const { identity, account, signature } = books.seatOf(member) ?? {}
    const page = await archive.page(index, finalized)
    if (!identity || !account || !page || account.index !== index) return
    const spent = (asset: number) => account.debits[asset]! + account.locked[asset]!
    if (page.leaf.lines.every(({ debits, locked }, asset) => spent(asset) <= debits + locked)) return
    await chain.lowerInsured(identity, account, toHex(signature!), { intent: `house/lower/${index}/${account.seq}` })
  }

  /** Tries again what failed, and warns of what comes too late. */
  tick({ latest }: HouseState): void {
    for (const one of this.#demands.values()) {
      if (!this.#running.has(one.id)) this.#start(one)
      void this.#warn(one, latest.head.timestamp)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running.values())
  }

  #start(one: Demanded): void {
    if (this.#stop.signal.aborted) return
    const running = this.#answer(one)
      .catch((error: Error) => {
        if (!this.#stop.signal.aborted) this.#alarm(one.id, error)
      })
      .finally(() => this.#running.delete(one.id))
    this.#running.set(one.id, running)
  }

  async #answer({ id, demand }: Demanded): Promise<void> {
    const { chain, tell } = this.#options
    const status = await chain.epochStatus(demand.epoch)
    const open = await chain.openDemands(demand.epoch)
    if (!open.some((one) => one.id === id)) {
      this.answered(id)
      return
    }
    const answer = await this.#find(id, demand)
    const before = status?.answerUntil
    const receipt = await chain.answer(answer, {
      intent: `house/answer/${id}`,
      ...(before !== undefined && { before }),
      signal: this.#stop.signal,
    })
    this.answered(id)
    tell({ kind: 'answered', id, gasUsed: receipt.gasUsed })
  }

  async #find(id: Hex, demand: Demanded['demand']) {
    try {
      const answer = await answerTo(demand, this.#options)
      if (answer) return answer
    } catch (cause) {
      throw new UnanswerableDemandError(id, demand.about, demand.epoch, { cause })
    }
    throw new UnanswerableDemandError(id, demand.about, demand.epoch)
  }

  async #warn({ id, demand }: Demanded, now: bigint): Promise<void> {
    const status = await this.#options.chain.epochStatus(demand.epoch).catch(() => undefined)
    // A demand is told again after a restart, also one that was answered.
    if (!status || status.open === 0 || now + NEAR < status.answerUntil) return
    if (now <= status.challengeUntil) return
    this.#alarm(`${id}/late`, new LateHouseAnswerError(id, status.answerUntil))
  }

  #alarm(about: string, error: Error): void {
    if (this.#warned.has(about)) return
    this.#warned.add(about)
    this.#options.tell({ kind: 'alarm', error, isFatal: false })
  }
}
