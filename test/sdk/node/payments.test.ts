import { expect } from 'chai'
import { until, World } from './actors.ts'

describe('payments between two nodes', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.stop())

  it('move money to the payee, who can spend it on', async () => {
    const { alice, bob, channelId } = await world.pair(1_000n)
    const receipt = await alice.pay(channelId, 1_000n, { memo: 'all I have' })
    expect(receipt).to.include({ amount: 1_000n, version: 1n, generation: 0 })
    expect(alice.balances(channelId)).to.include({ spendable: 0n, receivable: 2_000n, unacknowledged: 0n })
    await bob.pay(channelId, 2_000n)
    await until(() => alice.balances(channelId).spendable === 2_000n)
  })
})
