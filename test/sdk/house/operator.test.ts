import { expect } from 'chai'
import { accountHash, lockHash, paymentHash, receiptHash } from '../../../sdk/clearing/account.ts'
import { balanceOf, leafRow } from '../../../sdk/clearing/epoch.ts'
import { climbTally } from '../../../sdk/clearing/tally.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { typedDigest } from '../../../sdk/core/eip712.ts'
import { outcomeKey } from '../../../sdk/core/outcome.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Hex } from '../../../sdk/core/types.ts'
import { signDirect } from '../../../sdk/signing/session.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { memorySeal } from '../../../sdk/storage/seal.ts'
import { until } from '../../until.ts'
import { RawMember } from './raw-member.ts'
import { signer, Town, WHOLE } from './small-town.ts'

describe('the operator of a house', () => {
  let town: Town

  beforeEach(async () => {
    town = await new Town().open()
  })

  afterEach(async () => {
    await town.house.stop()
    expect(town.alarms).to.deep.equal([])
  })

  it('countersigns a payment and credits the payee in the same turn', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    expect(await alice.pay(bob, 7n)).to.include({ kind: 'acted' })
    const { entries, receipt } = await bob.heard('credited')
    expect(entries).to.have.length(1)
    expect(receipt.receipt.credits).to.deep.equal([7n])
    expect(await bob.pay(alice, WHOLE + 7n)).to.include({ kind: 'acted' })
    expect(await bob.pay(alice, 1n)).to.include({ kind: 'refused', code: 'BALANCE_TOO_LOW' })
  })

  it('refuses what is not signed, numbered, addressed or labelled rightly', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    const acts = [{ kind: 'pay', to: bob.id, asset: 0, amount: 1n, group: `0x${'00'.repeat(32)}`, leg: 0 }] as const
    const { message } = alice.sign(acts)
    const refused = async (change: object, code: string) =>
      expect(await alice.ask({ kind: 'act', ...message, ...change })).to.include({ kind: 'refused', code })
    await refused({ signature: bob.sign(acts).message.signature }, 'BAD_SIGNATURE')
    await refused({ epoch: 2n }, 'EPOCH_CLOSED')
    await refused({ acts: [{ ...acts[0], to: toHex(new Uint8Array(32).fill(5)) }] }, 'PAYEE_UNKNOWN')
    await refused({ acts: [{ ...acts[0], asset: 3 }] }, 'ACT_REFUSED')
    await refused({ acts: [{ ...acts[0], to: alice.id }] }, 'ACT_REFUSED')
    expect(await alice.pay(bob, 1n)).to.include({ kind: 'acted' })
    await refused({}, 'SEQ_STALE')
  })

  it('credits a payee that is away, and tells it when it comes', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2, 0n)]
    bob.close()
    await alice.pay(bob, 3n)
    const answer = await town.join(bob)
    expect(answer.kind === 'seated' && answer.seat.entries).to.have.length(1)
    expect(bob.receipt?.receipt.credits).to.deep.equal([3n])
  })

  it('commits to leaves that prove what everybody has', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    await alice.pay(bob, 5n)
    await town.chain.post(alice.identity, 0n, 100n)
    await town.cut(alice, bob)
    const [epoch] = town.chain.epochs
    for (const [member, balance] of [
      [alice, WHOLE - 105n],
      [bob, WHOLE + 5n],
    ] as const) {
      const { proof } = await member.heard('proven')
      expect(balanceOf(proof.leaf.lines[0]!)).to.equal(balance)
      expect(climbTally(leafRow(proof.leaf), proof.index, proof.path)).to.deep.equal(epoch!.members)
    }
    expect(epoch!.left).to.deep.equal([100n])
    expect(await alice.pay(bob, 1n)).to.include({ kind: 'acted' })
    await town.cut(alice, bob)
    const { proof } = await alice.heard('proven')
    expect(proof.leaf.lines[0]).to.include({ leaving: 0n, withdrawn: 100n, debits: 6n })
    expect(town.chain.epochs[1]!.left).to.deep.equal([100n])
  })

  it('decides locks by the registry, credits what they paid, and lets the payer fold them', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    const key = outcomeKey({ chainId: 1n, condition: alice.identity.owner }, new Uint8Array(32))
    expect(await alice.lock({ to: bob.id, amount: 1_000n, key, deadline: 5_000n })).to.include({ kind: 'acted' })
    await bob.heard('locked')
    expect(await alice.act({ kind: 'fold', position: 0, paid: 250n })).to.include({ code: 'ACT_REFUSED' })
    town.chain.recorded.set(key, { value: WHOLE / 4n, recordedAt: town.chain.time })
    await town.cut(alice, bob)
    const { entries, receipt } = await bob.heard('credited')
    expect(entries[0]).to.include({ kind: 'lock', paid: 250n })
    expect(receipt.receipt).to.deep.include({ epoch: 1n, credits: [250n] })
    expect(await alice.act({ kind: 'fold', position: 0, paid: 251n })).to.include({ code: 'ACT_REFUSED' })
    expect(await alice.act({ kind: 'fold', position: 0, paid: 250n })).to.include({ kind: 'acted' })
    expect(await alice.pay(bob, WHOLE - 250n)).to.include({ kind: 'acted' })
  })

  it('lets nobody drop a lock that a cut has paid out, even if its payee releases it', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    const key = outcomeKey({ chainId: 1n, condition: alice.identity.owner }, new Uint8Array(32))
    await alice.lock({ to: bob.id, amount: 1_000n, key, deadline: 5_000n })
    const { lock } = await bob.heard('locked')
    town.chain.recorded.set(key, { value: WHOLE, recordedAt: town.chain.time })
    await town.cut(alice, bob)
    await bob.release(alice.id, 0, toHex(lockHash(lock.lock)))
    expect(await alice.act({ kind: 'drop', position: 0 })).to.include({ code: 'ACT_REFUSED' })
    expect(await alice.act({ kind: 'fold', position: 0, paid: 1_000n })).to.include({ kind: 'acted' })
  })

  it('cuts an epoch though somebody locks under a new key with each question to the registry', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    const lock = (n: number) =>
      alice.lock({ to: bob.id, amount: 1n, key: toHex(new Uint8Array(32).fill(n)), deadline: 5_000n })
    const outcomes = town.chain.outcomes.bind(town.chain)
    const answers: string[] = []
    await lock(10)
    town.chain.outcomes = async (keys) => {
      answers.push((await lock(11 + answers.length)).kind)
      return outcomes(keys)
    }
    await town.cut(alice, bob)
    expect(answers).to.deep.equal(['acted', 'refused'])
    expect(await lock(99)).to.include({ kind: 'acted' })
  })

  it('lets a payer drop a lock only when its payee has released it', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    await alice.lock({ to: bob.id, amount: 10n, key: toHex(new Uint8Array(32).fill(3)), deadline: 5_000n })
    expect(await alice.act({ kind: 'drop', position: 0 })).to.include({ code: 'ACT_REFUSED' })
    const { lock } = await bob.heard('locked')
    expect(await bob.release(alice.id, 0, toHex(lockHash(lock.lock)))).to.include({ kind: 'done' })
    await alice.heard('released')
    expect(await alice.act({ kind: 'drop', position: 0 })).to.include({ kind: 'acted' })
    expect(await bob.release(alice.id, 0, toHex(lockHash(lock.lock)))).to.include({ code: 'NOT_HELD' })
  })

  it('lets a group of payments happen together, also one that nobody could begin alone', async () => {
    const [alice, bob] = [await town.member(1, 1n), await town.member(2, 1n)]
    const legs = [
      { from: alice.id, to: bob.id, asset: 0, amount: 500n },
      { from: bob.id, to: alice.id, asset: 0, amount: 500n },
    ]
    expect(await alice.ask({ kind: 'offer', legs, seconds: 10 })).to.include({ kind: 'done' })
    const { group } = await bob.heard('proposed')
    const first = alice.pay(bob, 500n, group, 0)
    expect(await alice.ask({ kind: 'act', ...alice.sign([], 9n).message })).to.include({ code: 'SLOW_DOWN' })
    expect(await bob.pay(alice, 500n, group, 1)).to.include({ kind: 'acted' })
    expect(await first).to.include({ kind: 'acted' })
    expect(await alice.heard('ended')).to.include({ group, isDone: true })
  })

  it('ends a group that is not signed in time; its members go on with the next number', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    const legs = [
      { from: alice.id, to: bob.id, asset: 0, amount: 5n },
      { from: bob.id, to: alice.id, asset: 0, amount: 5n },
    ]
    await alice.ask({ kind: 'offer', legs, seconds: 1 })
    const { group } = await alice.heard('proposed')
    const waiting = alice.pay(bob, 5n, group, 0)
    await alice.ask({ kind: 'ask', epoch: 9n })
    town.now += 1_001
    expect(await waiting).to.include({ kind: 'refused', code: 'GROUP_ENDED' })
    expect(await alice.pay(bob, 5n)).to.include({ kind: 'acted' })
    expect(await bob.pay(alice, 5n, group, 1)).to.include({ code: 'GROUP_ENDED' })
  })

  it('forgets a group that waits when it is stopped: nothing of it has happened', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    const legs = [
      { from: alice.id, to: bob.id, asset: 0, amount: 5n },
      { from: bob.id, to: alice.id, asset: 0, amount: 5n },
    ]
    await alice.ask({ kind: 'offer', legs, seconds: 30 })
    const { group } = await alice.heard('proposed')
    const waiting = alice.pay(bob, 5n, group, 0)
    await alice.ask({ kind: 'ask', epoch: 9n })
    await town.house.stop()
    expect(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 20, 'nothing'))])).to.equal(
      'nothing',
    )
    await town.open()
    await town.join(alice)
    expect(await alice.pay(bob, 5n), 'nothing of it has happened').to.include({ kind: 'acted' })
  })

  it('goes on from its store, with the same books and the same words', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    await alice.pay(bob, 5n)
    await town.cut(alice, bob)
    await alice.pay(bob, 6n)
    await bob.heard('credited', ({ receipt }) => receipt.receipt.credits[0] === 11n)
    const before = bob.receipt
    await town.house.stop()
    await town.open()
    const answer = await town.join(bob)
    if (answer.kind !== 'seated') throw new Error('not seated')
    expect(answer.seat.receipt).to.deep.equal(before)
    expect(answer.settings).to.include({ open: 2n, committed: 1n })
    const seated = await town.join(alice)
    expect(seated.kind === 'seated' && seated.seat.countersignature).to.deep.equal(alice.account!.signature)
    expect(await alice.pay(bob, 1n)).to.include({ kind: 'acted' })
    await town.cut(alice, bob)
    expect(town.chain.epochs).to.have.length(2)
  })

  it('stops for good when a member shows what it has signed and does not know, and for nothing less', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    await alice.pay(bob, 5n)
    const { account, signature } = alice.account!
    const lie = { account: { ...account, seq: 9n }, signature }
    alice.account = lie
    expect(await town.join(alice)).to.include({ kind: 'seated' })
    const digest = typedDigest(town.chain.domain, accountHash(lie.account))
    alice.account = { ...lie, signature: signDirect(signer, digest) }
    expect(await town.join(alice)).to.include({ kind: 'refused', code: 'UNAVAILABLE' })
    expect(await bob.pay(alice, 1n)).to.include({ kind: 'refused', code: 'UNAVAILABLE' })
    expect(town.alarms.splice(0)).to.have.length(1)
    town.events.length = 0
  })

  const forks = {
    'an account of the same number': (alice: RawMember) => {
      const account = { ...alice.account!.account, debits: [4n] }
      alice.account = { account, signature: alice.countersign(signer, accountHash(account)) }
    },
    'an older account of more debits': (alice: RawMember) => {
      const account = { ...alice.account!.account, seq: 1n, debits: [WHOLE] }
      alice.account = { account, signature: alice.countersign(signer, accountHash(account)) }
    },
    'a receipt of the same number': (alice: RawMember) => {
      const receipt = { ...alice.receipt!.receipt, credits: [1n] }
      alice.receipt = { receipt, signature: alice.countersign(signer, receiptHash(receipt)) }
    },
    'a receipt of another index': (alice: RawMember) => {
      const receipt = { ...alice.receipt!.receipt, index: 7, seq: 1n }
      alice.receipt = { receipt, signature: alice.countersign(signer, receiptHash(receipt)) }
    },
  }
  for (const [what, fork] of Object.entries(forks))
    it(`stops for good when its memory went another way: ${what}`, async () => {
      const [alice, bob] = [await town.member(1), await town.member(2)]
      await alice.pay(bob, 5n)
      await alice.pay(bob, 5n)
      expect(await town.join(alice)).to.include({ kind: 'seated' })
      fork(alice)
      expect(await town.join(alice)).to.include({ kind: 'refused', code: 'UNAVAILABLE' })
      expect(town.alarms[0]).to.have.nested.property('error.code', 'HOUSE_MEMORY_LOST')
      town.events.length = 0
    })

  it('refuses to start where the chain has another epoch of the same number', async () => {
    const alice = await town.member(1)
    await town.cut(alice)
    await town.house.stop()
    const own = town.chain.epochs[0]!
    town.chain.epochs[0] = { ...own, left: [1n] }
    expect(await town.open().catch((reason) => reason)).to.include({ code: 'STORE_IS_OLD' })
    town.chain.epochs[0] = own
    town.events.length = 0
    await town.open()
  })

  it('stops when a posting does not follow those of its store', async () => {
    await town.member(1)
    town.chain.fork()
    await town.chain.post(new RawMember(2, town.chain.domain, signer.address).identity, 5n).catch(() => {})
    expect(town.alarms[0]).to.have.nested.property('error.code', 'STORE_IS_OLD')
    town.events.length = 0
  })

  it('refuses to start where the chain has epochs that its store has not', async () => {
    const alice = await town.member(1)
    await town.cut(alice)
    await town.house.stop()
    const error = await town.open({ store: memoryStore(), seal: memorySeal() }).catch((reason) => reason)
    expect(error).to.include({ code: 'STORE_IS_OLD' })
    town.events.length = 0
    await town.open()
  })

  it('keeps what left and was not paid, however many epochs are final since, and shows it to who comes back', async () => {
    const alice = await town.member(1)
    const bob = await town.member(2)
    await town.chain.post(alice.identity, 0n, 100n)
    alice.close()
    for (let i = 0; i < 4; i++) {
      await town.cut(bob)
      town.chain.final = BigInt(town.chain.epochs.length)
    }
    await town.house.stop()
    town.now = 1_000 * Number(town.chain.time)
    await town.open()
    await town.join(alice)
    const { proof } = await alice.heard('proven')
    expect(proof.epoch).to.equal(1n)
    expect(proof.leaf.lines[0]!.leaving).to.equal(100n)
    const top = climbTally(leafRow(proof.leaf), proof.index, proof.path)
    expect(top).to.deep.equal(town.chain.epochs[0]!.members)
    const block = { number: 1, hash: ZERO_HASH, timestamp: 1n }
    const place = { block, logIndex: 0, transaction: ZERO_HASH }
    await town.chain.tell({ kind: 'collected', ...place, epoch: 1n, indices: [proof.index] })
    expect(await alice.ask({ kind: 'ask', epoch: 1n })).to.include({ kind: 'refused', code: 'NOT_HELD' })
  })

  it('signs nothing after the house has halted, and shows proofs', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    await town.cut(alice, bob)
    town.chain.isRunning = false
    await town.chain.mine()
    expect(await alice.pay(bob, 1n)).to.include({ kind: 'refused', code: 'UNAVAILABLE' })
    expect(await alice.ask({ kind: 'ask', epoch: 1n })).to.include({ kind: 'proven' })
    expect(await alice.ask({ kind: 'ask', epoch: 2n })).to.include({ code: 'NOT_HELD' })
  })

  it('lets a member do only so much a second', async () => {
    await town.house.stop()
    await town.open({ perSecond: 3 })
    const alice = await town.member(1)
    const answers = [1, 2, 3].map(() => alice.ask({ kind: 'ask', epoch: 9n }))
    const codes = (await Promise.all(answers)).map((answer) => answer.kind === 'refused' && answer.code)
    expect(codes).to.deep.equal(['NOT_HELD', 'NOT_HELD', 'SLOW_DOWN'])
  })

  it('takes members without a deposit up to a limit', async () => {
    await town.house.stop()
    await town.open({ unfunded: 1 })
    await town.member(1, 0n)
    const bob = new RawMember(2, town.chain.domain, signer.address)
    expect(await town.join(bob)).to.include({ kind: 'refused', code: 'NOT_A_MEMBER' })
    await town.chain.post(bob.identity, 1n)
    expect(await town.join(bob)).to.include({ kind: 'seated' })
  })

  it('answers a demand for a leaf', async () => {
    const [alice, bob] = [await town.member(1), await town.member(2)]
    await alice.pay(bob, 5n)
    await town.cut(alice, bob)
    const demand = {
      about: 'leaf',
      epoch: 1n,
      member: bob.id,
      index: 0,
      since: 0n,
      seq: 0n,
      credits: [5n],
      deposited: [0n],
      requested: [0n],
    } as const
    await town.chain.demand({ id: `0x${'11'.repeat(32)}`, demand })
    await until(() => town.chain.answers.length === 1)
    const [answer] = town.chain.answers
    expect(answer).to.include({ kind: 'leaf', demand })
  })
})

