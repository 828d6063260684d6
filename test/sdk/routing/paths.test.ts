import { expect } from 'chai'
import fc from 'fast-check'
import { refused } from '../../../sdk/routing/belief.ts'
import type { PathQuery } from '../../../sdk/routing/path.ts'
import { findExactly, findPath } from '../../../sdk/routing/paths.ts'
import { alice, ask, bob, hana, name, networkOf, plans, row } from './networks.ts'
import { bestWay, everyWay, judge } from './plain-search.ts'

/** Queries whose limits often bind. */
const limits = fc.record(
  {
    amount: fc.bigInt(1n, 600n),
    maxFee: fc.bigInt(0n, 200n),
    lock: fc.integer({ min: 1_000, max: 5_000 }),
    maxLock: fc.integer({ min: 3_000, max: 12_000 }),
    mode: fc.constantFrom('sprites' as const, 'plain' as const),
    maxHops: fc.integer({ min: 1, max: 5 }),
    risk: fc.constantFrom(0, 1, 50),
    excluded: fc.array(fc.nat(9), { maxLength: 2 }).map((edges) => new Set(edges)),
    load: fc
      .dictionary(fc.integer({ min: 0, max: 9 }).map(String), fc.bigInt(1n, 200n))
      .map((load) => new Map(Object.entries(load).map(([edge, used]) => [Number(edge), used] as const))),
  },
  { requiredKeys: ['amount', 'maxFee', 'lock'] },
)

const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))

describe('findExactly', () => {
  it('finds a path that costs as little as the best of all, within every limit', () => {
    let found = 0
    fc.assert(
      fc.property(plans(5, 9), limits, (channels, limit) => {
        const query = ask(limit as Partial<PathQuery>)
        const best = bestWay(everyWay(channels, query))
        const path = findExactly(networkOf(channels), query)
        expect(path === undefined, 'found').to.equal(best === undefined)
        if (path === undefined || best === undefined) return
        found++
        expect(judge(channels, query, path.edges).cost, 'allowed').to.not.equal(undefined)
        expect(close(path.cost, best.cost!), `${path.cost} and ${best.cost}`).to.equal(true)
      }),
      { numRuns: 3_000 },
    )
    expect(found).to.be.above(300)
  })

  it('leaves out ways that are no better than others where time does not matter, too', () => {
    // Two equal channels from node to node: 2^15 ways in all, more than it looks at before it gives up.
    const pairs = row(15).flatMap((plan) => [plan, plan])
    const { lock: _, ...untimed } = ask({ to: name(15) })
    const timed = findExactly(networkOf(pairs), { ...untimed, lock: 3_600 })
    expect(timed!.edges).to.have.length(15)
    expect(findExactly(networkOf(pairs), untimed)).to.deep.equal(timed)
  })

  it('finds a path that costs as little as the best of all where time does not matter', () => {
    let found = 0
    fc.assert(
      fc.property(plans(5, 9), limits, (channels, { lock: _, ...limit }) => {
        const { lock: __, ...query } = ask(limit as Partial<PathQuery>)
        const best = bestWay(everyWay(channels, query))
        const path = findExactly(networkOf(channels), query)
        expect(path === undefined, 'found').to.equal(best === undefined)
        if (path === undefined || best === undefined) return
        found++
        expect(close(path.cost, best.cost!), `${path.cost} and ${best.cost}`).to.equal(true)
      }),
      { numRuns: 1_000 },
    )
    expect(found).to.be.above(100)
  })
})

