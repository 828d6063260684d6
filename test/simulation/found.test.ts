import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { invoiceKey } from '../../sdk/node/keys.ts'
import { perform } from './actions.ts'
import { calm, leave } from './ending.ts'
import type { Bill } from './invoices.ts'
import type { Kind, Plan } from './plan.ts'
import { repeatably } from './random.ts'
import { play } from './run.ts'
import { World } from './world.ts'

const act = (kind: Kind, a = 0, b = 0, c = 0) => ({ do: kind, a, b, c })
const plan = (actions: Plan['actions'], hostile?: Plan['hostile']): Plan => ({
  seed: 1,
  nodes: 2,
  edges: [[0, 1]],
  confirmations: 1,
  hostile,
  restores: 0,
  actions,
})

describe('what simulations have found', () => {
  it('a node whose RPC fails while it looks for secrets goes on', async () => {
    const actions = [act('rpc', 0, 0, 1), act('tick'), act('rpc', 1, 0, 1), act('tick', 1), act('pay', 0, 0, 5)]
    const { broken, counts } = await play(plan(actions))
    expect(broken).to.deep.equal([])
    expect(counts.get('RPC error')).to.be.greaterThan(0)
    expect(counts.get('payment final')).to.equal(1)
  })

  it('S35 a payer whose payment a dispute decides is told that it is paid, and not that it came back', async () => {
    const hostile = { index: 1, kind: 'last moment' } as const
    const actions = [act('invoice', 1, 0, 400), act('time'), act('dispute'), act('time')]
    await repeatably(1, async () => {
      const world = new World(plan(actions, hostile))
      await world.start()
      for (const action of actions) await perform(world, action)
      const [{ id, payee }] = world.bills as [Bill]
      const args = [toHex(payee.disk.get(invoiceKey(id))!.slice(1, 33))]
      world.chain.call(payee.owner, { to: 'registry', functionName: 'reveal', args })
      await calm(world)
      await leave(world)
      const [{ failure, cost }] = world.bills as [Bill]
      expect(failure).to.equal('PROOF_MISSING')
      expect(world.chain.paidTo(world.machines[0]!.owner)).to.equal(5_000n - cost)
    })
  })
})
