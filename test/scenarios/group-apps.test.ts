import { expect } from 'chai'
import { type App, defineApp } from '../../sdk/apps/define-app.ts'
import { WHOLE } from '../../sdk/core/outcome.ts'
import type { ChannelId } from '../../sdk/core/types.ts'
import { artifact } from '../sdk/chain/anvil.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection } from './stage.ts'
import { Table } from './table.ts'

interface Sale {
  readonly turn: number
  readonly toSeller: bigint
  readonly fallbackToSeller: bigint
}

interface Decision {
  readonly action: number
  readonly toSeller: bigint
}

const escrow = defineApp(artifact('contracts/apps/Escrow.sol/Escrow') as never) as App<Sale, Decision>
const [RELEASE, CALL, DIVIDE] = [0, 3, 4]
const OFFERED: Sale = { turn: 0, toSeller: 0n, fallbackToSeller: WHOLE / 2n }
const PRICE = 1_001n
const BOND = 10n
const stakes = [
  { from: 0, to: 1, amount: PRICE },
  { from: 1, to: 0, amount: BOND },
]

describe('apps with stakes in a group', () => {
  let table: Table
  let members: Actor[]
  let group: ChannelId
  beforeEach(async () => {
    table = await Table.build()
    members = []
    for (const name of ['alice', 'bob', 'carol']) {
      const options = { node: { policy: { minPeriod: 60, minRoundLimit: 1_000 } } }
      const actor = await table.player(name, options)
      actor.node.registerApp(escrow, () => true)
      members.push(actor)
    }
    const others = members.slice(1).map(({ address }) => address)
    group = (await members[0]!.node.openGroup({ members: others, period: 600, limit: 20_000, patience: 300 })).channelId
    await Promise.all(members.map(({ node }) => node.group(group).deposit(ETHER)))
    await until(() => balances().every((all) => all.every((balance) => balance === ETHER)))
  })
  afterEach(async () => {
    await table.stage.stopAll()
    await table.close()
  })

  const balances = () => members.map(({ node }) => node.group(group).status().balances)
  const locked = () => members.map(({ node }) => node.group(group).status().locked)
  const spendable = () => members.map(({ node }) => node.group(group).status().spendable)
  const seats = () => members.map(({ node }) => node.address)

  async function begin(options: object = {}) {
    const sale = await members[0]!.node.startApp(escrow, {
      seats: seats(),
      opening: OFFERED,
      stakes,
      group,
      ...options,
    })
    const others = members.slice(1)
    await until(() =>
      others.every(({ node }) => node.apps().includes(sale.id) && node.app(escrow, sale.id).version > 0),
    )
    return [sale, ...others.map(({ node }) => node.app(escrow, sale.id))] as const
  }

  it('are played to the end and paid in rounds, to the wei, without a transaction', async () => {
    const before = await table.stage.chain.provider.getBlockNumber()
    const [sale, sold, judged] = await begin()
    expect(locked()).to.deep.equal([PRICE + BOND, PRICE + BOND, PRICE + BOND])
    const ends = [sale, sold!, judged!].map((one) => one.finish())
    await sale.move({ action: CALL, toSeller: 0n })
    await until(() => judged!.isMyTurn)
    await judged!.move({ action: DIVIDE, toSeller: WHOLE / 2n })
    for (const { values } of await Promise.all(ends)) expect(values).to.deep.equal([WHOLE / 2n, WHOLE / 2n, 0n])
    await until(() => locked().every((amount) => amount === 0n))
    // Half of 1,001 wei, rounded down, against half of ten.
    expect(spendable()).to.deep.equal([ETHER - 495n, ETHER + 495n, ETHER])
    expect(await table.stage.chain.provider.getBlockNumber()).to.equal(before)
    expect(members.flatMap(({ alarms }) => alarms)).to.deep.equal([])
  })

  it('are paid as the chain has judged, where the referee makes no move', async () => {
    const [sale, sold] = await begin({ budget: 120 })
    await sale.move({ action: CALL, toSeller: 0n })
    const ends = [sale.finish(), sold!.finish()]
    await sale.dispute()
    await until(() => sale.disputed && sold!.disputed)
    await table.stage.later(200)
    await until(() => sale.decided)
    for (const { values } of await Promise.all(ends)) expect(values).to.deep.equal([WHOLE / 2n, WHOLE / 2n, 0n])
    await until(() => locked().every((amount) => amount === 0n))
    expect(spendable()).to.deep.equal([ETHER - 495n, ETHER + 495n, ETHER])
    // The group goes on.
    await members[2]!.node.group(group).pay(members[0]!.node.address, 1n)
  })

  it('are paid by the settlement where the group ends on chain before they do', async () => {
    const [sale, sold] = await begin({ budget: 120 })
    await table.stage.stop(members[2]!)
    const ends = [sale.finish(), sold!.finish()]
    await members[0]!.node.group(group).dispute()
    await until(() => sale.disputed && sold!.disputed)
    await sale.dispute()
    await sale.move({ action: RELEASE, toSeller: 0n })
    await table.stage.later(200)
    await until(() => sale.decided && sold!.decided)
    await table.stage.later(700)
    for (const { values } of await Promise.all(ends)) expect(values).to.deep.equal([0n, WHOLE, 0n])
    const { provider, adjudicator } = table.stage.chain
    await until(async () => {
      await table.stage.chain.mine()
      return (await provider.getBalance(adjudicator)) === 0n
    })
  })

  it('do not begin where a member cannot stake, and what others locked comes back', async () => {
    const tooMuch = [stakes[0]!, { from: 1, to: 0, amount: 2n * ETHER }]
    const refused = await rejection(begin({ stakes: tooMuch }))
    expect(refused).to.include({ code: 'APP_REFUSED', reason: 'APP_NOT_STAKED' })
    await until(() => members.every(({ node }) => node.apps().length === 0))
    await until(() => locked().every((amount) => amount === 0n))
    await until(() => spendable().every((amount) => amount === ETHER))
  })

  it('refuse stakes that the group cannot hold', async () => {
    const stranger = table.stage.ownerOf('dave')
    const cases = [
      { seats: [...seats().slice(0, 2), stranger], stakes: [{ from: 0, to: 2, amount: 1n }] },
      { stakes: [{ from: 0, to: 1, amount: 1n, asset: stranger }] },
    ]
    for (const options of cases) expect(await rejection(begin(options))).to.have.property('code', 'INVALID_APP_TERMS')
    expect(await rejection(begin({ group: `0x${'11'.repeat(32)}` }))).to.have.property('code', 'UNKNOWN_CHANNEL')
  })
})
