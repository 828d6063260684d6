import { expect } from 'chai'
import fc from 'fast-check'
import { ALWAYS, LOWER, Network, RECORD, SINCE, UPPER } from '../../../sdk/routing/network.ts'
import { UNTOLD } from '../../../sdk/routing/policy.ts'
import { alice, FREE, name } from './networks.ts'

interface Kept {
  readonly slot: number
  readonly between: readonly [number, number]
  readonly id: number
  rate: number
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    between: fc.tuple(fc.nat(9), fc.nat(9)).filter(([a, b]) => a !== b),
  }),
  fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('change' as const), which: fc.nat(), rate: fc.nat(1_000) }),
)

/** Holds a network against the list of channels that it should have. */
function compare(network: Network, kept: readonly Kept[]): void {
  expect(network.channelCount).to.equal(kept.length)
  const nodes = new Set(kept.flatMap(({ between }) => between))
  expect(network.nodeCount).to.equal(nodes.size)
  for (let node = 0; node < 10; node++) {
    const edges = kept.flatMap(({ slot, between }) =>
      between.flatMap((end, side) => (end === node ? [2 * slot + side] : [])),
    )
    expect(network.indexOf(name(node)) !== undefined).to.equal(nodes.has(node))
    expect(network.edgesOf(name(node)).sort()).to.deep.equal(edges.sort())
  }
  for (const { slot, between, id, rate } of kept)
    for (const side of [0, 1] as const) {
      const edge = 2 * slot + side
      expect(network.channelIdOf(edge)).to.equal(name(id))
      expect(network.nameOf(network.heads[edge]!)).to.equal(name(between[1 - side]!))
      expect(network.policyOf(edge)).to.deep.equal({ ...FREE, rate, margin: rate + side })
      const record = ({ floats }: Network['ahead'], line: number) => [
        ...floats.subarray(RECORD * line, RECORD * (line + 1)),
      ]
      const copies = [record(network.ahead, network.lines[edge]!), record(network.back, network.lines[edge ^ 1]!)]
      expect(copies[0]).to.deep.equal(copies[1])
      expect([copies[0]![LOWER], copies[0]![UPPER], copies[0]![SINCE]]).to.deep.equal([0, 1_000 + id + 1, ALWAYS])
      expect(network.links[2 * network.lines[edge]!]).to.equal(edge)
    }
}

describe('a network', () => {
  it('changes one message at a time and is at each moment as if it were built at once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const network = new Network()
        const kept: Kept[] = []
        const change = (one: Kept, rate: number) => {
          one.rate = rate
          for (const side of [0, 1])
            network.setPolicy(2 * one.slot + side, { ...FREE, rate: one.rate, margin: one.rate + side })
        }
        for (const [id, now] of steps.entries()) {
          if (now.kind === 'add') {
            const members = [name(now.between[0]), name(now.between[1])] as const
            const slot = network.addChannel({ channelId: name(id), members, capacity: BigInt(1_000 + id) })
            kept.push({ slot, between: now.between, id, rate: 0 })
            change(kept.at(-1)!, id)
          } else if (kept.length > 0 && now.kind === 'remove')
            network.removeChannel(kept.splice(now.which % kept.length, 1)[0]!.slot)
          else if (kept.length > 0 && now.kind === 'change') change(kept[now.which % kept.length]!, now.rate)
          if (id % 10 === 9) compare(network, kept)
        }
        compare(network, kept)
      }),
      { numRuns: 150 },
    )
  })

  it('uses the places of removed channels and nodes again', () => {
    const network = new Network()
    for (let i = 0; i < 1_000; i++)
      network.removeChannel(
        network.addChannel({ channelId: name(i), members: [name(2 * i), name(2 * i + 1)], capacity: 1n }),
      )
    expect([network.nodeBound, network.edgeBound, network.nodeCount, network.channelCount]).to.deep.equal([2, 2, 0, 0])
    expect(network.links.length).to.be.below(64)
    expect(network.edgesOf(alice)).to.deep.equal([])
  })

  it('opens no direction before its policy is known', () => {
    const network = new Network()
    const slot = network.addChannel({ channelId: alice, members: [name(1), name(2)], capacity: 7n })
    network.setPolicy(2 * slot, FREE)
    network.setBucket(2 * slot, 2)
    network.removeChannel(slot)
    expect(network.addChannel({ channelId: alice, members: [name(1), name(2)], capacity: 7n })).to.equal(slot)
    expect(network.policyOf(2 * slot).max).to.equal(0n)
    expect(network.buckets[2 * slot]).to.equal(UNTOLD)
  })

  it('rounds amounts that a double does not hold to the side that promises less', () => {
    const network = new Network()
    const odd = (1n << 60n) + 1n
    const slot = network.addChannel({ channelId: alice, members: [name(1), name(2)], capacity: odd })
    expect(BigInt(network.capacities[slot]!)).to.equal(1n << 60n)
    network.setPolicy(2 * slot, { ...FREE, base: odd, min: odd, max: odd })
    const { base, min, max } = network.policyOf(2 * slot)
    expect([base, min, max]).to.deep.equal([odd + 255n, odd + 255n, odd - 1n])
  })
})
