import type { HouseChain, HouseEvent, HouseState } from '../../chain/house/house-chain.ts'
import { memberId } from '../../clearing/account.ts'
import type { Finding } from '../../clearing/checking.ts'
import { epochHash } from '../../clearing/epoch.ts'
import type { Hex } from '../../core/types.ts'
import { challengeAll, challengesFor, reclaimAll } from '../member/disputing.ts'
import type { MemberEvent } from '../member/events.ts'
import { formatHouseExit } from '../member/exit-file.ts'
import { Following } from '../member/following.ts'
import { exitOf } from '../member/leaving.ts'
import { heldKey, type Memory } from '../member/memory.ts'
import type { MemberState, SeenEpoch } from '../member/state.ts'
import { type CheckingDesk, Verifying } from '../member/verifying.ts'
import { type HouseWatch, HouseWatchError } from '../member/watch-file.ts'

/** What a tower of a house tells: what a member would tell of epochs and disputes. */
export type HouseTowerEvent =
  | MemberEvent
  /** The leaf is of an account that the file does not know. Only the court makes an operator show who signed it. */
  | { readonly kind: 'outdated'; readonly number: bigint }

/** @internal */
export interface TowerDesk extends CheckingDesk {
  readonly chain: HouseChain
  readonly memory: Memory
  readonly tell: (event: HouseTowerEvent) => void
}

interface TowerParts {
  readonly desk: TowerDesk
  /** Reads a watch file of this member. */
  readonly parse: (text: string) => HouseWatch
  /** A newer file was taken. */
  readonly onTaken: (watch: HouseWatch) => void
  readonly onStop: () => void
}

/** Checks a member's leaf in each epoch and demands it, without its keys; made by `watchHouse`. */
export class HouseTower {
  readonly #parts: TowerParts
  readonly #watch: HouseWatch
  readonly #following: Following
  readonly #verifying: Verifying
  /** Epochs that are wrong, or not shown in time. */
  readonly #wrong = new Map<bigint, readonly Finding[]>()
  /** What was challenged for which findings. */
  readonly #done = new Map<bigint, readonly Finding[]>()
  #now = 0n
  #final = 0n
  #running: Promise<void> | undefined

  /** @internal */
  constructor(parts: TowerParts, watch: HouseWatch) {
    this.#parts = parts
    this.#watch = watch
    this.#following = new Following(parts.desk, (from) => this.#replaced(from))
    this.#verifying = new Verifying(parts.desk, (number, findings) => this.#checked(number, findings))
  }

  /** The member that it watches for. */
  get member(): Hex {
    return this.#parts.desk.id
  }

  /** The last final epoch. */
  get final(): bigint {
    return this.#final
  }

  /** What a check of a committed epoch found; undefined: not shown yet. */
  verifyEpoch(number: bigint): readonly Finding[] | undefined {
    return this.#parts.desk.memory.epochs.get(number)?.findings
  }

