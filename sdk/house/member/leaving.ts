import type { HouseState } from '../../chain/house/house-chain.ts'
import { standsIn } from '../../clearing/checking.ts'
import { balanceOf } from '../../clearing/epoch.ts'
import { least } from '../../core/transfer.ts'
import { type Desk, standingAt, withdrawnBefore } from './desk.ts'
import { HouseMemberError } from './errors.ts'
import type { HouseExit } from './exit-file.ts'
import { revertOf } from './exit-run.ts'
import { insuredIn } from './insured.ts'
import { accountIn, type SeenEpoch } from './state.ts'

interface Waiting {
  readonly asset: number
  readonly target: bigint
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Takes money out while the house runs: asks for it, and collects what has left when its epoch is final. */
export class Leaving {
  readonly #desk: Desk
  #waiting: Waiting[] = []
  #isCollecting = false

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** Asks the house; gives what the member wants to have withdrawn for life. */
  async request(asset: number, amount: bigint): Promise<bigint> {
    const { chain, identity, id } = this.#desk
    if (chain.sender !== identity.owner)
      throw new HouseMemberError(
        'HOUSE_NOT_OWNER',
        `Only ${identity.owner} can ask for this member's money. Connect the chain with its wallet.`,
      )
    const { requested } = await chain.standing(id, asset)
    const target = requested + amount
    await chain.request(identity.signer, asset, target, { intent: `house/${id}/request/${asset}/${target}` })
    return target
  }

  /** Resolves when so much, for life, is paid to the owner. */
  reached(asset: number, target: bigint): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asset, target, resolve, reject })
      this.#settle()
    })
  }

  stop(reason: Error): void {
    for (const { reject } of this.#waiting) reject(reason)
    this.#waiting = []
  }

  /** At each block: collects what has left in epochs that are final now. */
  look({ latest: { final } }: HouseState): void {
    if (this.#isCollecting) return
    const due = [...this.#desk.memory.epochs.values()].filter((one) => isDue(one, final))
    this.#isCollecting = true
    this.#collectAll(due)
      .catch((error) => this.#desk.tell({ kind: 'alarm', error }))
      .finally(() => {
        this.#isCollecting = false
      })
  }

  async #collectAll(due: readonly SeenEpoch[]): Promise<void> {
    // One that fails keeps none of the others waiting; it is tried again at the next block.
    for (const one of due) await this.#collect(one).catch((error) => this.#desk.tell({ kind: 'alarm', error }))
    this.#settle()
  }

  async #collect(seen: SeenEpoch): Promise<void> {
    const { chain, identity, id, memory, tell } = this.#desk
    const { epoch, proof } = seen
    const claim = { index: proof!.index, leaf: proof!.leaf, identity }
    try {
      await chain.collect(epoch, [claim], proof!.path, { intent: `house/${id}/collect/${epoch.number}` })
    } catch (error) {
      // Whoever paid the gas: it was paid to the owner.
      if (revertOf(error) !== 'AlreadyPaid') throw error
    }
    await memory.change(() => ({ epochs: [{ ...memory.epochs.get(epoch.number)!, isCollected: true }] }))
    for (const [asset, { leaving }] of proof!.leaf.lines.entries())
      if (leaving > 0n)
        tell({ kind: 'withdrawn', asset: chain.terms.assets[asset]!, amount: leaving, epoch: epoch.number })
  }

  /** Whoever waits for a target that is reached now. */
  #settle(): void {
    const isOpen = [...this.#desk.memory.epochs.values()].filter(
      ({ proof, isCollected }) => proof?.leaf.lines.some(({ leaving }) => leaving > 0n) && !isCollected,
    )
    const before = isOpen.reduce<bigint | undefined>(
      (least, { epoch }) => (least === undefined || epoch.number < least ? epoch.number : least),
      undefined,
    )
    const withdrawn = withdrawnBefore(this.#desk, before)
    const done = this.#waiting.filter(({ asset, target }) => withdrawn[asset]! >= target)
    this.#waiting = this.#waiting.filter((one) => !done.includes(one))
    for (const { resolve } of done) resolve()
  }
}

const isDue = ({ epoch, proof, isCollected }: SeenEpoch, final: bigint): boolean =>
  !isCollected && epoch.number <= final && (proof?.leaf.lines.some(({ leaving }) => leaving > 0n) ?? false)

/** What a member has in one asset. */
export interface HouseBalance {
  /** Can be spent now; what was asked for and has not left is no part of it. */
  readonly available: bigint
  /** Locked and not decided, by the newest account. */
  readonly live: bigint
  /** Asked for and not left yet, or left and not final yet. */
  readonly leaving: bigint
  /** The part of `available` that no final epoch holds: until then it is credit to the operator. */
  readonly unsettled: bigint
  /** The part of `unsettled` that is paid from the operator's stake if the house halts. */
  readonly insured: bigint
}

/** By the newest account and receipt, and the postings that the chain has confirmed. */
export function balanceIn(desk: Desk, asset: number, final: bigint): HouseBalance {
  const { memory } = desk
  const { deposited, requested } = standingAt(desk)
  const withdrawn = withdrawnBefore(desk)[asset]!
  const book = memory.state.books.findLast(({ countersignature }) => countersignature)?.book
  const [debits, locked] = [book?.debits[asset] ?? 0n, book?.locked[asset] ?? 0n]
  const has = deposited[asset]! + memory.state.income.credits[asset]! - debits - locked - withdrawn
  const wanted = requested[asset]! - withdrawn
  const asked = wanted <= 0n ? 0n : least(wanted, has)
  const line = memory.epochs.get(final)?.proof?.leaf.lines[asset]
  const sure = line ? balanceOf(line) : 0n
  const available = has - asked
  const leaving = asked + leftAfter(desk, asset, final)
  const unsettled = available > sure ? available - sure : 0n
  const insured = least(insuredIn(desk, asset, final), unsettled)
  return { available, live: locked, leaving, unsettled, insured }
}

/** What has left in epochs that are not final. */
const leftAfter = ({ memory }: Desk, asset: number, final: bigint): bigint =>
  [...memory.epochs.values()]
    .flatMap(({ epoch, proof }) => (proof && epoch.number > final ? [proof.leaf.lines[asset]!.leaving] : []))
    .reduce((sum, leaving) => sum + leaving, 0n)

/** All that an exit needs, as of now. */
export function exitOf({ domain, identity, memory }: Pick<Desk, 'domain' | 'identity' | 'memory'>): HouseExit {
  const epochs = [...memory.epochs.values()].sort((a, b) => (a.epoch.number < b.epoch.number ? -1 : 1))
  return {
    domain,
    identity,
    payees: [...memory.known.values()],
    epochs: epochs.flatMap(({ epoch, proof, book, statuses }) => {
      // What does not stand in the epoch takes nothing out of it.
      if (!proof || !standsIn(epoch, proof)) return []
      const { index, leaf, path, limits } = proof
      return [{ epoch, proof: { index, leaf, path }, locks: book?.locks ?? [], statuses: statuses ?? [], limits }]
    }),
    postings: [...memory.postings.values()].sort((a, b) => (a.number < b.number ? -1 : 1)),
    receipts: memory.state.receipts,
    accounts: memory.state.books.map(accountIn),
    incoming: [...memory.held.values()].flatMap(({ payer, lock, receipt, stands = [] }) =>
      stands.map((stand) => ({ payer, lock, receipt, ...stand })),
    ),
  }
}
