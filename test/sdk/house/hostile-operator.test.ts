import { expect } from 'chai'
import { memberId, type Payment } from '../../../sdk/clearing/account.ts'
import { limitRow } from '../../../sdk/clearing/limits.ts'
import { buildTally, topOf } from '../../../sdk/clearing/tally.ts'
import { toBytes } from '../../../sdk/core/bytes.ts'
import { secretKey } from '../../../sdk/core/outcome.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Hex } from '../../../sdk/core/types.ts'
import { groupOf } from '../../../sdk/house/member/grouping.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { until } from '../../until.ts'
import { RawOperator } from './raw-operator.ts'

const bob: Hex = `0x${'bb'.repeat(32)}`
const carol = { signer: `0x${'c1'.repeat(20)}`, owner: `0x${'c2'.repeat(20)}` } as const
const SECRET: Hex = `0x${'5e'.repeat(32)}`

const pause = () => new Promise((resolve) => setTimeout(resolve, 50))

describe('a member of a house whose operator cheats', () => {
  let operator: RawOperator

  beforeEach(async () => {
    operator = await new RawOperator().begin()
  })
  afterEach(() => operator.stop())

  const told = (kind: string) => operator.events.filter((event) => event.kind === kind)
  const faults = () => operator.events.flatMap((event) => (event.kind === 'fault' ? [event.why] : []))
  const isFaulty = (why: RegExp) => until(() => faults().some((one) => why.test(one)))

  async function seated(): Promise<void> {
    await operator.chain.post(operator.identity, 1_000n)
    await operator.join()
    await until(() => told('connected').length > 0)
  }

  /** Hangs up and waits until the member is back, or has had enough. */
  async function again(): Promise<void> {
    const before = told('connected').length + faults().length
    operator.hangUp()
    await until(() => told('connected').length + faults().length > before)
  }

  /** The member hears which epoch is open. */
  async function opened(): Promise<void> {
    operator.say({ kind: 'settings', settings: operator.settings() })
    await pause()
  }

  it('believes no account that it never signed, though it remembers nothing', async () => {
    operator.twist = (seat) => ({ ...seat, seq: 9n, epoch: 1n, debits: [1_000n, 0n] })
    await operator.chain.post(operator.identity, 1_000n)
    await operator.join()
    await isFaulty(/account number 9 that this member never signed/)
    expect(operator.house.balance().available).to.equal(1_000n)
  })

  it('keeps what it signed when it is shown an account that it did not', async () => {
    await seated()
    await operator.house.pay(bob, 10n)
    operator.twist = (seat) => ({ ...seat, seq: 9n, debits: [1_000n, 0n], payments: [] })
    await again()
    await isFaulty(/never signed/)
    expect(operator.house.balance().available).to.equal(990n)
  })

  it('takes up its own account by its own signature when it has lost its memory, and repeats no number', async () => {
    await seated()
    await operator.house.pay(bob, 10n)
    await operator.house.close()
    operator.open = 2n
    operator.payments = []
    await operator.commit(1n)
    await operator.join(memoryStore())
    await operator.house.pay(bob, 5n)
    expect(faults()).to.deep.equal([])
    expect(operator.house.balance().available).to.equal(985n)
    expect(operator.acts[1]!.seq > 1_000n).to.equal(true)
  })

  it('signs for no epoch before the one that it signed for last', async () => {
    await seated()
    operator.open = 2n
    await opened()
    await operator.house.pay(bob, 10n)
    operator.open = 1n
    await opened()
    await operator.house.pay(bob, 10n).catch(() => {})
    await isFaulty(/opens epoch 1 again/)
    expect(operator.acts.map(({ epoch }) => epoch)).to.deep.equal([2n])
  })

  it('signs for no epoch that the chain cannot have opened', async () => {
    await seated()
    operator.open = 3n
    await opened()
    void operator.house.pay(bob, 10n).catch(() => {})
    await pause()
    expect(operator.acts).to.deep.equal([])
  })

  it('takes no countersignature of an account whose epoch is over', async () => {
    await seated()
    operator.onAct = () => undefined
    void operator.house.pay(bob, 10n).catch(() => {})
    await until(() => operator.acts.length === 1)
    const [late] = operator.acts
    const proof = operator.proof(1n)
    operator.open = 2n
    await operator.commit(1n, { proof })
    operator.say({ kind: 'proven', id: 0, proof })
    await until(() => operator.house.verifyEpoch(1n) !== undefined)
    operator.say(operator.take(late!))
    await isFaulty(/when its epoch was over/)
  })

  for (const [what, isCommitted, insured] of [
    ['counts as insured what stands in the tree of limits', true, 50n],
    ['counts nothing as insured by limits that the operator did not commit to', false, 0n],
  ] as const)
    it(what, async () => {
      await seated()
      const limits = { amounts: [100n, 0n], path: [] }
      const proof = { ...operator.proof(1n), limits }
      const tree = buildTally(isCommitted ? [limitRow(operator.house.id, limits.amounts)] : [], 2)
      operator.open = 2n
      await operator.commit(1n, { proof, limits: topOf(tree) })
      operator.say({ kind: 'proven', id: 0, proof })
      await until(() => operator.house.verifyEpoch(1n) !== undefined)
      operator.chain.final = 1n
      await operator.chain.mine()
      const entry = operator.payment(2n, 50n)
      operator.say({ kind: 'credited', entries: [entry], receipt: operator.receipt(2n, [entry]) })
      await until(() => operator.house.balance().unsettled === 50n)
      expect(operator.house.balance().insured).to.equal(insured)
    })

  it('is not talked out of its income by a newer receipt that says less', async () => {
    await seated()
    const entry = operator.payment(1n, 50n)
    operator.say({ kind: 'credited', entries: [entry], receipt: operator.receipt(1n, [entry]) })
    await until(() => operator.house.balance().available === 1_050n)
    await again()
    await isFaulty(/another income|forgotten receipts/)
    expect(operator.house.balance().available).to.equal(1_050n)
  })

  it('counts no income of an epoch that may never come', async () => {
    await seated()
    const entry = operator.payment(40n, 50n)
    operator.say({ kind: 'credited', entries: [entry], receipt: operator.receipt(40n, [entry]) })
    await until(() => told('disconnected').length > 0)
    expect(operator.house.balance().available).to.equal(1_000n)
  })

  const lock = (change: object = {}) => ({
    to: operator.house.id,
    asset: 0,
    amount: 30n,
    key: secretKey(
      { chainId: operator.chain.domain.chainId, condition: operator.chain.terms.registry },
      toBytes(SECRET, 32),
    ),
    deadline: operator.chain.time + 5_000n,
    epoch: 1n,
    ...change,
  })

  for (const [what, change] of [
    ['of an epoch that may never come', { epoch: 40n }],
    ['in an asset that the house does not have', { asset: 2 }],
    ['of nothing', { amount: 0n }],
  ] as const)
    it(`counts no lock ${what}`, async () => {
      await seated()
      operator.lock(carol, memberId(carol), lock(change))
      await until(() => told('disconnected').length > 0)
      expect(operator.house.locks()).to.deep.equal([])
    })

  it('counts no lock that a committed epoch has seen decided', async () => {
    await seated()
    operator.chain.recorded.set(lock().key, { value: 10n ** 18n, recordedAt: operator.chain.time - 10n })
    await operator.commit(1n)
    operator.lock(carol, memberId(carol), lock())
    await until(() => told('disconnected').length > 0)
    expect(operator.house.locks()).to.deep.equal([])
  })

  it('shows no secret for a lock that no epoch will ever hold', async () => {
    await seated()
    operator.lock(carol, memberId(carol), lock())
    await until(() => operator.house.locks().length === 1)
    operator.chain.isRunning = false
    const [held] = operator.house.locks()
    expect(await operator.house.release(held!, { secret: SECRET }).catch(({ code }) => code)).to.equal('HOUSE_HALTED')
    expect(operator.chain.revealed).to.deep.equal([])
  })

  /** The member shows its secret for a lock, and is told what would be paid in its place. */
  async function offered(position: number, payment: Payment): Promise<() => Promise<void>> {
    const lock = operator.house.locks().find((one) => one.position === position)!
    const released = operator.house.release(lock, { secret: SECRET })
    await until(() => operator.releases.some((one) => one.position === position && one.secret === SECRET))
    operator.say({ kind: 'instead', instead: { payer: memberId(carol), position, lock: lock.id, payment } })
    return () => released
  }
  const given = () => operator.releases.filter(({ signature }) => signature.length > 0)

  it('gives one lock up for one payment, and not another one for the same', async () => {
    await seated()
    for (const position of [0, 1]) operator.lock(carol, memberId(carol), lock(), position)
    await until(() => operator.house.locks().length === 2)
    const entry = operator.payment(1n, 30n, 0, memberId(carol))
    const first = await offered(0, entry.payment)
    await until(() => given().length === 1)
    await (await offered(1, entry.payment))()
    expect(operator.chain.revealed).to.deep.equal([SECRET])
    expect(given().map(({ position }) => position)).to.deep.equal([0])
    operator.say({ kind: 'credited', entries: [entry], receipt: operator.receipt(1n, [entry]) })
    await first()
  })

  for (const [what, change] of [
    ['was made before', {}],
    ['is too little', { amount: 29n, position: 1 }],
    ['is of an epoch that may never come', { epoch: 40n }],
    ['is one of a group', { group: bob, position: 1 }],
  ] as const)
    it(`gives no lock up for a payment that ${what}`, async () => {
      await seated()
      const entry = operator.payment(1n, 30n, 0, memberId(carol))
      operator.say({ kind: 'credited', entries: [entry], receipt: operator.receipt(1n, [entry]) })
      operator.lock(carol, memberId(carol), lock())
      await until(() => operator.house.locks().length === 1)
      await (await offered(0, { ...entry.payment, ...change }))()
      expect(given()).to.deep.equal([])
      expect(operator.chain.revealed).to.deep.equal([SECRET])
    })

  it('signs a group once, however often it is proposed', async () => {
    await seated()
    const legs = [
      { from: operator.house.id, to: bob, asset: 0, amount: 10n },
      { from: bob, to: operator.house.id, asset: 1, amount: 10n },
    ]
    operator.house.onProposed(() => true)
    const group = groupOf(legs, 2)
    const propose = () => operator.say({ kind: 'proposed', group, legs, seconds: 10 })
    propose()
    propose()
    await until(() => operator.acts.length === 1)
    propose()
    await pause()
    expect(operator.acts).to.have.length(1)
  })

  it('demands each of several payments of one epoch', async () => {
    await seated()
    const receipt = operator.receipt(1n, [])
    operator.say({ kind: 'credited', entries: [], receipt })
    const [one, other] = [await operator.house.pay(bob, 10n), await operator.house.pay(bob, 10n)]
    await operator.commit(1n)
    await operator.house.dispute(1n, { payment: one })
    await operator.house.dispute(1n, { payment: other })
    const asked = [...operator.chain.challenges.values()].flatMap((one) => (one.kind === 'credit' ? [one.payment] : []))
    expect(asked).to.deep.equal([one, other])
  })

  it('checks an epoch anew that took the place of another', async () => {
    await seated()
    const first = await operator.commit(1n)
    await operator.chain.mine(operator.chain.terms.window / 2n + 1n)
    await until(() => faults().length === 1)
    await operator.chain.tell({
      kind: 'rewound',
      block: { number: 1, hash: ZERO_HASH, timestamp: operator.chain.time },
    })
    const second = await operator.commit(1n, { salt: 1n })
    expect(second.members).to.not.deep.equal(first.members)
    await operator.chain.mine(operator.chain.terms.window / 2n + 1n)
    await until(() => faults().length === 2)
    const asked = [...operator.chain.challenges.values()].flatMap((one) => (one.kind === 'leaf' ? [one.epoch] : []))
    expect(asked.at(-1)).to.deep.equal(second)
  })
})
