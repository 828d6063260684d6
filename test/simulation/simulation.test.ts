import { expect } from 'chai'
import { addCounts, EXPECTED } from './kinds.ts'
import { planOf } from './plan.ts'
import { type Mutate, shrink, simulate } from './run.ts'

const SEEDS = 200

describe('S42 a seeded simulation of the whole system', () => {
  it('leaves nobody below what it was owed and nothing stuck, and reaches every fault, operation and outcome', async function () {
    this.timeout(300_000)
    const met = new Map<string, number>()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { broken, counts } = await simulate(seed)
      expect(broken, `npm run sim -- --trace ${seed}`).to.deep.equal([])
      addCounts(met, counts)
    }
    expect(EXPECTED.filter((what) => !met.has(what))).to.deep.equal([])
  })

  it('does the same again for the same seed, byte by byte, whatever ran before', async () => {
    const [first, other, again] = [await simulate(1), await simulate(8), await simulate(1)]
    expect(again.digest).to.equal(first.digest)
    expect(again.lines).to.deep.equal(first.lines)
    expect(other.digest).not.to.equal(first.digest)
  })

  // The simulation must be able to fail: each of these nodes is broken in one way.
  const broken: [string, Mutate, RegExp][] = [
    ['lets messages leave before they are durable', () => ({ earlyCommits: true }), /before it was durable/],
    ['comes back from a crash without what it signed', () => ({ forgets: true }), /./],
    ['does not answer old states', () => ({ chain: { neverAnswers: true } }), /ends with/],
    ['does not see what the registry holds', () => ({ chain: { hidesOutcomes: true } }), /ends with/],
    ['does not reveal its secret when its peer is silent', () => ({ chain: { neverReveals: true } }), /ends with/],
  ]
  for (const [what, mutate, rule] of broken)
    it(`finds a node that ${what}`, async function () {
      this.timeout(120_000)
      for (let seed = 1; seed <= 60; seed++)
        if ((await simulate(seed, mutate)).broken.some((line) => rule.test(line))) return
      expect.fail(`60 seeds did not find it`)
    })

  it('shortens what fails to little that still does', async () => {
    const mutate: Mutate = () => ({ earlyCommits: true })
    const shorter = await shrink(planOf(1), mutate)
    expect(shorter.actions.length).to.be.lessThan(3)
  })
})
