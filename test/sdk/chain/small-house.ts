import type { Posted } from '../../../sdk/chain/house/house-chain.ts'
import { genesisOf } from '../../../sdk/chain/house/house-reader.ts'
import { emptyTally } from '../../../sdk/clearing/account.ts'
import type { Answer, Claim, LeafDemand, Proof } from '../../../sdk/clearing/dispute.ts'
import { availableOf, type Epoch, type Leaf, type Line, leafRow } from '../../../sdk/clearing/epoch.ts'
import { postingHash } from '../../../sdk/clearing/posting.ts'
import { buildTally, type TallyTree, tallyPath, tallyPaths, topOf } from '../../../sdk/clearing/tally.ts'
import type { Hex, Member } from '../../../sdk/core/types.ts'

const NONE: Hex = `0x${'00'.repeat(32)}`
const NOTHING = { credits: 0n, debits: 0n, locked: 0n, paid: 0n, refunded: 0n }

/** One epoch with its leaves. */
export interface SmallEpoch {
  readonly epoch: Epoch
  readonly leaves: readonly Leaf[]
  readonly members: TallyTree
}

/** The books of a house in which members deposit and withdraw, and nobody pays. */
export class SmallHouse {
  readonly epochs: SmallEpoch[]
  readonly identities: Member[] = []
  readonly #assets: number

  constructor(assets: number) {
    this.#assets = assets
    this.epochs = [{ epoch: genesisOf(assets), leaves: [], members: buildTally([], assets) }]
  }

  /** The next epoch with all postings so far. */
  next(postings: readonly Posted[], cutTime: bigint): SmallEpoch {
    const before = this.epochs.at(-1)!
    const ids = [...new Set(postings.map(({ posting }) => posting.member))]
    const leaves = ids.map((member, index) => this.#leaf(member, postings, before.leaves[index]))
    for (const id of ids) {
      const { identity } = postings.find(({ posting }) => posting.member === id)!
      this.identities[ids.indexOf(id)] = identity
    }
    const members = buildTally(leaves.map(leafRow), this.#assets)
    const last = postings.at(-1)?.posting
    const epoch: Epoch = {
      number: before.epoch.number + 1n,
      cutTime,
      cut: last?.number ?? 0n,
      cutHash: last ? postingHash(last) : NONE,
      members: topOf(members),
      left: before.epoch.left.map((sum, i) => leaves.reduce((all, leaf) => all + leaf.lines[i]!.leaving, sum)),
      limits: topOf(buildTally([], this.#assets)),
    }
    const next = { epoch, leaves, members }
    this.epochs.push(next)
    return next
  }

  #leaf(member: Hex, postings: readonly Posted[], before: Leaf | undefined): Leaf {
    const lines = Array.from({ length: this.#assets }, (_, asset): Line => {
      const last = postings.findLast(({ posting }) => posting.member === member && posting.asset === asset)
      const { deposited = 0n, requested = 0n } = last?.posting ?? {}
      const withdrawn = before?.lines[asset]?.withdrawn ?? 0n
      const line = { ...NOTHING, deposited, withdrawn, leaving: 0n }
      const [wanted, available] = [requested - withdrawn, availableOf(line)]
      const leaving = wanted < 0n ? 0n : wanted < available ? wanted : available
      return { ...line, withdrawn: withdrawn + leaving, leaving }
    })
    const empty = emptyTally(this.#assets)
    const names = { locks: empty, statuses: emptyTally(2 * this.#assets), payments: empty, income: empty }
    return { member, seq: 0n, ...names, lines }
  }

  #proof(number: number, index: number): Proof {
    const { leaves, members } = this.epochs[number]!
    const nothing = { ...NOTHING, deposited: 0n, withdrawn: 0n, leaving: 0n }
    const names = { member: NONE, locks: NONE, statuses: NONE, payments: NONE, income: NONE }
    const empty: Leaf = { ...names, seq: 0n, lines: new Array<Line>(this.#assets).fill(nothing) }
    const path = index < 2 ** topOf(members).depth ? tallyPath(members, index) : []
    return { index, leaf: leaves[index] ?? empty, path }
  }

  /** What `collect` and `exit` take for everybody. */
  claims(number: number): { claims: Claim[]; path: Hex[] } {
    const { leaves, members } = this.epochs[number]!
    const claims = leaves.map((leaf, index) => ({ index, leaf, identity: this.identities[index]! }))
    const path = tallyPaths(
      members,
      leaves.map((_, index) => index),
    )
    return { claims, path }
  }

  leafAnswer(demand: LeafDemand): Answer {
    const number = Number(demand.epoch)
    const index = this.epochs[number]!.leaves.findIndex(({ member }) => member === demand.member)
    const none = { member: NONE, index: 0, epoch: 0n, seq: 0n, debits: [], locked: [], locks: NONE, payments: NONE }
    return {
      kind: 'leaf',
      demand,
      identity: this.identities[index]!,
      epochs: [this.epochs[number - 1]!.epoch, this.epochs[number]!.epoch],
      proofs: [this.#proof(number - 1, index), this.#proof(number, index)],
      account: none,
      signature: '0x',
      statuses: topOf(buildTally([], 2 * this.#assets)),
      income: topOf(buildTally([], this.#assets)),
    }
  }
}
