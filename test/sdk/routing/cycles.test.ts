import { expect } from 'chai'
import fc from 'fast-check'
import { observe } from '../../../sdk/routing/belief.ts'
import { type CycleQuery, findCycles, type OwnChannel } from '../../../sdk/routing/cycles.ts'
import { hana, networkOf, type Plan, plans } from './networks.ts'
import { sumsOf } from './plain-search.ts'

const NOW = 1_700_000_000
const HUB = 2

/** Hana's channels with nodes 3 and 4, and one between these two that forwards for a fee. */
const triangle: Plan[] = [
  { between: [2, 3], capacity: 10_000n, policies: [{}, {}], known: [9_000n, 1_000n] },
  { between: [2, 4], capacity: 10_000n, policies: [{}, {}], known: [1_000n, 9_000n] },
  { between: [3, 4], capacity: 1_000_000n, policies: [{ rate: 1_000 }, {}] },
]

const own = (edge: number, spendable: bigint, receivable: bigint): OwnChannel => ({ edge, spendable, receivable })
const ask = (channels: readonly OwnChannel[], query: Partial<CycleQuery> = {}): CycleQuery => ({
  hub: hana,
  channels,
  maxRate: 2_000,
  minAmount: 100n,
  now: NOW,
  lock: 3_600,
  ...query,
})
const both = [own(0, 9_000n, 1_000n), own(2, 1_000n, 9_000n)]

describe('findCycles', () => {
  it('moves what one channel has too much of to the one that lacks it', () => {
    const [cycle, ...more] = findCycles(networkOf(triangle), ask(both))
    expect(more).to.deep.equal([])
    expect(cycle).to.deep.include({ amount: 4_000n, fee: 4n, edges: [0, 4, 3], amounts: [4_004n, 4_000n, 4_000n] })
  })

  it('stays within the fee budget', () => {
    expect(findCycles(networkOf(triangle), ask(both, { maxRate: 999 }))).to.deep.equal([])
    expect(findCycles(networkOf(triangle), ask(both, { maxRate: 1_000 }))).to.have.length(1)
  })

  it('moves less where less fits, in several payments', () => {
    const narrow = triangle.map((plan, i) => (i === 2 ? { ...plan, known: [2_600n, 0n] as const } : plan))
    const cycles = findCycles(networkOf(narrow), ask(both, { maxRate: 5_000 }))
    expect(cycles.map(({ amount }) => amount)).to.deep.equal([2_000n, 499n])
  })

  it('leaves balanced channels alone, and those with a target of their own once they are there', () => {
    const balanced = [own(0, 5_000n, 5_000n), own(2, 5_000n, 5_000n)]
    expect(findCycles(networkOf(triangle), ask(balanced))).to.deep.equal([])
    const aimed = [{ ...both[0]!, target: 9_000n }, both[1]!]
    expect(findCycles(networkOf(triangle), ask(aimed))).to.deep.equal([])
  })

  it('returns over another channel with the same peer too', () => {
    const twins: Plan[] = [triangle[0]!, { ...triangle[0]!, known: [1_000n, 9_000n] }]
    const [cycle] = findCycles(networkOf(twins), ask(both))
    expect(cycle).to.deep.include({ amount: 4_000n, fee: 0n, edges: [0, 3] })
  })

  it('never worsens a balance by more than fees, in any network', () => {
    let found = 0
    fc.assert(
      fc.property(plans(6, 14), fc.infiniteStream(fc.nat(100)), (channels, parts) => {
        const network = networkOf(channels)
        const mine = channels.flatMap(({ between, capacity }, index): OwnChannel[] => {
          const side = between.indexOf(HUB)
          if (side === -1) return []
          const spendable = (capacity * BigInt(parts.next().value)) / 100n
          return [own(2 * index + side, spendable, capacity - spendable)]
        })
        for (const { edge, spendable, receivable } of mine) {
          observe(network, edge, spendable)
          observe(network, edge ^ 1, receivable)
        }
        const cycles = findCycles(network, ask(mine, { maxRate: 100_000, minAmount: 10n }))
        found += cycles.length
        const sums = sumsOf(cycles)
        for (const [edge, carried] of sums) {
          const { capacity, known } = channels[edge >> 1]!
          const belongs = mine.find((channel) => channel.edge >> 1 === edge >> 1)
          const limit = belongs ? (belongs.edge === edge ? belongs.spendable : belongs.receivable) : known?.[edge & 1]
          expect(carried <= (limit ?? capacity), `edge ${edge}`).to.equal(true)
        }
        for (const { edge, spendable, receivable } of mine) {
          const after = spendable - (sums.get(edge) ?? 0n) + (sums.get(edge ^ 1) ?? 0n)
          const off = (value: bigint) => Math.abs(Number(value) - Number((spendable + receivable) / 2n))
          const fees = cycles.reduce((sum, { fee }) => sum + fee, 0n)
          expect(off(after)).to.be.at.most(Math.max(off(spendable), Number(fees)))
        }
        for (const { amount, amounts, fee, edges } of cycles) {
          expect(amounts.at(-1)).to.equal(amount)
          expect(fee <= amount / 10n).to.equal(true)
          expect(new Set(edges.map((edge) => edge >> 1)).size, 'each channel once').to.equal(edges.length)
        }
      }),
      { numRuns: 2_000 },
    )
    expect(found).to.be.above(80)
  })
})
