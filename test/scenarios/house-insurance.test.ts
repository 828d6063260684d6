import { expect } from 'chai'
import { exitHouse } from '../../sdk/house/member/exit-run.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { type Citizen, Town, WINDOW } from '../house/town.ts'
import { until } from '../until.ts'

const LIMIT = 100n
/** Longer than a house may go without a commit. */
const HALT = 200_000n
/** Longer than claims on the stake wait. */
const PERIOD = 3_000n

describe('members whose receipts are insured', () => {
  let town: Town
  let alice: Citizen
  let bob: Citizen

  /** One epoch with deposits and limits is final. */
  beforeEach(async () => {
    town = await Town.found({ insurance: { each: [LIMIT, 0n] } })
    const operator = await town.connect(9, memoryStore())
    await operator.start()
    await operator.addStake(0, 1_000n, { intent: 'stake' })
    await operator.stop()
    ;[alice, bob] = await Promise.all([town.join(1), town.join(2)])
    await Promise.all([alice.house.deposit(1_000n), bob.house.deposit(500n)])
    await town.cut(alice, bob)
    await town.pass(WINDOW)
    await until(() => alice.house.final === 1n && bob.house.final === 1n)
  })
  afterEach(() => town.stop())

  const balance = ({ house }: Citizen) => house.balance()
  const received = (one: Citizen, amount: bigint) => until(() => balance(one).available === amount)

  /** What leaves for its owner by an exit file that somebody else sends. */
  async function exit(file: string, { owner }: Citizen): Promise<bigint> {
    const chain = await town.connect(5, memoryStore())
    await chain.start()
    const before = await town.balance(owner)
    const steps: string[] = []
    await exitHouse(file, chain, {
      pollMs: 20,
      onStep: (step) => {
        steps.push(step.kind === 'waiting' ? step.for : step.kind)
        if (step.kind === 'waiting' && step.for === 'insurance') void lowered().then(() => town.pass(PERIOD))
      },
    })
    await chain.stop()
    expect(steps).to.include.members(['claimed', 'exited', 'insured'])
    return (await town.balance(owner)) - before
  }
  let lowered: () => Promise<unknown> = async () => {}

  it('know how much of their unsettled money is insured, and claim it when the house has halted', async () => {
    await alice.house.pay(bob.house.id, 60n)
    await received(bob, 560n)
    expect(balance(bob)).to.include({ unsettled: 60n, insured: 60n })
    await bob.house.pay(alice.house.id, 20n)
    await alice.house.pay(bob.house.id, 80n)
    await received(bob, 620n)
    expect(balance(bob)).to.include({ unsettled: 120n, insured: LIMIT })
    expect(balance(alice)).to.include({ insured: 0n })
    await town.operator.stop()
    await town.pass(HALT)
    expect(await exit(bob.house.exitFile(), bob)).to.equal(500n + LIMIT)
    expect(await town.balance(bob.chain.stake)).to.equal(1_000n - LIMIT)
  })

  it('are insured beyond the newest final epoch, and need nobody to note that it is final', async () => {
    await alice.house.pay(bob.house.id, 60n)
    await town.cut(alice, bob)
    await received(bob, 560n)
    await alice.house.pay(bob.house.id, 7n)
    await received(bob, 567n)
    await town.operator.stop()
    await town.pass(HALT)
    expect(await exit(bob.house.exitFile(), bob)).to.equal(567n)
  })

  it('get only what they have not spent, by an account that the operator shows', async () => {
    await alice.house.pay(bob.house.id, 60n)
    await received(bob, 560n)
    const file = bob.house.exitFile()
    await bob.house.pay(alice.house.id, 45n)
    expect(balance(bob)).to.include({ insured: 15n })
    await town.pass(HALT)
    await until(() => bob.events.some(({ kind }) => kind === 'halted') && town.operator.status().closed !== undefined)
    const logs = () => town.chain.provider.getLogs({ address: bob.chain.stake, fromBlock: 0 })
    const before = (await logs()).length
    lowered = () =>
      until(async () => {
        await town.chain.mine()
        return (await logs()).length >= before + 2
      })
    expect(await exit(file, bob)).to.equal(500n + 15n)
  })
})
