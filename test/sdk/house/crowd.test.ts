import { expect } from 'chai'
import type { Leg } from '../../../sdk/clearing/account.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { OperatorEvent } from '../../../sdk/house/operator/events.ts'
import { MAX_LEGS } from '../../../sdk/house/wire.ts'
import type { RawMember } from './raw-member.ts'
import { Town } from './small-town.ts'

describe('a house with members that ask for too much', () => {
  let town: Town

  beforeEach(async () => {
    town = await new Town().open({ perSecond: 100_000 })
  })

  afterEach(() => town.house.stop())

  const reopen = async (options: Parameters<Town['open']>[0]) => {
    await town.house.stop()
    await town.open(options)
  }
  const pays = ({ id }: RawMember, count: number) =>
    new Array(count).fill({ kind: 'pay', to: id, asset: 0, amount: 1n, group: ZERO_HASH, leg: 0 } as const)
  const legs = (from: RawMember, to: RawMember, count: number): Leg[] =>
    Array.from({ length: count }, (_, i) => ({ from: from.id, to: to.id, asset: 0, amount: BigInt(i + 1) }))
  const offer = (by: RawMember, some: readonly Leg[]) => by.ask({ kind: 'offer', legs: some, seconds: 30 })

  it('takes a group only from who is a party to it', async () => {
    const [alice, bob, carol] = [await town.member(1), await town.member(2), await town.member(3)]
    expect(await offer(carol, legs(alice, bob, 1))).to.include({ kind: 'refused', code: 'ACT_REFUSED' })
    expect(await offer(bob, legs(alice, bob, 1))).to.include({ kind: 'done' })
  })

  it('lets no crowd of offerers keep a small group out', async () => {
    const alice = await town.member(1)
    const crowd: RawMember[] = []
    for (const seed of [2, 3, 4, 5]) crowd.push(await town.member(seed))
    for (const one of crowd)
      for (let i = 0; i < 4; i++) {
        const some = legs(one, alice, MAX_LEGS).map((leg) => ({ ...leg, amount: leg.amount + BigInt(i) }))
        expect(await offer(one, some)).to.include({ kind: 'done' })
      }
    expect(await offer(crowd[0]!, legs(crowd[0]!, alice, 1))).to.include({ kind: 'refused', code: 'SLOW_DOWN' })
    expect(await offer(alice, legs(alice, crowd[0]!, 2))).to.include({ kind: 'done' })
  }).timeout(20_000)

  it('counts a large request as several, and a new connection as nothing new', async () => {
    await reopen({ perSecond: 4 })
    const [alice, bob] = [await town.member(1), await town.member(2)]
    expect(await alice.act(...pays(bob, 100))).to.include({ kind: 'acted' })
    expect(await alice.pay(bob, 1n)).to.include({ kind: 'refused', code: 'SLOW_DOWN' })
    alice.close()
    expect(await town.join(alice)).to.include({ kind: 'refused', code: 'SLOW_DOWN' })
    town.now += 10_000
    expect(await town.join(alice)).to.include({ kind: 'seated' })
  })

  it('counts what it is asked to show', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    for (let i = 0; i < 3; i++) await alice.act(...pays(bob, 4_096))
    await reopen({ perSecond: 20 })
    expect(await town.join(bob)).to.include({ kind: 'seated' })
    expect(await bob.ask({ kind: 'ask', epoch: 9n })).to.include({ kind: 'refused', code: 'SLOW_DOWN' })
  }).timeout(20_000)

  it('goes on though a program that looks on throws, and says so', async () => {
    const events: OperatorEvent[] = []
    await reopen({
      onEvent: (event) => {
        events.push(event)
        if (event.kind === 'turn') throw new Error('the screen is full')
      },
    })
    const [alice, bob] = [await town.member(1), await town.member(2)]
    expect(await alice.pay(bob, 1n)).to.include({ kind: 'acted' })
    expect(events.find(({ kind }) => kind === 'alarm')).to.have.nested.property('error.message', 'the screen is full')
    expect(town.house.status().closed).to.equal(undefined)
  })

  it('hangs up on a member that cannot be told something, and serves the others', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    town.breakNext(bob)
    expect(await alice.pay(bob, 1n)).to.include({ kind: 'acted' })
    expect(town.alarms.splice(0)).to.have.length(1)
    const answer = await town.join(bob)
    expect(answer.kind === 'seated' && answer.seat.entries).to.have.length(1)
  })
})