describe('releases of locks', () => {
  let town: Town
  let alice: RawMember
  let bob: RawMember
  let entry: Hex

  /** Bob wants a payment in place of a lock of alice, and gets it in the first epoch. */
  beforeEach(async () => {
    town = await new Town().open()
    ;[alice, bob] = [await town.member(1), await town.member(2)]
    await alice.lock({ to: bob.id, amount: 10n, key: toHex(new Uint8Array(32).fill(3)), deadline: 9_000n })
    entry = toHex(lockHash((await bob.heard('locked')).lock.lock))
    const pay = { kind: 'pay', to: bob.id, asset: 0, amount: 10n, group: ZERO_HASH, leg: 0 } as const
    const wanted = { ...pay, from: alice.id, epoch: 1n, position: 0 }
    await bob.release(alice.id, 0, entry, toHex(paymentHash(wanted)))
    expect(await alice.act(pay, { kind: 'drop', position: 0 })).to.include({ kind: 'acted' })
  })

  afterEach(async () => {
    await town.house.stop()
    expect(town.alarms).to.deep.equal([])
  })

  /** Some epochs become final, each a moment after the last. */
  async function pass(epochs: number): Promise<void> {
    for (let i = 0; i < epochs; i++) {
      town.chain.time += 1_000n
      await town.cut(alice, bob)
      town.chain.final = BigInt(town.chain.epochs.length)
      await town.chain.mine()
    }
  }

  async function kept(): Promise<number> {
    let count = 0
    for await (const _ of town.store.list('house/release/')) count++
    return count
  }

  it('still answer when the epoch of their payment is long forgotten, also after a restart', async () => {
    await pass(5)
    await town.house.stop()
    await town.open()
    const lock = { from: alice.id, to: bob.id, isLock: true, position: 0, entry, leg: 0, fromIndex: 1, toIndex: 0 }
    const demand = { about: 'status', epoch: 5n, proven: true, ...lock } as const
    await town.chain.demand({ id: `0x${'11'.repeat(32)}`, demand })
    await until(() => town.chain.answers.length + town.alarms.length > 0)
    expect(town.chain.answers[0]).to.have.nested.property('release.paid.payment.amount', 10n)
    expect(town.chain.answers[0]).to.have.nested.property('release.paid.epoch.number', 1n)
  })

  it('are kept while the lock can be asked about, and not longer', async () => {
    await pass(3)
    expect(await kept()).to.equal(1)
    town.chain.time = 9_001n
    await pass(4)
    await until(async () => (await kept()) === 0)
  })
})
