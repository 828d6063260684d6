import { expect } from 'chai'
import { type Attempted, multi, plain, type Strategy, single, type Verdict } from '../../bench/routing/strategies.ts'
import { grownNetwork, lightning, randomOf, World } from '../../bench/routing/world.ts'

const STRATEGIES: Record<string, Strategy> = {
  'the fewest hops': plain('hops'),
  'the lowest fee': plain('fee'),
  'one path': single,
  parts: multi,
}

describe('the world of the routing benchmark', () => {
  const rows = grownNetwork(200, 800, 7)

  function play(pay: Strategy, seed: number): { world: World; verdicts: Verdict[] } {
    const world = new World(rows, seed, true)
    const random = randomOf(seed)
    const pick = () => world.nodes[Math.floor(random() * world.nodes.length)]!
    const verdicts: Verdict[] = []
    for (let i = 0; i < 100; i++) {
      const payment: Attempted = {
        from: pick(),
        to: pick(),
        amount: BigInt(1 + Math.floor(1e10 * random() ** 2)),
        maxFee: 100_000_000n,
      }
      if (payment.from === payment.to) continue
      world.enter(payment.from)
      verdicts.push(pay(world, payment))
      world.leave()
    }
    return { world, verdicts }
  }

  for (const [name, pay] of Object.entries(STRATEGIES))
    it(`makes and loses no money by ${name}, and comes to the same for the same seed`, () => {
      const { world, verdicts } = play(pay, 3)
      expect(verdicts.filter(({ paid }) => paid).length).to.be.within(20, verdicts.length - 1)
      expect(world.total).to.equal(new World(rows, 3, true).total)
      expect(world.balances.every((balance) => balance >= 0)).to.equal(true)
      const again = play(pay, 3)
      expect(again.verdicts).to.deep.equal(verdicts)
      expect(again.world.balances).to.deep.equal(world.balances)
    })

  it('pays by parts what no single path carries', () => {
    const paid = (pay: Strategy) => play(pay, 3).verdicts.filter((one) => one.paid).length
    expect(paid(multi)).to.be.above(paid(single))
  })

  it('has the topology of its file', () => {
    expect(lightning()).to.have.length(29_067)
    expect(lightning()[0]).to.deep.equal({ members: [5700, 3606], capacity: 50_000_000 })
  })
})