describe('findPath', () => {
  it('finds a path exactly if there is one, and keeps every limit', () => {
    let found = 0
    fc.assert(
      fc.property(plans(5, 9), limits, (channels, limit) => {
        const query = ask(limit as Partial<PathQuery>)
        const ways = everyWay(channels, query)
        const path = findPath(networkOf(channels), query)
        expect(path === undefined, 'found').to.equal(bestWay(ways) === undefined)
        if (path === undefined) return
        found++
        const judged = judge(channels, query, path.edges)
        expect(close(path.cost, judged.cost!), `${path.cost} and ${judged.cost}`).to.equal(true)
      }),
      { numRuns: 3_000 },
    )
    expect(found).to.be.above(300)
  })

  it('finds the best path but for fees on fees, where that keeps the limits', () => {
    let compared = 0
    fc.assert(
      fc.property(plans(6, 12), limits, (channels, limit) => {
        const { excluded: _, ...rest } = limit as Partial<PathQuery>
        const query = ask({ ...rest, maxFee: 10_000n, maxHops: 20 })
        const ways = everyWay(channels, query).sort((a, b) => a.estimate - b.estimate)
        const path = findPath(networkOf(channels), query)
        if (path === undefined || ways[0]!.cost === undefined) return
        compared++
        expect(close(judge(channels, query, path.edges).estimate, ways[0]!.estimate)).to.equal(true)
        expect(ways[0]!.estimate).to.be.at.most(bestWay(ways)!.cost! + 1e-9)
      }),
      { numRuns: 3_000 },
    )
    expect(compared).to.be.above(300)
  })

  it('adds the fees up from the payee, rounded up at every hop, and none at the payer', () => {
    const network = networkOf(row(3, { base: 2n, rate: 1_000 }))
    const path = findPath(network, ask({ to: name(3), amount: 10_001n }))!
    // Hop 2 keeps 2 + ⌈10.001⌉, hop 1 then 2 + ⌈10.014⌉.
    expect(path.amounts).to.deep.equal([10_027n, 10_014n, 10_001n])
    expect(path.fee).to.equal(26n)
    expect(path.edges).to.deep.equal([0, 2, 4])
  })

  it('counts amounts above 2^53 to the unit', () => {
    const amount = 123_456_789_012_345_678_901n
    const network = networkOf(row(3, { rate: 333 }, 1n << 90n))
    const path = findPath(network, ask({ to: name(3), amount, maxFee: amount }))!
    const up = (value: bigint) => (value * 333n + 999_999n) / 1_000_000n
    const middle = amount + up(amount)
    expect(path.amounts).to.deep.equal([middle + up(middle), middle, amount])
  })

  it('prefers the likelier path for more fee as far as the risk says', () => {
    const detour = networkOf([
      { between: [0, 2], capacity: 1_000_000n, policies: [{}, {}] },
      { between: [2, 1], capacity: 1_100n, policies: [{ base: 1n }, {}] },
      { between: [0, 3], capacity: 1_000_000n, policies: [{}, {}] },
      { between: [3, 1], capacity: 1_000_000n, policies: [{ base: 5n }, {}] },
    ])
    expect(findPath(detour, ask({ risk: 0 }))!.edges).to.deep.equal([0, 2])
    expect(findPath(detour, ask({ risk: 10 }))!.edges).to.deep.equal([4, 6])
    expect(findPath(detour, ask({ risk: 10, maxFee: 4n }))!.edges).to.deep.equal([0, 2])
  })

  it('finds the path whose fee fits into the channel of the payer, if there is one', () => {
    const narrow = (capacity: bigint) =>
      networkOf([
        { between: [0, 2], capacity, policies: [{}, {}] },
        { between: [2, 1], capacity: 1_100n, policies: [{ base: 2n }, {}] },
        { between: [2, 1], capacity: 1_000_000n, policies: [{ base: 5n }, {}] },
      ])
    const query = ask({ risk: 10 })
    expect(findPath(narrow(1_005n), query)!.edges).to.deep.equal([0, 4])
    for (const capacity of [1_004n, 1_002n]) expect(findPath(narrow(capacity), query)!.edges).to.deep.equal([0, 2])
    expect(findPath(narrow(1_001n), query)).to.equal(undefined)
    expect(findExactly(narrow(1_001n), query)).to.equal(undefined)
  })

  it('does not try again what was refused a moment ago', () => {
    const network = networkOf([
      ...row(1),
      { between: [0, 2], capacity: 1_000_000n, policies: [{}, {}] },
      { between: [2, 1], capacity: 1_000_000n, policies: [{ base: 50n }, {}] },
    ])
    const query = ask()
    expect(findPath(network, query)!.edges).to.deep.equal([0])
    refused(network, 0, query.amount, query.now)
    expect(findPath(network, query)!.edges).to.deep.equal([2, 4])
    expect(findPath(network, { ...query, amount: 10n })!.edges).to.deep.equal([0])
    expect(findPath(network, { ...query, now: query.now + 36_000 })!.edges).to.deep.equal([0])
  })

  it('finds no path for strangers, past closed directions or longer than an onion', () => {
    const network = networkOf(row(21))
    expect(findPath(network, ask({ to: name(99) }))).to.equal(undefined)
    expect(findPath(network, ask({ from: name(99) }))).to.equal(undefined)
    expect(findPath(network, ask({ to: name(20) }))!.edges).to.have.length(20)
    expect(findPath(network, ask({ to: name(21) }))).to.equal(undefined)
    network.setPolicy(2, { base: 0n, rate: 0, min: 1n, max: 0n, margin: 0, maxLock: 10_000 })
    expect(findPath(network, ask({ to: hana }))).to.equal(undefined)
    expect(findPath(network, ask({ from: hana, to: alice }))!.edges).to.deep.equal([3, 1])
  })

  it('minds the time that hops announce, unless it does not matter', () => {
    const network = networkOf(row(2, { margin: 600, maxLock: 700 }))
    const { lock: _, ...untimed } = ask({ to: hana })
    for (const lock of [0, 599, 701]) expect(findPath(network, { ...untimed, lock })).to.equal(undefined)
    for (const query of [{ ...untimed, lock: 650 }, untimed])
      expect(findPath(network, query)!.edges).to.deep.equal([0, 2])
  })

  it('leads from the payer to itself only by the edges that it names', () => {
    const ring = networkOf([...row(2), { between: [2, 0], capacity: 1_000_000n, policies: [{}, {}] }])
    expect(findPath(ring, ask({ to: alice }))).to.equal(undefined)
    const cycle = findPath(ring, ask({ to: alice, first: new Set([0]), last: new Set([4]) }))!
    expect(cycle.edges).to.deep.equal([0, 2, 4])
    expect(findExactly(ring, ask({ to: alice, first: new Set([0]), last: new Set([4]) }))).to.deep.equal(cycle)
  })

  it('gives the same path every time', () => {
    fc.assert(
      fc.property(plans(6, 12), (channels) => {
        const [one, two] = [networkOf(channels), networkOf(channels)]
        const first = findPath(one, ask({ amount: 50n }))
        findPath(one, ask({ from: bob, to: hana, amount: 70n }))
        expect(findPath(one, ask({ amount: 50n }))).to.deep.equal(first)
        expect(findPath(two, ask({ amount: 50n }))).to.deep.equal(first)
      }),
      { numRuns: 300 },
    )
  })

  it('refuses to look for a path for nothing', () => {
    expect(() => findPath(networkOf(row(1)), ask({ amount: 0n })))
      .to.throw()
      .with.property('code', 'INVALID_OPTION')
  })
})
