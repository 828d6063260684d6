import { expect } from 'chai'
import fc from 'fast-check'
import { boundsAt, carried, chance, doubt, HALF_LIFE, moved, observe, refused } from '../../../sdk/routing/belief.ts'
import { networkOf, row } from './networks.ts'

const NOW = 1_700_000_000
const channel = () => networkOf(row(1, {}, 1_000n))

describe('belief', () => {
  it('takes every amount up to the capacity for equally likely at first', () => {
    const network = channel()
    expect(Math.abs(chance(network, 0, 1n, NOW) - 1_000 / 1_001)).to.be.below(1e-12)
    expect(Math.abs(chance(network, 0, 500n, NOW) - 501 / 1_001)).to.be.below(1e-12)
    expect(Math.abs(chance(network, 0, 1_000n, NOW) - 1 / 1_001)).to.be.below(1e-12)
    expect(chance(network, 0, 1_001n, NOW)).to.equal(0)
  })

  it('is sure of what was carried and of what was refused, in both directions', () => {
    const network = channel()
    carried(network, 0, 300n, NOW)
    expect([chance(network, 0, 300n, NOW), chance(network, 1, 701n, NOW)]).to.deep.equal([1, 0])
    refused(network, 0, 600n, NOW)
    expect([chance(network, 0, 600n, NOW), chance(network, 1, 400n, NOW)]).to.deep.equal([0, 1])
    expect(boundsAt(network, 0, NOW)).to.deep.equal([300, 600])
    expect(boundsAt(network, 1, NOW)).to.deep.equal([401 - 1, 701])
    expect(chance(network, 0, 450n, NOW)).to.equal(0.5)
  })

  it('forgets half of it in each half-life', () => {
    const network = channel()
    carried(network, 0, 400n, NOW)
    refused(network, 0, 600n, NOW)
    expect(boundsAt(network, 0, NOW + HALF_LIFE)).to.deep.equal([200, 1_001 - 401 / 2])
    expect(boundsAt(network, 0, NOW + 3 * HALF_LIFE)).to.deep.equal([50, 1_001 - 401 / 8])
    // Another message may be older than what was learned last.
    expect(boundsAt(network, 0, NOW - HALF_LIFE)).to.deep.equal([400, 600])
  })

  it('believes the newest of two things that contradict each other', () => {
    const network = channel()
    carried(network, 0, 500n, NOW)
    refused(network, 0, 200n, NOW)
    expect(boundsAt(network, 0, NOW)).to.deep.equal([0, 200])
    carried(network, 0, 300n, NOW)
    expect(boundsAt(network, 0, NOW)).to.deep.equal([300, 1_001])
  })

  it('begins with the bucket that the writer told, and returns to it', () => {
    const network = channel()
    network.setBucket(0, 9)
    expect(boundsAt(network, 0, NOW)).to.deep.equal([256, 512])
    network.setBucket(1, 10)
    expect(boundsAt(network, 1, NOW)).to.deep.equal([512, 1_001])
    refused(network, 0, 100n, NOW)
    network.setBucket(0, 9)
    expect(chance(network, 0, 100n, NOW), 'the same bucket is no news').to.equal(0)
    expect(boundsAt(network, 0, NOW + HALF_LIFE)).to.deep.equal([128, 306])
    network.setBucket(0, 0)
    expect(chance(network, 0, 1n, NOW)).to.equal(0)
  })

  it('moves what was paid to the other side', () => {
    const network = channel()
    carried(network, 0, 400n, NOW)
    refused(network, 0, 700n, NOW)
    moved(network, 0, 300n, NOW)
    expect(boundsAt(network, 0, NOW)).to.deep.equal([100, 400])
    expect(boundsAt(network, 1, NOW)).to.deep.equal([600, 901])
  })

  it('never doubts what a node knows of its own edges', () => {
    const network = channel()
    observe(network, 0, 350n)
    for (const now of [NOW, NOW + 100 * HALF_LIFE])
      expect([chance(network, 0, 350n, now), chance(network, 0, 351n, now)]).to.deep.equal([1, 0])
  })

  it('adds up: a part on top of others is as doubtful as all of them less the others', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 2, maxLength: 2 }), fc.nat(500), fc.nat(500), (bounds, a, b) => {
        const network = channel()
        const [lower, upper] = bounds.sort((x, y) => x - y) as [number, number]
        network.believe(0, lower, upper + 1, NOW)
        const both = doubt(network, 0, { used: 0, amount: a + b, now: NOW })
        const first = doubt(network, 0, { used: 0, amount: a, now: NOW })
        const second = doubt(network, 0, { used: a, amount: b, now: NOW })
        if (both === Number.POSITIVE_INFINITY) expect(first + second).to.equal(both)
        else expect(Math.abs(first + second - both)).to.be.below(1e-9)
      }),
    )
  })

  it('stays within nothing and the capacity whatever is learned', () => {
    const lesson = fc.tuple(fc.constantFrom(carried, refused, moved), fc.nat(1), fc.bigInt(1n, 2_000n), fc.nat(10_000))
    fc.assert(
      fc.property(fc.array(lesson, { maxLength: 30 }), (lessons) => {
        const network = channel()
        let now = NOW
        for (const [learn, edge, amount, seconds] of lessons) {
          now += seconds
          learn(network, edge, amount, now)
          for (const side of [0, 1]) {
            const [lower, upper] = boundsAt(network, side, now)
            expect(lower >= 0 && lower < upper && upper <= 1_001, `${lower} to ${upper}`).to.equal(true)
          }
        }
      }),
    )
  })
})
