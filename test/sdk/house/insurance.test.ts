import { expect } from 'chai'
import { standsIn } from '../../../sdk/clearing/limits.ts'
import { highOf } from '../../../sdk/clearing/tally.ts'
import type { RawMember } from './raw-member.ts'
import { Town } from './small-town.ts'

describe('an operator that insures its members', () => {
  let town: Town

  beforeEach(() => {
    town = new Town()
    town.chain.staked = 250n
  })
  afterEach(() => town.house.stop())

  async function limitsOf(member: RawMember, epoch: bigint) {
    const answer = await member.ask({ kind: 'ask', epoch })
    if (answer.kind !== 'proven') throw new Error('not proven')
    const { limits, index } = answer.proof
    const committed = town.chain.epochs[Number(epoch) - 1]!
    if (limits) expect(standsIn(committed, member.id, index, limits)).to.equal(true)
    return limits?.amounts
  }
  const sum = () => highOf(town.chain.epochs.at(-1)!.limits.sums[0]!)
  async function three(): Promise<RawMember[]> {
    return [await town.member(1), await town.member(2), await town.member(3)]
  }

  it('gives limits to who has deposited, as far as the stake goes, and says what it lacks', async () => {
    await town.open({ insurance: { each: [100n] } })
    const members = [...(await three()), await town.member(4, 0n)]
    await town.cut(...members)
    const limits = await Promise.all(members.map((one) => limitsOf(one, 1n)))
    expect(limits).to.deep.equal([[100n], [100n], [50n], undefined])
    expect(sum()).to.equal(250n)
    expect(town.alarms).to.have.length(1)
    expect(town.alarms[0]).to.have.nested.property('error.code', 'HOUSE_STAKE_TOO_SMALL')
  })

  it('gives single members their own limits first', async () => {
    const carol = (await town.open().then(three)).at(2)!
    await town.house.stop()
    await town.open({ insurance: { each: [100n], members: new Map([[carol.id, [200n]]]) } })
    await town.join(carol)
    await town.cut(carol)
    expect(await limitsOf(carol, 1n)).to.deep.equal([200n])
    expect(sum()).to.equal(250n)
  })

  it('shows the same limits after a restart, and other ones from the next epoch on', async () => {
    await town.open({ insurance: { each: [10n] } })
    const members = await three()
    const [alice] = members
    await town.cut(...members)
    await town.cut(...members)
    await town.house.stop()
    let written = 0
    for await (const _ of town.store.list('house/limits/')) written++
    expect(written, 'nothing changed in the second epoch').to.equal(1)
    await town.open({ insurance: { each: [20n] } })
    for (const one of members) await town.join(one)
    for (const epoch of [1n, 2n]) expect(await limitsOf(alice!, epoch)).to.deep.equal([10n])
    await town.cut(...members)
    expect(await limitsOf(alice!, 3n)).to.deep.equal([20n])
    expect(await limitsOf(alice!, 2n)).to.deep.equal([10n])
  })

  it('refuses limits that are not one for each asset', async () => {
    const error = await town.open({ insurance: { each: [1n, 2n] } }).catch((reason) => reason)
    expect(error).to.include({ code: 'INVALID_OPTION', option: 'insurance' })
    await town.open()
  })
})
