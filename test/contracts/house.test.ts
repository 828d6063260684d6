import { expect } from 'chai'
import { Signature, SigningKey, TypedDataEncoder, ZeroHash } from 'ethers'
import fc from 'fast-check'
import {
  accountHash,
  amountRow,
  emptyTally,
  legHash,
  lockHash,
  paymentHash,
  receiptHash,
  releaseHash,
} from '../../sdk/clearing/account.ts'
import { epochHash, type Leaf } from '../../sdk/clearing/epoch.ts'
import { buildTally, tallyHash, tallyPath, topOf } from '../../sdk/clearing/tally.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import type { Hex } from '../../sdk/core/types.ts'
import {
  ANSWER_TIME,
  type Committed,
  ethers,
  House,
  INTERVAL,
  networkHelpers,
  type Person,
  WINDOW,
} from '../house/house.ts'

const BOND = { value: 10n ** 18n }
const GAS = { gasLimit: 5_000_000 }
/** The membership of somebody whose index is unknown. */
const NOBODY = {
  receipt: { member: ZeroHash, index: 0, epoch: 0, seq: 0, credits: [], income: ZeroHash },
  signature: '0x',
}
const LEAF_DEMAND = '(uint64,bytes32,uint32,uint64,uint64,uint128[],uint128[],uint128[])'
const SECRET = ethers.id('a secret') as Hex
const { time } = networkHelpers

/** A house with alice, bob and carol, who have 100, 200 and 300. */
async function open(): Promise<{ house: House; alice: Person; bob: Person; carol: Person }> {
  const house = await House.open()
  const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => house.join(name)) as [Person, Person, Person]
  for (const [i, person] of [alice, bob, carol].entries()) await house.deposit(person, 100n * BigInt(i + 1))
  return { house, alice, bob, carol }
}

const call = (house: House, name: string, ...args: unknown[]) => house.house.getFunction(name)(...args)
/** An answer needs more gas than an estimate finds, which is made at a base fee of zero and so pays nothing. */
const judge = (house: House, name: string, ...args: unknown[]) =>
  house.court.getFunction(name)(house.house.target, ...args, ...(name.startsWith('answer') ? [GAS] : []))

/** The demand that the last challenge made. */
async function demandOf(house: House, kind: 'LeafDemanded' | 'DebitDemanded') {
  const events = await house.court.queryFilter(house.court.getEvent(kind))
  const { args } = events.at(-1) as unknown as { args: { demand: { toArray(deep: boolean): unknown[] }; id: Hex } }
  return { demand: args.demand.toArray(true), id: args.id }
}

/** What an honest operator answers to a demand for a leaf. */
function leafAnswer(house: House, at: Committed, person: Person) {
  const before = house.epochs[Number(at.epoch.number) - 1]!
  const { account, signature } = house.accountOf(at, person)
  const { statuses, income } = at.trees.get(person.id)!
  return [
    person.identity,
    [before.epoch, at.epoch],
    [house.proof(before, person), house.proof(at, person)],
    account,
    signature,
    topOf(statuses),
    topOf(income),
  ]
}

const evidence = (person: Person, parts: object) => ({
  member: person.id,
  accounts: [],
  receipts: [],
  postings: [],
  signatures: [],
  ...parts,
})

/** Why something was refused; 'taken' if it was not. */
const refusal = (taken: Promise<unknown>) =>
  taken.then(
    () => 'taken',
    ({ message }: Error) => message,
  )

const pastAnswers = () => time.increase(WINDOW + ANSWER_TIME + 200)
const balance = ({ identity }: Person) => ethers.provider.getBalance(identity.owner)

/** The bond of a challenge that nobody answered goes back in full; at once, and once. */
async function reclaim(house: House, demand: unknown[]): Promise<void> {
  const encoded = ethers.AbiCoder.defaultAbiCoder().encode([LEAF_DEMAND], [demand])
  const held = await ethers.provider.getBalance(house.court)
  const claim = () => judge(house, 'reclaim', ethers.keccak256(encoded))
  await claim()
  expect(held).to.be.greaterThan(0n)
  expect(await ethers.provider.getBalance(house.court)).to.equal(0n)
  await expect(claim()).to.be.revertedWithCustomError(house.court, 'NotChallenged')
}

/** Everybody leaves after a halt at `at`; what each gets. */
async function exitAll(house: House, at: Committed, people: readonly Person[]): Promise<bigint[]> {
  const before = await Promise.all(people.map(balance))
  await call(house, 'exit', at.epoch, ...house.claims(at, people))
  return Promise.all(people.map(async (person, i) => (await balance(person)) - before[i]!))
}

