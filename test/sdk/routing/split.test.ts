import { expect } from 'chai'
import fc from 'fast-check'
import { observe, refused } from '../../../sdk/routing/belief.ts'
import { findPath } from '../../../sdk/routing/paths.ts'
import { findSplit, MAX_PARTS, type SplitQuery } from '../../../sdk/routing/split.ts'
import { alice, ask, bob, networkOf, type Plan, plans } from './networks.ts'
import { bestWay, everyWay, judge, sumsOf } from './plain-search.ts'

const limits = fc.record(
  {
    amount: fc.bigInt(1n, 2_500n),
    maxFee: fc.bigInt(0n, 500n),
    lock: fc.integer({ min: 1_000, max: 5_000 }),
    mode: fc.constantFrom('sprites' as const, 'plain' as const),
    maxHops: fc.integer({ min: 1, max: 5 }),
    maxParts: fc.integer({ min: 1, max: MAX_PARTS }),
    risk: fc.constantFrom(0, 1, 50),
    load: fc
      .dictionary(fc.integer({ min: 0, max: 9 }).map(String), fc.bigInt(1n, 50n))
      .map((load) => new Map(Object.entries(load).map(([edge, used]) => [Number(edge), used] as const))),
  },
  { requiredKeys: ['amount', 'maxFee', 'lock'] },
)

/** Several ways of one hop from alice to bob, each of this capacity. */
const parallel = (...capacities: bigint[]): Plan[] =>
  capacities.map((capacity) => ({ between: [0, 1], capacity, policies: [{}, {}] }))

describe('findSplit', () => {
  it('delivers exactly the amount, within every limit, and no edge carries more than it can', () => {
    let [found, several] = [0, 0]
    fc.assert(
      fc.property(plans(5, 10), limits, (channels, limit) => {
        const query = ask(limit as Partial<SplitQuery>) as SplitQuery
        const split = findSplit(networkOf(channels), query)
        if (split === undefined) return
        found++
        if (split.parts.length > 1) several++
        const { parts } = split
        expect(parts.length).to.be.at.most(query.maxParts ?? MAX_PARTS)
        expect(parts.reduce((sum, { amounts }) => sum + amounts.at(-1)!, 0n)).to.equal(query.amount)
        expect(parts.reduce((sum, { amounts }) => sum + amounts[0]!, 0n)).to.equal(query.amount + split.fee)
        expect(split.fee <= query.maxFee).to.equal(true)
        const load = query.load ?? new Map()
        for (const [edge, carried] of sumsOf(parts)) {
          const { capacity, known } = channels[edge >> 1]!
          expect((load.get(edge) ?? 0n) + carried <= (known?.[edge & 1] ?? capacity), `edge ${edge}`).to.equal(true)
        }
        for (const part of parts) {
          const amount = part.amounts.at(-1)!
          const others = sumsOf([...parts.filter((other) => other !== part)])
          for (const [edge, used] of load) others.set(edge, (others.get(edge) ?? 0n) + used)
          expect(judge(channels, { ...query, amount, load: others }, part.edges).cost).to.not.equal(undefined)
        }
      }),
      { numRuns: 2_000 },
    )
    expect(found).to.be.above(200)
    expect(several).to.be.above(50)
  })

  it('finds parts wherever one path would do, and none dearer than that', () => {
    fc.assert(
      fc.property(plans(5, 10), limits, (channels, limit) => {
        const query = ask(limit as Partial<SplitQuery>) as SplitQuery
        const network = networkOf(channels)
        const [single, split] = [findPath(network, query), findSplit(network, query)]
        if (single === undefined) return
        expect(bestWay(everyWay(channels, query))).to.not.equal(undefined)
        expect(split!.cost).to.be.at.most(single.cost + 1e-9)
      }),
      { numRuns: 500 },
    )
  })

  it('does not split what one path carries well', () => {
    const network = networkOf(parallel(1_000_000n, 1_000_000n, 1_000_000n))
    expect(findSplit(network, ask({ amount: 100n }))!.parts).to.have.length(1)
  })

  it('spreads what no edge carries alone over several', () => {
    const network = networkOf(parallel(1_000n, 1_000n, 1_000n))
    const known = new Map([
      [0, 500n],
      [2, 300n],
      [4, 200n],
    ])
    for (const [edge, spendable] of known) observe(network, edge, spendable)
    const sums = sumsOf(findSplit(network, ask({ amount: 950n }))!.parts)
    expect([...sums.values()].reduce((a, b) => a + b)).to.equal(950n)
    for (const [edge, carried] of sums) expect(carried <= known.get(edge)!).to.equal(true)
  })

  it('makes the whole likelier by parts', () => {
    const network = networkOf(parallel(1_000n, 1_000n, 1_000n, 1_000n))
    const [one, many] = [1, 16].map((maxParts) => findSplit(network, { ...ask({ amount: 800n }), maxParts })!)
    expect(one!.parts).to.have.length(1)
    expect(Math.exp(-many!.doubt)).to.be.above(1.5 * Math.exp(-one!.doubt))
  })

  it('puts as much into a transfer as a hop forwards and no more', () => {
    const narrow: Plan[] = [
      { between: [0, 2], capacity: 10_000n, policies: [{}, {}] },
      { between: [2, 1], capacity: 10_000n, policies: [{ max: 300n }, {}] },
    ]
    const { parts } = findSplit(networkOf(narrow), ask({ amount: 1_000n }))!
    expect(parts.map(({ edges }) => edges)).to.deep.equal(parts.map(() => [0, 2]))
    expect(parts.every(({ amounts }) => amounts[1]! <= 300n)).to.equal(true)
    expect(findSplit(networkOf(narrow), { ...ask({ amount: 1_000n }), maxParts: 3 })).to.equal(undefined)
    expect(findSplit(networkOf(narrow), { ...ask({ amount: 1_000n }), maxParts: 4 })!.parts).to.have.length(4)
  })

  it('goes on around what was refused, on top of what is on its way', () => {
    const network = networkOf(parallel(1_000n, 1_000n, 1_000n))
    const query = ask({ amount: 900n })
    refused(network, 0, 50n, query.now)
    const rest = findSplit(network, { ...query, load: new Map([[2, 400n]]) })!
    for (const [edge, carried] of sumsOf(rest.parts)) {
      if (edge === 0) expect(carried < 50n).to.equal(true)
      if (edge === 2) expect(carried <= 600n).to.equal(true)
    }
  })

  it('finds nothing where nothing can be found', () => {
    expect(findSplit(networkOf(parallel(100n, 100n)), ask({ amount: 201n }))).to.equal(undefined)
    expect(findSplit(networkOf(parallel(100n)), ask({ from: bob, to: alice, amount: 101n }))).to.equal(undefined)
    expect(() => findSplit(networkOf(parallel(100n)), ask({ amount: 0n }))).to.throw('leads nowhere')
  })

  it('gives the same parts every time', () => {
    fc.assert(
      fc.property(plans(6, 12), fc.bigInt(1n, 2_000n), (channels, amount) => {
        const network = networkOf(channels)
        const split = findSplit(network, ask({ amount }))
        expect(findSplit(network, ask({ amount }))).to.deep.equal(split)
        expect(findSplit(networkOf(channels), ask({ amount }))).to.deep.equal(split)
      }),
      { numRuns: 300 },
    )
  })
})
