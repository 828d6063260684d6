import { expect } from 'chai'
import fc from 'fast-check'
import { COIN } from '../../../sdk/core/types.ts'
import { findPath } from '../../../sdk/routing/paths.ts'
import { hopPlans, routeOf } from '../../../sdk/routing/route.ts'
import { alice, ask, bob, hana, name, networkOf, plans, row } from './networks.ts'

const DEADLINE = 1_700_003_600n
const policy = { base: 2n, rate: 1_000, margin: 600 }
const network = networkOf(row(3, policy))
const path = findPath(network, ask({ to: name(3), amount: 10_000n }))!

describe('a route', () => {
  it('has the same deadline on all hops, and each hop keeps its fee', () => {
    const { hops, mode } = routeOf(network, path, { asset: COIN, deadline: DEADLINE })
    expect(mode).to.equal('sprites')
    expect(hops).to.deep.equal([
      { channelId: name(0), from: alice, to: bob, amount: 10_025n, deadline: DEADLINE, fee: 0n },
      { channelId: name(1), from: bob, to: hana, amount: 10_012n, deadline: DEADLINE, fee: 13n },
      { channelId: name(2), from: hana, to: name(3), amount: 10_000n, deadline: DEADLINE, fee: 12n },
    ])
  })

  it('has deadlines that are later by the margin of each hop in mode plain', () => {
    const { hops } = routeOf(network, path, { asset: COIN, deadline: DEADLINE, mode: 'plain' })
    expect(hops.map(({ deadline }) => deadline - DEADLINE)).to.deep.equal([1_200n, 600n, 0n])
  })

  it('tells each hop what it sends on, and the payee what all parts come to', () => {
    const route = routeOf(network, path, { asset: COIN, deadline: DEADLINE, mode: 'plain' })
    const common = { asset: COIN, mode: 'plain' }
    expect(hopPlans(route, 70_000n)).to.deep.equal([
      { kind: 'forward', channelId: name(1), amount: 10_012n, deadline: DEADLINE + 600n, ...common },
      { kind: 'forward', channelId: name(2), amount: 10_000n, deadline: DEADLINE, ...common },
      { kind: 'final', amount: 10_000n, deadline: DEADLINE, total: 70_000n, ...common },
    ])
  })

  it('adds up: what the payer sends is what arrives and all fees, and every hop gives what its policy asks', () => {
    fc.assert(
      fc.property(plans(6, 12), fc.bigInt(1n, 400n), (channels, amount) => {
        const any = networkOf(channels)
        const found = findPath(any, ask({ amount }))
        if (found === undefined) return
        const { hops } = routeOf(any, found, { asset: COIN, deadline: DEADLINE })
        expect([hops[0]!.from, hops.at(-1)!.to, hops.at(-1)!.amount]).to.deep.equal([alice, bob, amount])
        expect(hops[0]!.amount - amount).to.equal(hops.reduce((sum, { fee }) => sum + fee, 0n))
        for (const [i, hop] of hops.entries()) {
          if (i === 0) continue
          expect(hop.from).to.equal(hops[i - 1]!.to)
          const { base = 0n, rate = 0 } = channels[found.edges[i]! >> 1]!.policies[found.edges[i]! & 1]!
          const exact = hop.amount * BigInt(rate)
          expect(hop.fee).to.equal(base + exact / 1_000_000n + (exact % 1_000_000n > 0n ? 1n : 0n))
        }
      }),
      { numRuns: 500 },
    )
  })
})