describe('A clearing house', () => {
  it('clears payments in one commit, and pays what was requested when the epoch is final', async () => {
    const { house, alice, bob, carol } = await open()
    house.pay(alice, bob, 60n)
    house.pay(bob, carol, 250n)
    await house.request(carol, 500n)
    const one = await house.commit()
    const before = await balance(carol)
    await expect(call(house, 'collect', one.epoch, ...house.claims(one, [carol])))
      .to.be.revertedWithCustomError(house.house, 'NotFinal')
      .withArgs(1, 0)
    await time.increase(WINDOW)
    await call(house, 'collect', one.epoch, ...house.claims(one, [alice, carol]))
    expect((await balance(carol)) - before).to.equal(500n)
    await expect(call(house, 'collect', one.epoch, ...house.claims(one, [carol])))
      .to.be.revertedWithCustomError(house.house, 'AlreadyPaid')
      .withArgs(2)
  })

  it('takes any members at once, in trees of any size, and none with a path that is not theirs', async () => {
    for (const size of [1, 2, 3, 5, 8]) {
      const house = await House.open()
      const people = Array.from({ length: size }, (_, i) => house.join(`member ${i}`))
      for (const [i, person] of people.entries()) await house.deposit(person, BigInt(i + 1))
      const one = await house.commit()
      await time.increase(WINDOW)
      const collect = house.house.getFunction('collect').staticCall
      const run = fc.asyncProperty(fc.subarray(people, { minLength: 1 }), fc.nat(), async (some, at) => {
        const [claims, path] = house.claims(one, some)
        await collect(one.epoch, claims, path)
        const wrong = [...path]
        if (wrong.length > 0) wrong[at % wrong.length] = ethers.id('something else') as Hex
        else wrong.push(ethers.id('too much') as Hex)
        expect(await refusal(collect(one.epoch, claims, wrong))).to.match(/WrongProof|WrongPath|TallyOverflow/)
        expect(await refusal(collect(one.epoch, [...claims, claims[0]], path))).to.match(/AlreadyPaid|UnsortedPosition/)
      })
      await fc.assert(run, { numRuns: 12, seed: 20261126 })
    }
  })

  it('hashes epochs as the SDK does', async () => {
    const { house } = await open()
    const { epoch } = await house.commit()
    const word = await house.house.getFunction('epochWord')(1)
    expect(word >> 64n).to.equal(BigInt(epochHash(epoch)) & ((1n << 192n) - 1n))
  })

  it('refuses a commit that gives members more than was deposited', async () => {
    const { house, alice } = await open()
    const generous = (leaves: Leaf[]) => {
      const leaf = leaves[alice.index]!
      leaves[alice.index] = { ...leaf, lines: leaf.lines.map((line) => ({ ...line, credits: line.credits + 1n })) }
    }
    await expect(house.commit(generous)).to.be.revertedWithCustomError(house.house, 'Insolvent').withArgs(0, 601, 600)
  })

  it('refuses a commit by anybody but the operator, out of order, in the future, or that leaves out what is older than the last', async () => {
    const { house, alice } = await open()
    const one = await house.commit()
    await house.deposit(alice, 1n)
    await house.commit()
    await expect(house.commit(() => {}, { cut: 3 })).to.be.revertedWithCustomError(house.house, 'WrongCut')
    const stranger = call(house, 'commit', one.epoch, one.epoch, house.postings[0]!.posting)
    await expect(stranger).to.be.revertedWithCustomError(house.house, 'NotOperator')
    const operator = await ethers.getSigner(ethers.computeAddress(house.operator))
    const again = house.house.connect(operator).getFunction('commit')
    await expect(again(one.epoch, one.epoch, house.postings[0]!.posting)).to.be.revertedWithCustomError(
      house.house,
      'WrongEpoch',
    )
    const last = house.epochs.at(-1)!.epoch
    const early = { ...last, number: 3n, cutTime: BigInt(await time.latest()) + 1_000n }
    await expect(again(last, early, house.postings[3]!.posting)).to.be.revertedWithCustomError(
      house.house,
      'WrongCutTime',
    )
  })

  it('D1 halts when no commit comes in time; everybody leaves with what the last epoch gave them, to the wei', async () => {
    const { house, alice, bob, carol } = await open()
    house.pay(alice, bob, 60n)
    const one = await house.commit()
    await house.deposit(carol, 7n)
    await expect(call(house, 'exit', one.epoch, ...house.claims(one, [bob]))).to.be.revertedWithCustomError(
      house.house,
      'NotSettled',
    )
    await time.increase(INTERVAL)
    await expect(house.deposit(alice, 1n)).to.be.revertedWithCustomError(house.house, 'Halted')
    const late = { ...house.postings.at(-1)!.posting }
    await call(house, 'refund', one.epoch, late, carol.identity)
    await expect(call(house, 'refund', one.epoch, late, carol.identity)).to.be.revertedWithCustomError(
      house.house,
      'AlreadyPaid',
    )
    const early = house.postings[0]!.posting
    await expect(call(house, 'refund', one.epoch, early, alice.identity)).to.be.revertedWithCustomError(
      house.house,
      'AlreadyPaid',
    )
    expect(await exitAll(house, one, [alice, bob, carol])).to.deep.equal([40n, 260n, 300n])
    expect(await ethers.provider.getBalance(house.house)).to.equal(0n)
    await expect(call(house, 'exit', one.epoch, ...house.claims(one, [bob]))).to.be.revertedWithCustomError(
      house.house,
      'AlreadyPaid',
    )
  })

  it('pays back all deposits when it halts before its first epoch', async () => {
    const { house, alice, bob } = await open()
    await time.increase(INTERVAL + 1)
    const [genesis] = house.epochs
    const before = await balance(bob)
    await call(house, 'refund', genesis!.epoch, house.postings[1]!.posting, bob.identity)
    expect((await balance(bob)) - before).to.equal(200n)
    await expect(
      call(house, 'refund', genesis!.epoch, house.postings[0]!.posting, bob.identity),
    ).to.be.revertedWithCustomError(house.house, 'WrongMember')
    await call(house, 'refund', genesis!.epoch, house.postings[0]!.posting, alice.identity)
  })

  describe('asked for a leaf (D2)', () => {
    it('answers a member that saw none, and gives back what the answer did not cost', async () => {
      const { house, alice, bob } = await open()
      house.pay(alice, bob, 60n)
      await house.request(bob, 30n)
      const { account } = alice
      const signature = house.sign(house.operator, accountHash(account!))
      const { receipt, signature: sealed } = house.receipt(bob)
      await house.commit()
      house.pay(bob, alice, 10n)
      const two = await house.commit()
      const proof = evidence(alice, {
        accounts: [account],
        signatures: [signature],
        postings: [house.postings[0]!.posting],
      })
      await judge(house, 'challengeLeaf', two.epoch, proof, BOND)
      const first = await demandOf(house, 'LeafDemanded')
      await judge(house, 'answerLeaf', first.demand, ...leafAnswer(house, two, alice))
      const other = evidence(bob, {
        receipts: [receipt],
        signatures: [sealed],
        postings: [house.postings[1]!.posting, house.postings[3]!.posting],
      })
      await judge(house, 'challengeLeaf', two.epoch, other, BOND)
      const second = await demandOf(house, 'LeafDemanded')
      await judge(house, 'answerLeaf', second.demand, ...leafAnswer(house, two, bob))
      await time.increase(WINDOW)
      await call(house, 'advance', 10)
      expect(await house.house.getFunction('finalized')()).to.equal(2n)
      await expect(judge(house, 'challengeLeaf', two.epoch, other, BOND)).to.be.revertedWithCustomError(
        house.court,
        'AlreadyChallenged',
      )
    })

    /** A cheated member asks, the operator has nothing to answer with, and the house ends at the epoch before. */
    async function cheat(tamper: (leaf: Leaf) => Leaf | undefined, rule: number | string): Promise<void> {
      const { house, alice, bob, carol } = await open()
      const one = await house.commit()
      house.pay(alice, bob, 60n)
      await house.request(bob, 50n)
      const { receipt, signature } = house.receipt(bob)
      const two = await house.commit((leaves) => {
        leaves[bob.index] = tamper(leaves[bob.index]!) ?? { ...house.emptyLeaf }
      })
      const proof = evidence(bob, {
        receipts: [receipt],
        signatures: [signature],
        postings: [house.postings[3]!.posting],
      })
      await judge(house, 'challengeLeaf', two.epoch, proof, BOND)
      const { demand } = await demandOf(house, 'LeafDemanded')
      const answer = expect(judge(house, 'answerLeaf', demand, ...leafAnswer(house, two, bob)))
      if (typeof rule === 'number')
        await answer.to.be.revertedWithCustomError(house.court, 'WrongAnswer').withArgs(rule)
      else await answer.to.be.revertedWithCustomError(house.court, rule)
      await pastAnswers()
      await expect(judge(house, 'answerLeaf', demand, ...leafAnswer(house, two, bob))).to.be.revertedWithCustomError(
        house.house,
        'AnswerTimeOver',
      )
      await call(house, 'advance', 10)
      expect(await house.house.getFunction('isRunning')()).to.equal(false)
      expect(await exitAll(house, one, [alice, bob, carol])).to.deep.equal([100n, 200n, 300n])
      await reclaim(house, demand)
    }

    const line = (change: object) => (leaf: Leaf) => ({
      ...leaf,
      lines: leaf.lines.map((one) => ({ ...one, ...change })),
    })

    it('is halted for a leaf that is not there', () => cheat(() => undefined, 'WrongMember'))
    it('is halted for credits below the receipt', () => cheat(line({ credits: 59n }), 22))
    it('is halted for a deposit that was taken away', () => cheat(line({ deposited: 199n }), 21))
    it('is halted for a debit that nobody signed', () => cheat(line({ debits: 1n }), 27))
    it('is halted for a withdrawal that is held back', () => cheat(line({ withdrawn: 49n, leaving: 49n }), 24))
    it('is halted for a withdrawal that nobody asked for', () => cheat(line({ withdrawn: 51n, leaving: 51n }), 25))
    it('is halted for a withdrawal that was not paid', () => cheat(line({ withdrawn: 60n, leaving: 50n }), 23))
    it('is halted for money that is locked without a lock', () => cheat(line({ locked: 5n }), 27))
    it('is halted for locks paid that do not exist', () => cheat((leaf) => ({ ...leaf, statuses: emptyTally(1) }), 26))

    it('is halted for a debit that was signed for an earlier epoch, and is asked for nothing by a mere request', async () => {
      const { house, alice, bob } = await open()
      const dave = house.join('dave')
      await house.request(dave, 1n)
      house.pay(alice, bob, 60n, { credit: false })
      const one = await house.commit((leaves) => {
        const leaf = leaves[alice.index]!
        const lines = leaf.lines.map((line) => ({ ...line, debits: 0n }))
        leaves[alice.index] = { ...leaf, seq: 0n, lines, payments: house.empty() }
      })
      const two = await house.commit()
      const posted = evidence(alice, { postings: [house.postings[0]!.posting] })
      await judge(house, 'challengeLeaf', two.epoch, posted, BOND)
      const { demand } = await demandOf(house, 'LeafDemanded')
      expect(one.leaves[alice.index]!.seq).to.equal(0n)
      await expect(judge(house, 'answerLeaf', demand, ...leafAnswer(house, two, alice)))
        .to.be.revertedWithCustomError(house.court, 'WrongAnswer')
        .withArgs(13)
      const requested = evidence(dave, { postings: [house.postings[3]!.posting] })
      await expect(judge(house, 'challengeLeaf', two.epoch, requested, BOND)).to.be.revertedWithCustomError(
        house.court,
        'NoEvidence',
      )
    })

    it('is halted for moving a member that has no receipt to an index where its credits begin at nothing', async () => {
      const { house, alice, bob } = await open()
      house.pay(alice, bob, 60n)
      await house.commit()
      const two = await house.commit((leaves) => {
        const leaf = leaves[bob.index]!
        leaves[3] = { ...leaf, lines: leaf.lines.map((line) => ({ ...line, credits: 0n })) }
        leaves[bob.index] = house.emptyLeaf
      })
      await judge(house, 'challengeLeaf', two.epoch, evidence(bob, { postings: [house.postings[1]!.posting] }), BOND)
      const { demand } = await demandOf(house, 'LeafDemanded')
      const moved = { ...bob, index: 3 }
      await expect(judge(house, 'answerLeaf', demand, ...leafAnswer(house, two, moved)))
        .to.be.revertedWithCustomError(house.court, 'WrongAnswer')
        .withArgs(14)
    })

    it('takes no evidence of a later epoch, of another member, or that the operator did not sign', async () => {
      const { house, alice, bob } = await open()
      house.pay(alice, bob, 60n)
      const { receipt, signature } = house.receipt(bob, 2n)
      const forged = house.sign(alice.key, receiptHash(receipt))
      const one = await house.commit()
      const ask = (member: Person, parts: object) =>
        judge(house, 'challengeLeaf', one.epoch, evidence(member, parts), BOND)
      const late = { receipts: [receipt], signatures: [signature] }
      await expect(ask(bob, late)).to.be.revertedWithCustomError(house.court, 'Inadmissible').withArgs(2, 1)
      await expect(ask(alice, late)).to.be.revertedWithCustomError(house.court, 'WrongMember')
      const now = { receipts: [{ ...receipt, epoch: 1n }], signatures: [forged] }
      await expect(ask(bob, now)).to.be.revertedWithCustomError(house.court, 'BadSignature')
      await expect(ask(bob, {})).to.be.revertedWithCustomError(house.court, 'NoEvidence')
      await house.deposit(bob, 1n)
      const posted = { postings: [house.postings.at(-1)!.posting] }
      await expect(ask(bob, posted)).to.be.revertedWithCustomError(house.court, 'Inadmissible').withArgs(4, 3)
      await expect(
        judge(house, 'challengeLeaf', one.epoch, evidence(bob, { postings: [house.postings[1]!.posting] }), {
          value: 0,
        }),
      ).to.be.revertedWithCustomError(house.court, 'BondTooSmall')
    })
  })

  describe('asked for the credit of a payment (D3)', () => {
    it('shows it in the payee income', async () => {
      const { house, alice, bob } = await open()
      house.pay(alice, bob, 5n)
      const payment = house.pay(alice, bob, 60n)
      const one = await house.commit()
      await judge(house, 'challengeCredit', payment, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const path = tallyPath(one.trees.get(bob.id)!.income, 1)
      const answer = [payment, one.epoch, house.proof(one, bob), 1, path]
      await judge(house, 'answerCredit', demand, ...answer)
      await expect(judge(house, 'answerCredit', demand, ...answer)).to.be.revertedWithCustomError(
        house.court,
        'NotChallenged',
      )
      await expect(
        judge(house, 'challengeCredit', payment, house.membership(alice), NOBODY, BOND),
      ).to.be.revertedWithCustomError(house.court, 'AlreadyChallenged')
    })

    it('shows that a payment nobody made is not there, also at a place that the tree does not reach', async () => {
      const { house, alice, bob } = await open()
      const made = house.pay(alice, bob, 60n)
      const one = await house.commit()
      for (const position of [0, 9]) {
        await judge(house, 'challengeCredit', { ...made, amount: 61n, position }, house.membership(alice), NOBODY, BOND)
        const { demand } = await demandOf(house, 'DebitDemanded')
        const entry = toHex(paymentHash(made))
        const sums = amountRow(paymentHash(made), 0, 60n, 1).sums
        const absence = { epoch: one.epoch, proof: house.proof(one, alice), entry, sums, path: [] }
        await judge(house, 'answerByAbsence', demand, absence)
      }
      await judge(house, 'challengeCredit', made, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const sums = amountRow(paymentHash(made), 0, 60n, 1).sums
      const lie = { epoch: one.epoch, proof: house.proof(one, alice), entry: toHex(paymentHash(made)), sums, path: [] }
      await expect(judge(house, 'answerByAbsence', demand, lie))
        .to.be.revertedWithCustomError(house.court, 'WrongAnswer')
        .withArgs(9)
    })

    it('is asked nothing about somebody who is no member in that epoch, for it could not show that', async () => {
      const { house, alice, bob } = await open()
      const payment = house.pay(alice, bob, 60n)
      const one = await house.commit()
      const nobody = { ...payment, from: ethers.id('nobody') }
      const ask = (one: object, membership: object) => judge(house, 'challengeCredit', one, membership, NOBODY, BOND)
      await expect(ask(nobody, house.membership(alice))).to.be.revertedWithCustomError(house.court, 'WrongMember')
      await expect(ask(payment, house.membership(alice, 2n))).to.be.revertedWithCustomError(house.court, 'Inadmissible')
      const forged = {
        ...house.membership(alice),
        signature: house.sign(bob.key, receiptHash(house.membership(alice).receipt)),
      }
      await expect(ask(payment, forged)).to.be.revertedWithCustomError(house.court, 'BadSignature')
      const lock = { to: bob.id, asset: 0, amount: 1n, key: SECRET, deadline: 0n, epoch: 1n }
      const receipt = { payer: nobody.from, index: 0, position: 0, lock: toHex(lockHash(lock)) }
      await expect(
        judge(house, 'challengeLock', one.epoch, receipt, lock, '0x', house.membership(alice), NOBODY, BOND),
      ).to.be.revertedWithCustomError(house.court, 'WrongMember')
    })

    it('is halted for a debit that was not credited', async () => {
      const { house, alice, bob, carol } = await open()
      const one = await house.commit()
      const payment = house.pay(alice, bob, 60n, { credit: false })
      const two = await house.commit()
      await judge(house, 'challengeCredit', payment, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const answer = [payment, two.epoch, house.proof(two, bob), 0, []]
      await expect(judge(house, 'answerCredit', demand, ...answer)).to.be.revertedWithCustomError(
        house.court,
        'WrongAnswer',
      )
      await pastAnswers()
      expect(await exitAll(house, one, [alice, bob, carol])).to.deep.equal([100n, 200n, 300n])
    })
  })

  describe('with two leaves of one member', () => {
    /** Bob is paid by alice. The operator debits her, and has a second leaf of `twin` that says otherwise. */
    async function twins(twin: 'alice' | 'bob') {
      const { house, alice, bob, carol } = await open()
      const one = await house.commit()
      const payment = house.pay(alice, bob, 60n, { credit: false })
      const row = amountRow(paymentHash(payment), 0, 60n, 1)
      const income = toHex(tallyHash(topOf(buildTally([row], 1))))
      const two = await house.commit((leaves) => {
        const nothing = { seq: 0n, locks: house.empty(), payments: house.empty(), income: house.empty() }
        const lines = [{ ...house.emptyLeaf.lines[0]!, credits: 60n, debits: 60n }]
        if (twin === 'alice') leaves[3] = { ...house.emptyLeaf, ...nothing, member: alice.id }
        else leaves[3] = { ...house.emptyLeaf, ...nothing, member: bob.id, income, lines }
      })
      return { house, alice, bob, carol, one, two, payment }
    }

    it('is halted for a debit that the second leaf of the payer does not show', async () => {
      const { house, alice, bob, carol, one, two, payment } = await twins('alice')
      await judge(house, 'challengeCredit', payment, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const proof = house.proof(two, { ...alice, index: 3 })
      const absence = { epoch: two.epoch, proof, entry: ZeroHash, sums: [0n], path: [] }
      await expect(judge(house, 'answerByAbsence', demand, absence))
        .to.be.revertedWithCustomError(house.court, 'WrongAnswer')
        .withArgs(2)
      await pastAnswers()
      expect(await exitAll(house, one, [alice, bob, carol])).to.deep.equal([100n, 200n, 300n])
    })

    it('is halted for a credit that only the second leaf of the payee shows', async () => {
      const { house, alice, bob, carol, one, two, payment } = await twins('bob')
      await judge(house, 'challengeCredit', payment, house.membership(alice), house.membership(bob), BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const proof = house.proof(two, { ...bob, index: 3 })
      const answer = [payment, two.epoch, proof, 0, []]
      await expect(judge(house, 'answerCredit', demand, ...answer))
        .to.be.revertedWithCustomError(house.court, 'WrongAnswer')
        .withArgs(2)
      await pastAnswers()
      expect(await exitAll(house, one, [alice, bob, carol])).to.deep.equal([100n, 200n, 300n])
    })

    it('is convicted by them', async () => {
      const { house, bob, two } = await twins('bob')
      const none = { accounts: [], receipts: [], signature: '0x', epochs: [two.epoch] }
      const statements = [bob, { ...bob, index: 3 }].map((one) => ({ ...none, leaves: [house.proof(two, one)] }))
      await house.stake.getFunction('convict')(...statements)
      expect(await house.house.getFunction('isRunning')()).to.equal(false)
    })
  })

  describe('asked for the other leg of a group (D3)', () => {
    async function deal(credited: boolean) {
      const { house, alice, bob, carol } = await open()
      const one = await house.commit()
      const legs = [
        { from: alice.id, to: bob.id, asset: 0, amount: 10n },
        { from: bob.id, to: alice.id, asset: 0, amount: 20n },
      ]
      const tree = buildTally(
        legs.map((leg) => amountRow(legHash(leg), leg.asset, leg.amount, 1)),
        1,
      )
      const group = toHex(tallyHash(topOf(tree)))
      const first = house.pay(alice, bob, 10n, { group, leg: 0 })
      const second = credited ? house.pay(bob, alice, 20n, { group, leg: 1 }) : undefined
      const two = await house.commit()
      return { house, alice, bob, carol, one, two, tree, first, second }
    }

    it('shows its debit, and that there are no further legs', async () => {
      const { house, alice, bob, two, tree, first, second } = await deal(true)
      await judge(house, 'challengeLeg', first, 1, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const proof = house.proof(two, bob)
      await judge(house, 'answerLeg', demand, first, second, two.epoch, proof, [], tallyPath(tree, 1))
      await judge(house, 'challengeLeg', first, 2, house.membership(alice), NOBODY, BOND)
      const none = await demandOf(house, 'DebitDemanded')
      const leaf = amountRow(legHash({ ...first }), 0, 10n, 1)
      await judge(house, 'answerNoLeg', none.demand, first, toHex(leaf.hash), leaf.sums, tallyPath(tree, 0))
    })

    it('answers by no second leaf of the other, if the demand names the index of the first', async () => {
      const { house, alice, bob, tree, first } = await deal(false)
      const leg = { ...first, from: bob.id, to: alice.id, amount: 20n, leg: 1, epoch: 3n, position: 0 }
      const paid = house.pay(alice, bob, 10n, { group: first.group, leg: 0 })
      const row = amountRow(paymentHash(leg), 0, 20n, 1)
      const payments = toHex(tallyHash(topOf(buildTally([row], 1))))
      const three = await house.commit((leaves) => {
        leaves[3] = { ...house.emptyLeaf, member: bob.id, payments }
      })
      for (const other of [NOBODY, house.membership(bob)]) {
        await judge(house, 'challengeLeg', paid, 1, house.membership(alice), other, BOND)
        const { demand } = await demandOf(house, 'DebitDemanded')
        const proof = house.proof(three, { ...bob, index: 3 })
        const answer = judge(house, 'answerLeg', demand, paid, leg, three.epoch, proof, [], tallyPath(tree, 1))
        // Who does not know the index of the other can be answered so; the operator is convicted by it.
        if (other === NOBODY) await answer
        else await expect(answer).to.be.revertedWithCustomError(house.court, 'WrongAnswer').withArgs(2)
      }
    })

    it('is halted if the other did not pay', async () => {
      const { house, alice, bob, carol, one, two, tree, first } = await deal(false)
      await judge(house, 'challengeLeg', first, 1, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const fake = { ...first, from: bob.id, to: alice.id, amount: 20n, leg: 1 }
      const answer = judge(
        house,
        'answerLeg',
        demand,
        first,
        fake,
        two.epoch,
        house.proof(two, bob),
        [],
        tallyPath(tree, 1),
      )
      await expect(answer).to.be.revertedWithCustomError(house.court, 'WrongAnswer')
      const zeros = judge(house, 'answerNoLeg', demand, first, ZeroHash, [0n], tallyPath(tree, 1))
      await expect(zeros).to.be.revertedWithCustomError(house.court, 'WrongAnswer')
      await pastAnswers()
      expect(await exitAll(house, one, [alice, bob, carol])).to.deep.equal([100n, 200n, 300n])
    })
  })

  describe('asked about a lock (D5)', () => {
    async function locked(deadlineIn = 100_000n) {
      const { house, alice, bob, carol } = await open()
      const key = await house.registry.getFunction('keyOf')(house.registry.target, ethers.keccak256(SECRET))
      const deadline = BigInt(await time.latest()) + deadlineIn
      const lock = house.lock(alice, bob, 40n, key, deadline)
      const one = await house.commit()
      return { house, alice, bob, carol, one, lock, receipt: [lock, lock.lock_, house.lockSignature(lock)] as const }
    }

    it('shows a live one, which pays after a halt when its secret is known', async () => {
      const { house, alice, bob, carol, one, lock, receipt } = await locked()
      await judge(house, 'challengeLock', one.epoch, ...receipt, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const { proof } = { proof: house.proof(one, alice) }
      await judge(house, 'answerLock', demand, lock.lock_, one.epoch, proof, [], [])
      await time.increase(INTERVAL + WINDOW)
      expect(await exitAll(house, one, [alice, bob, carol])).to.deep.equal([60n, 200n, 300n])
      const leave = () => call(house, 'exitLock', one.epoch, proof, alice.identity, bob.identity, 0, lock.lock_, [])
      await expect(leave()).to.be.revertedWithCustomError(house.house, 'StillLive')
      await house.registry.getFunction('reveal')(SECRET)
      const before = await balance(bob)
      await leave()
      expect((await balance(bob)) - before).to.equal(40n)
      await expect(leave()).to.be.revertedWithCustomError(house.house, 'AlreadyPaid')
      expect(await ethers.provider.getBalance(house.house)).to.equal(0n)
    })

    it('refunds one after a halt whose deadline has passed', async () => {
      const { house, alice, bob, one, lock } = await locked(4_000n)
      await time.increase(INTERVAL + WINDOW)
      const before = await balance(alice)
      const proof = house.proof(one, alice)
      await call(house, 'exitLock', one.epoch, proof, alice.identity, bob.identity, 0, lock.lock_, [])
      expect((await balance(alice)) - before).to.equal(40n)
    })

    it('asks for the identity of nobody who gets nothing of it', async () => {
      const { house, alice, carol, one, lock } = await locked(4_000n)
      await time.increase(INTERVAL + WINDOW)
      const leave = (payer: Person) =>
        call(house, 'exitLock', one.epoch, house.proof(one, alice), payer.identity, carol.identity, 0, lock.lock_, [])
      await expect(leave(carol)).to.be.revertedWithCustomError(house.house, 'WrongMember')
      const before = await balance(alice)
      await leave(alice)
      expect((await balance(alice)) - before).to.equal(40n)
    })

    it('credits a paid one in the first epoch that sees it, and only there', async () => {
      const { house, alice, bob, one, lock, receipt } = await locked()
      await house.registry.getFunction('reveal')(SECRET)
      const two = await house.commit()
      await judge(house, 'challengeLockCredit', one.epoch, two.epoch, ...receipt, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      await judge(house, 'answerLockCredit', demand, lock.lock_, two.epoch, house.proof(two, bob), 0, [])
      const three = await house.commit()
      await expect(
        judge(house, 'challengeLockCredit', two.epoch, three.epoch, ...receipt, house.membership(alice), NOBODY, BOND),
      ).to.be.revertedWithCustomError(house.court, 'NotLive')
      await expect(
        judge(house, 'challengeLockCredit', one.epoch, one.epoch, ...receipt, house.membership(alice), NOBODY, BOND),
      ).to.be.revertedWithCustomError(house.court, 'NotDecided')
    })

    it('is halted for saying that a paid one came back', async () => {
      const { house, alice, bob, carol, one, lock, receipt } = await locked()
      await house.registry.getFunction('reveal')(SECRET)
      const two = await house.commit(() => {}, {
        status: async ({ amount }) => ({ paid: 0n, refunded: amount, live: 0n }),
      })
      await judge(house, 'challengeLockCredit', one.epoch, two.epoch, ...receipt, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const answer = [lock.lock_, two.epoch, house.proof(two, bob), 0, []]
      await expect(judge(house, 'answerLockCredit', demand, ...answer)).to.be.revertedWithCustomError(
        house.court,
        'WrongAnswer',
      )
      await judge(house, 'challengeLock', two.epoch, lock, lock.lock_, '0x', house.membership(alice), NOBODY, BOND)
      const status = await demandOf(house, 'DebitDemanded')
      await expect(
        judge(house, 'answerLock', status.demand, lock.lock_, two.epoch, house.proof(two, alice), [], []),
      ).to.be.revertedWithCustomError(house.court, 'WrongAnswer')
      await pastAnswers()
      expect(await exitAll(house, one, [alice, bob, carol])).to.deep.equal([60n, 200n, 300n])
    })

    it('is halted for dropping one without a release, and answers with the payee release', async () => {
      const { house, alice, bob, lock, receipt } = await locked()
      alice.locks = []
      house.pay(alice, bob, 1n)
      const two = await house.commit()
      await judge(house, 'challengeLock', two.epoch, ...receipt, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const gone = { epoch: two.epoch, proof: house.proof(two, alice), entry: ZeroHash, sums: [0n], path: [] }
      await expect(judge(house, 'answerByAbsence', demand, gone))
        .to.be.revertedWithCustomError(house.court, 'WrongAnswer')
        .withArgs(8)
      const release = (signature: Hex) => ({
        payee: bob.identity,
        signature,
        payments: [],
        epochs: [],
        proofs: [],
        position: 0,
        path: [],
      })
      const hash = releaseHash(alice.id, 0, lock.lock, ZeroHash as Hex)
      await expect(
        judge(house, 'answerByRelease', demand, release(house.sign(alice.key, hash))),
      ).to.be.revertedWithCustomError(house.court, 'BadSignature')
      await judge(house, 'answerByRelease', demand, release(house.sign(bob.key, hash)))
    })

    it('lets a release in place of a payment count only with that payment', async () => {
      const { house, alice, bob, lock, receipt } = await locked()
      alice.locks = []
      const payment = house.pay(alice, bob, 40n)
      const two = await house.commit()
      await judge(house, 'challengeLock', two.epoch, ...receipt, house.membership(alice), NOBODY, BOND)
      const { demand } = await demandOf(house, 'DebitDemanded')
      const hash = releaseHash(alice.id, 0, lock.lock, toHex(paymentHash(payment)))
      const release = {
        payee: bob.identity,
        signature: house.sign(bob.key, hash),
        payments: [payment],
        epochs: [two.epoch],
        proofs: [house.proof(two, bob)],
        position: 0,
        path: [],
      }
      const without = { ...release, payments: [], epochs: [], proofs: [] }
      await expect(judge(house, 'answerByRelease', demand, without)).to.be.revertedWithCustomError(
        house.court,
        'BadSignature',
      )
      await judge(house, 'answerByRelease', demand, release)
      // The payer asks for itself: no word of the payee answers that.
      await judge(house, 'challengeLock', two.epoch, lock, lock.lock_, '0x', house.membership(alice), NOBODY, BOND)
      const own = await demandOf(house, 'DebitDemanded')
      await expect(judge(house, 'answerByRelease', own.demand, release))
        .to.be.revertedWithCustomError(house.court, 'WrongAnswer')
        .withArgs(10)
    })
  })

  describe('has at stake (D4, D7)', () => {
    const add = (house: House, amount: bigint) => house.stake.getFunction('add')(0, amount, { value: amount })
    const nothing = { accounts: [], receipts: [], signature: '0x', epochs: [], leaves: [] }

    it('halts at once when the operator signs two accounts of one number, two receipts, or two indices', async () => {
      const { house, alice, bob } = await open()
      house.pay(alice, bob, 60n)
      const one = await house.commit()
      const { account } = alice
      const signed = (change: object) => {
        const accounts = [{ ...account!, ...change }]
        return { ...nothing, accounts, signature: house.sign(house.operator, accountHash(accounts[0]!)) }
      }
      const convict = (...statements: object[]) => house.stake.getFunction('convict').staticCall(...statements)
      const fine = [signed({}), signed({ seq: 2n, debits: [70n] })]
      await expect(convict(...fine)).to.be.revertedWithCustomError(house.stake, 'NoContradiction')
      await expect(convict(signed({}), signed({}))).to.be.revertedWithCustomError(house.stake, 'NoContradiction')
      await convict(signed({}), signed({ index: 5 }))
      await convict(signed({}), signed({ member: bob.id }))
      const { receipt } = house.receipt(alice, 1n)
      const moved = { ...receipt, index: 9 }
      const leaf = { ...nothing, epochs: [one.epoch], leaves: [house.proof(one, alice)] }
      const sealed = { ...nothing, receipts: [moved], signature: house.sign(house.operator, receiptHash(moved)) }
      await convict(leaf, sealed)
      await expect(
        convict(leaf, { ...sealed, signature: house.sign(alice.key, receiptHash(moved)) }),
      ).to.be.revertedWithCustomError(house.stake, 'WrongStatement')
      await house.stake.getFunction('convict')(signed({}), signed({ debits: [61n] }))
      expect(await house.house.getFunction('isRunning')()).to.equal(false)
      await expect(house.deposit(alice, 1n)).to.be.revertedWithCustomError(house.house, 'Halted')
      await expect(
        house.stake.getFunction('convict')(signed({}), signed({ debits: [62n] })),
      ).to.be.revertedWithCustomError(house.house, 'Halted')
      // What was committed before still becomes final.
      await time.increase(WINDOW)
      expect(await exitAll(house, one, [alice, bob])).to.deep.equal([40n, 260n])
    })

    it('refuses limits above the stake, and gives it back only when it backs nothing', async () => {
      const { house } = await open()
      await add(house, 100n)
      const limits = [[60n], [41n]]
      await expect(house.commit(() => {}, { limits })).to.be.revertedWithCustomError(house.house, 'Uncovered')
      await house.commit(() => {}, { limits: [[60n], [40n]] })
      const operator = house.stake.connect(await ethers.getSigner(ethers.computeAddress(house.operator)))
      await operator.getFunction('giveNotice')(0, 50n)
      await expect(house.commit(() => {}, { limits: [[51n]] })).to.be.revertedWithCustomError(house.house, 'Uncovered')
      await house.commit(() => {}, { limits: [[50n]] })
      await time.increase(WINDOW / 2)
      await call(house, 'advance', 10)
      const back = () => operator.getFunction('takeBack')(0)
      await expect(back()).to.be.revertedWithCustomError(house.stake, 'StillBacking')
      await time.increase(WINDOW)
      await call(house, 'advance', 10)
      await back()
      expect(await house.stake.getFunction('staked')(0)).to.equal(50n)
    })

    it('pays what a halt has made void, up to the limit and less what the member has spent since', async () => {
      const { house, alice, bob, carol } = await open()
      await add(house, 100n)
      const one = await house.commit(() => {}, { limits: [[0n], [50n], [20n]] })
      house.pay(alice, bob, 60n)
      house.pay(alice, carol, 30n)
      house.pay(bob, carol, 25n)
      const receipts = [house.receipt(bob), house.receipt(carol)]
      const little = { ...receipts[0]!.receipt, credits: [1n] }
      const weak = { receipt: little, signature: house.sign(house.operator, receiptHash(little)) }
      await time.increase(INTERVAL + 1)
      await call(house, 'advance', 10)
      const paths = [1, 2].map((index) => {
        const rows = [alice, bob, carol].map(({ id }, i) => ({
          hash: ethers.getBytes(id),
          sums: [[0n, 50n, 20n][i]! << 128n],
        }))
        return tallyPath(buildTally(rows, 1), index)
      })
      const claim = (person: Person, i: number, limit: bigint) => {
        const { receipt, signature } = receipts[i]!
        const [proof, path] = [house.proof(one, person), paths[person.index - 1]]
        return house.stake.getFunction('claimInsured')(one.epoch, proof, receipt, signature, [limit << 128n], path)
      }
      await expect(claim(bob, 0, 51n)).to.be.revertedWithCustomError(house.stake, 'WrongProof')
      // Whoever is first with a receipt of less keeps nobody from claiming more.
      receipts.push(weak)
      await claim(bob, 2, 50n)
      await claim(bob, 0, 50n)
      await expect(claim(bob, 0, 50n)).to.be.revertedWithCustomError(house.stake, 'AlreadyClaimed')
      await claim(carol, 1, 20n)
      const lower = house.stake.getFunction('lower')
      await lower(bob.identity, bob.account, bob.signature)
      await expect(lower(bob.identity, bob.account, alice.signature)).to.be.revertedWithCustomError(
        house.stake,
        'WrongStatement',
      )
      const pay = (person: Person) => house.stake.getFunction('payInsured')(person.index, person.identity)
      await expect(pay(bob)).to.be.revertedWithCustomError(house.stake, 'TooEarly')
      await time.increase(2 * (WINDOW + 900))
      const before = await Promise.all([bob, carol].map(balance))
      await pay(bob)
      await house.stake.getFunction('release')(0)
      await pay(carol)
      await expect(pay(carol)).to.be.revertedWithCustomError(house.stake, 'NotClaimed')
      const after = await Promise.all([bob, carol].map(balance))
      // Bob got 60 and passed on 25; carol got 55 and was insured for 20.
      expect(after.map((money, i) => money - before[i]!)).to.deep.equal([35n, 20n])
      expect(await ethers.provider.getBalance(house.stake)).to.equal(0n)
    })
  })

  it('takes a request by the signature of its owner, for that owner and this house alone', async () => {
    const { house, alice } = await open()
    const other = await House.open()
    const owner = new SigningKey(ethers.id('alice owns'))
    const types = [
      ['signer', 'owner', 'asset', 'target'],
      ['address', 'address', 'uint8', 'uint128'],
    ] as const
    const fields = types[0].map((name, i) => ({ name, type: types[1][i]! }))
    const sign = (where: House, identity: Person['identity'], target: bigint) => {
      const { chainId, adjudicator: verifyingContract } = where.domain
      const domain = { name: 'Tallystick', version: '1', chainId, verifyingContract }
      const digest = TypedDataEncoder.hash(domain, { Request: fields }, { ...identity, asset: 0, target })
      return owner.sign(digest).serialized
    }
    const ask = (signature: string) => call(house, 'requestFor', alice.identity, 0, 50n, signature)
    const wrong = [
      sign(house, alice.identity, 51n),
      sign(other, alice.identity, 50n),
      sign(house, { ...alice.identity, owner: alice.identity.signer }, 50n),
    ]
    for (const one of wrong) await expect(ask(one)).to.be.revertedWithCustomError(house.house, 'BadSignature')
    await ask(sign(house, alice.identity, 50n))
    expect((await house.house.getFunction('standing')(alice.id, 0))[1]).to.equal(50n)
  })

  it('takes no signature of the operator for another house', async () => {
    const { house, alice, bob } = await open()
    const other = await House.open()
    house.pay(alice, bob, 60n)
    const { receipt } = house.receipt(bob)
    const one = await house.commit()
    const signature = other.sign(house.operator, receiptHash(receipt))
    const proof = evidence(bob, { receipts: [receipt], signatures: [signature] })
    await expect(judge(house, 'challengeLeaf', one.epoch, proof, BOND)).to.be.revertedWithCustomError(
      house.court,
      'BadSignature',
    )
  })

  describe('given a token by permit', () => {
    async function permitted() {
      const token = await ethers.deployContract('PermitToken', [1_000n])
      const house = await House.open([token.target as string, ethers.ZeroAddress])
      const alice = house.join('alice')
      const [holder, stranger] = await ethers.getSigners()
      const types = ['owner', 'spender'].map((name) => ({ name, type: 'address' }))
      const numbers = ['value', 'nonce', 'deadline'].map((name) => ({ name, type: 'uint256' }))
      const domain = {
        name: 'Permit',
        version: '1',
        chainId: house.domain.chainId,
        verifyingContract: token.target as string,
      }
      const terms = { owner: holder!.address, spender: house.house.target, value: 60n, nonce: 0n, deadline: 2n ** 40n }
      const signed = await holder!.signTypedData(domain, { Permit: [...types, ...numbers] }, terms)
      const { v, r, s } = Signature.from(signed)
      const { signer, owner } = alice.identity
      const deposit = (asset: number, amount: bigint, from = holder!) =>
        (house.house.connect(from) as typeof house.house).getFunction('depositWithPermit')(
          signer,
          owner,
          asset,
          amount,
          terms.deadline,
          v,
          r,
          s,
        )
      const permit = () => token.getFunction('permit')(terms.owner, terms.spender, 60n, terms.deadline, v, r, s)
      const standing = async () => (await house.house.getFunction('standing')(alice.id, 0))[0]
      return { token, house, stranger: stranger!, deposit, permit, standing }
    }

    it('takes it in one call, of the sender alone, and once', async () => {
      const { token, house, stranger, deposit, standing } = await permitted()
      await expect(deposit(0, 60n, stranger)).to.be.revertedWithCustomError(token, 'ERC20InsufficientAllowance')
      await deposit(0, 60n)
      expect(await standing()).to.equal(60n)
      expect(await token.getFunction('balanceOf')(house.house.target)).to.equal(60n)
      await expect(deposit(0, 60n)).to.be.revertedWithCustomError(token, 'ERC20InsufficientAllowance')
    })

    it('takes it also when a stranger has used the permit first, and no coins that nobody sent', async () => {
      const { house, deposit, permit, standing } = await permitted()
      await permit()
      await deposit(0, 60n)
      expect(await standing()).to.equal(60n)
      await expect(deposit(1, 1n)).to.be.revertedWithoutReason(ethers)
      await time.increase(INTERVAL + 1)
      await expect(deposit(0, 0n)).to.be.revertedWithCustomError(house.house, 'Halted')
    })
  })

  describe('with two assets', () => {
    it('keeps them apart, to the wei', async () => {
      const token = await ethers.deployContract('DemoToken', [1_000n])
      const house = await House.open([ethers.ZeroAddress, token.target as string])
      const [alice, bob] = [house.join('alice'), house.join('bob')]
      await token.getFunction('approve')(house.house.target, 1_000n)
      await house.deposit(alice, 100n)
      await house.deposit(bob, 70n, 1)
      house.pay(alice, bob, 40n)
      house.pay(bob, alice, 30n, { asset: 1 })
      await house.request(bob, 10n, 1)
      const one = await house.commit()
      await time.increase(INTERVAL + WINDOW)
      await call(house, 'collect', one.epoch, ...house.claims(one, [bob]))
      await call(house, 'exit', one.epoch, ...house.claims(one, [alice, bob]))
      const held = await Promise.all([alice, bob].map(({ identity }) => token.getFunction('balanceOf')(identity.owner)))
      expect(held).to.deep.equal([30n, 40n])
      expect(await token.getFunction('balanceOf')(house.house.target)).to.equal(0n)
      expect(await ethers.provider.getBalance(house.house)).to.equal(0n)
    })
  })

  it('never owes more than it holds, whatever its operator commits to', async function () {
    this.timeout(120_000)
    const step = fc.record({
      from: fc.nat(3),
      to: fc.nat(3),
      amount: fc.bigInt(0n, 80n),
      what: fc.constantFrom('pay', 'steal', 'lock', 'request', 'deposit', 'lie', 'reveal'),
    })
    const run = fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { minLength: 1, maxLength: 4 }), rob)
    await fc.assert(run, { numRuns: 25, seed: 20261126 })
  })
})

const LIES = ['deposited', 'credits', 'debits', 'paid', 'refunded', 'withdrawn'] as const

interface Step {
  readonly from: number
  readonly to: number
  readonly amount: bigint
  readonly what: string
}

/** An operator that commits to whatever the chain lets it, with nobody watching; then all leave, in every way there is. */
async function rob(epochs: readonly (readonly Step[])[]): Promise<void> {
  const house = await House.open()
  const people = ['alice', 'bob', 'carol', 'mallory'].map((name) => house.join(name))
  for (const person of people) await house.deposit(person, 100n)
  const key = await house.registry.getFunction('keyOf')(house.registry.target, ethers.keccak256(SECRET))
  const deadline = BigInt(await time.latest()) + 3_000n
  const locks: { from: Person; to: Person; position: number; lock: ReturnType<House['lock']>['lock_'] }[] = []
  for (const steps of epochs) {
    const lies: Step[] = []
    for (const one of steps) {
      const [from, to] = [people[one.from]!, people[one.to]!]
      if (one.what === 'pay') house.pay(from, to, one.amount)
      if (one.what === 'steal') house.pay(from, to, one.amount, { credit: false })
      if (one.what === 'deposit') await house.deposit(from, one.amount)
      if (one.what === 'request' && one.amount > from.requested[0]!) await house.request(from, one.amount)
      if (one.what === 'reveal') await house.registry.getFunction('reveal')(SECRET)
      if (one.what === 'lie') lies.push(one)
      if (one.what === 'lock') {
        const receipt = house.lock(from, to, one.amount, key, deadline)
        locks.push({ from, to, position: receipt.position, lock: receipt.lock_ })
      }
    }
    try {
      await house.commit((leaves) => {
        for (const { from, to, amount } of lies) {
          const field = LIES[(from + 2 * to) % LIES.length]!
          const leaf = leaves[from]!
          leaves[from] = { ...leaf, lines: leaf.lines.map((line) => ({ ...line, [field]: line[field] + amount })) }
        }
      })
    } catch {
      // The chain refuses it (or no such leaf can be built), so the operator has to stop here.
      break
    }
  }
  await time.increase(INTERVAL + WINDOW)
  await call(house, 'advance', 100)
  const final = Number(await house.house.getFunction('finalized')())
  const last = house.epochs[final]!
  const leave: (() => Promise<unknown>)[] = []
  for (const person of people) {
    for (const at of house.epochs.slice(1, final + 1))
      leave.push(() => call(house, 'collect', at.epoch, ...house.claims(at, [person])).catch(expectRefusal))
    if (final > 0)
      leave.push(() => call(house, 'exit', last.epoch, ...house.claims(last, [person])).catch(expectRefusal))
  }
  for (const { posting } of house.postings.slice(Number(last.epoch.cut))) {
    const person = people.find(({ id }) => id === posting.member)!
    leave.push(() => call(house, 'refund', last.epoch, posting, person.identity))
  }
  for (const one of leave.reverse()) await one()
  for (const { from, to, position, lock } of locks) {
    const tree = last.trees.get(from.id)?.statuses
    if (!tree || position >= 2 ** topOf(tree).depth) continue
    const path = tallyPath(tree, position)
    const proof = house.proof(last, from)
    // A lock that was decided by then, or that a lie leaves no room for, is refused; what is paid must be there.
    await call(house, 'exitLock', last.epoch, proof, from.identity, to.identity, position, lock, path).catch(
      expectRefusal,
    )
  }
  // What the house could not pay would wait here.
  for (const { identity } of people)
    expect(await house.house.getFunction('claimable')(ethers.ZeroAddress, identity.owner)).to.equal(0n)
}

// Leaves that nobody could have are refused to whom they are for, and to nobody else.
const expectRefusal = (error: Error) => expect(error.message).to.match(/WrongProof|AlreadyPaid|Overdrawn/)