  /** Takes a newer watch file of the same member. Throws {@link HouseWatchError}. */
  async renew(text: string): Promise<void> {
    const watch = this.#parts.parse(text)
    if (memberId(watch.identity) !== this.member)
      throw new HouseWatchError('HOUSE_WATCH_OF_ANOTHER', 'The watch file is of another member. Watch for it apart.')
    if (await this.#take(watch)) return
    throw new HouseWatchError(
      'HOUSE_WATCH_TOO_OLD',
      'The tower has a newer watch file of this member. Export a new one.',
    )
  }

  /** All that an exit takes, by what the operator has shown to this tower. It holds no key. */
  exitFile(): string {
    const { domain, identity } = this.#watch
    return formatHouseExit(exitOf({ domain, identity, memory: this.#parts.desk.memory }))
  }

  /** @internal */
  async start(isNew: boolean): Promise<void> {
    const { chain, memory, tell } = this.#parts.desk
    await this.#take(this.#watch)
    for (const { epoch, findings = [] } of memory.epochs.values())
      if (findings.length > 0) this.#wrong.set(epoch.number, findings)
    chain.onEvent = (event) => this.#onEvent(event)
    chain.onState = (state) => this.#onState(state)
    chain.onAlarm = (error) => tell({ kind: 'alarm', error })
    await chain.start(isNew ? 0 : undefined)
  }

  async stop(): Promise<void> {
    const { desk, onStop } = this.#parts
    onStop()
    await desk.chain.stop()
    await this.#running
    await desk.memory.change(() => undefined)
  }

  /** False: what is there is newer. */
  async #take(watch: HouseWatch): Promise<boolean> {
    const { memory } = this.#parts.desk
    if (isOlder(watch.state, memory.state)) return false
    const forgotten = largest(watch.state.forgotten ?? 0n, memory.state.forgotten ?? 0n)
    const epochs = watch.epochs.filter((one) => isNews(one, memory, forgotten))
    await memory.change(() => ({
      state: { ...watch.state, forgotten },
      epochs,
      held: watch.held.map((one) => ({ ...memory.held.get(heldKey(one)), ...one })),
      known: watch.known,
    }))
    for (const { epoch, entries } of watch.told) await memory.change(() => ({ told: { epoch, from: 0, entries } }))
    for (const { epoch, findings } of epochs) if (findings?.length === 0) this.#wrong.delete(epoch.number)
    this.#parts.onTaken(watch)
    this.#verifying.kick()
    return true
  }

  async #onEvent(event: HouseEvent): Promise<void> {
    const { tell } = this.#parts.desk
    await this.#following.take(event)
    if (event.kind === 'answered') await this.#verifying.answered(event.epoch, event.transaction)
    if (event.kind === 'committed') this.#verifying.kick()
    if (event.kind === 'halted' || event.kind === 'settled') tell({ kind: event.kind })
    if (event.kind === 'settled') this.#reclaim().catch((error) => tell({ kind: 'alarm', error }))
  }

  #onState(state: HouseState): void {
    const { memory, tell } = this.#parts.desk
    const alarm = (error: Error) => tell({ kind: 'alarm', error })
    const { final } = state.confirmed
    this.#now = state.latest.head.timestamp
    this.#following.look(state).catch(alarm)
    if (final > this.#final) {
      this.#final = final
      void memory.prune(final).catch(alarm)
      tell({ kind: 'final', number: final })
    }
    this.#verifying.look(state)
    this.#challenge()
  }

  #replaced(from: bigint): void {
    for (const map of [this.#wrong, this.#done]) for (const number of map.keys()) if (number >= from) map.delete(number)
    this.#verifying.replaced(from)
  }

  #checked(number: bigint, findings: readonly Finding[]): void {
    const { memory, tell } = this.#parts.desk
    if (findings.length === 0) {
      this.#wrong.delete(number)
      return
    }
    this.#wrong.set(number, findings)
    const leaf = memory.epochs.get(number)?.proof?.leaf
    const isOutdated = leaf !== undefined && leaf.seq > memory.state.seq
    const why = `Epoch ${number} is wrong: ${[...new Set(findings.map(({ rule }) => rule))].join(', ')}.`
    tell(isOutdated ? { kind: 'outdated', number } : { kind: 'fault', number, why, findings })
    this.#challenge()
  }

  /** What fails is tried again at the next block, until the window is over. */
  #challenge(): void {
    const { tell } = this.#parts.desk
    this.#running ??= this.#challengeAll()
      .catch((error) => tell({ kind: 'alarm', error }))
      .finally(() => {
        this.#running = undefined
      })
  }

  async #challengeAll(): Promise<void> {
    const { desk } = this.#parts
    const { chain, memory, id } = desk
    for (const [number, findings] of this.#wrong) {
      const seen = memory.epochs.get(number)
      const isOpen = seen && this.#now < seen.committedAt + chain.terms.window
      if (!isOpen || this.#done.get(number) === findings) continue
      await challengeAll(desk, number, challengesFor(id, seen, findings, memory))
      this.#done.set(number, findings)
    }
  }

  /** Bonds that nobody earned by an answer go back to who paid them. */
  async #reclaim(): Promise<void> {
    const { desk } = this.#parts
    const { final } = (await desk.chain.state()).latest
    for (const number of desk.memory.epochs.keys()) if (number > final) await reclaimAll(desk, number)
  }
}

const largest = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const isOlder = (one: MemberState, other: MemberState): boolean =>
  one.seq < other.seq || receiptSeq(one) < receiptSeq(other)

const receiptSeq = ({ receipts }: MemberState): bigint =>
  receipts.reduce((most, { receipt }) => largest(most, receipt.seq), 0n)

/** What the file tells of an epoch that this tower does not know yet, or has not found right itself. */
function isNews({ epoch, findings }: SeenEpoch, memory: Memory, forgotten: bigint): boolean {
  const known = memory.epochs.get(epoch.number)
  if (!known) return epoch.number >= forgotten || memory.epochs.size === 0
  return findings !== undefined && known.findings?.length !== 0 && epochHash(known.epoch) === epochHash(epoch)
}
