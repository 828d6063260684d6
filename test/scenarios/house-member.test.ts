import { expect } from 'chai'
import { receiptHash } from '../../sdk/clearing/account.ts'
import { amountOf } from '../../sdk/clearing/book.ts'
import { toBytes, toHex } from '../../sdk/core/bytes.ts'
import { typedDigest } from '../../sdk/core/eip712.ts'
import { secretKey } from '../../sdk/core/outcome.ts'
import { COIN } from '../../sdk/core/types.ts'
import { parseHouseExit } from '../../sdk/house/member/exit-file.ts'
import { exitHouse } from '../../sdk/house/member/exit-run.ts'
import type { HouseMessage, SignedReceipt } from '../../sdk/house/messages.ts'
import { sessionSigner, signDirect } from '../../sdk/signing/session.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import type { Transport } from '../../sdk/transport/transport.ts'
import { intercepted, tampering, withholding } from '../house/intercepted.ts'
import { type Citizen, Town, WINDOW } from '../house/town.ts'
import { until } from '../until.ts'

const available = ({ house }: Citizen, asset = COIN) => house.balance(asset).available

describe('members of a clearing house', () => {
  let town: Town

  beforeEach(async () => {
    town = await Town.found()
  })
  afterEach(() => town.stop())

  async function pair(): Promise<{ alice: Citizen; bob: Citizen }> {
    const [alice, bob] = await Promise.all([town.join(1), town.join(2)])
    await Promise.all([alice.house.deposit(1_000n), bob.house.deposit(500n)])
    return { alice, bob }
  }

  it('deposit, pay and are paid, and check what was committed', async () => {
    const { alice, bob } = await pair()
    await alice.house.pay(bob.house.id, 60n)
    await until(() => available(bob) === 560n)
    expect(available(alice)).to.equal(940n)
    const epoch = await town.cut(alice, bob)
    expect(alice.house.verifyEpoch(epoch)).to.deep.equal([])
    expect(bob.house.verifyEpoch(epoch)).to.deep.equal([])
    expect(bob.house.balance().unsettled).to.equal(560n)
    await town.pass(WINDOW)
    await until(() => bob.house.balance().unsettled === 0n)
  })

  it('put what is paid at once into few signatures, and are told which of many cannot be paid', async () => {
    const { alice, bob } = await pair()
    const all = await Promise.allSettled([
      ...Array.from({ length: 50 }, (_, i) => alice.house.pay(bob.house.id, BigInt(i % 2) + 1n)),
      alice.house.pay(`0x${'77'.repeat(32)}`, 1n),
      alice.house.pay(bob.house.id, 10_000n),
    ])
    const failed = all.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
    expect(failed).to.deep.equal(['REFUSED_BY_HOUSE', 'HOUSE_BALANCE'])
    await until(() => available(bob) === 575n)
    const epoch = await town.cut(alice, bob)
    expect([alice, bob].map(({ house }) => house.verifyEpoch(epoch))).to.deep.equal([[], []])
  })

  it('make each payment once while epochs are cut', async () => {
    const { alice, bob } = await pair()
    let isOver = false
    let paid = 0n
    const paying = (async () => {
      for (; !isOver && paid < 900n; paid++) await alice.house.pay(bob.house.id, 1n)
    })()
    const epochs = [await town.cut(alice, bob), await town.cut(alice, bob), await town.cut(alice, bob)]
    isOver = true
    await paying
    await until(() => available(bob) === 500n + paid)
    expect(available(alice)).to.equal(1_000n - paid)
    epochs.push(await town.cut(alice, bob))
    for (const { house } of [alice, bob])
      expect(epochs.map((epoch) => house.verifyEpoch(epoch))).to.deep.equal([[], [], [], []])
  })

  it('are paid while they are away, and see it when they come back, also over a cut', async () => {
    const { alice, bob } = await pair()
    await town.leave(bob)
    await alice.house.pay(bob.house.id, 60n)
    await town.cut(alice)
    await alice.house.pay(bob.house.id, 7n)
    const back = await town.join(2, { store: bob.store })
    await until(() => available(back) === 567n)
    await until(() => back.house.verifyEpoch(1n) !== undefined)
    expect(back.house.verifyEpoch(1n)).to.deep.equal([])
    const received = back.events.flatMap((event) => (event.kind === 'received' ? event.entries : []))
    expect(received.map((entry) => amountOf(entry).amount).sort()).to.deep.equal([60n, 7n])
    const epoch = await town.cut(alice, back)
    expect(back.house.verifyEpoch(epoch)).to.deep.equal([])
  })

  it('go on when several epochs have become final while they were away', async () => {
    const { alice, bob } = await pair()
    await bob.house.pay(alice.house.id, 60n)
    const withdrawn = alice.house.withdraw(200n)
    await until(() => available(alice) === 860n)
    await town.cut(alice, bob)
    expect(alice.house.balance().leaving).to.equal(200n)
    await town.pass(WINDOW)
    await withdrawn
    await until(() => alice.house.balance().leaving === 0n)
    await town.leave(alice)
    for (let i = 0; i < 3; i++) {
      await bob.house.pay(alice.house.id, 1n)
      await town.cut(bob)
      await town.pass(WINDOW)
    }
    const back = await town.join(1, { store: alice.store })
    await until(() => back.house.verifyEpoch(4n) !== undefined)
    expect(back.house.verifyEpoch(4n)).to.deep.equal([])
    expect(back.house.balance()).to.deep.equal({ available: 863n, live: 0n, leaving: 0n, unsettled: 0n, insured: 0n })
    await back.house.pay(bob.house.id, 863n)
    const epoch = await town.cut(back, bob)
    expect([back, bob].map(({ house }) => house.verifyEpoch(epoch))).to.deep.equal([[], []])
  })

  it('are paid what left while they were away, though several epochs have become final since, and after a restart', async () => {
    const { alice, bob } = await pair()
    const before = await town.balance(town.founded.house)
    alice.house.withdraw(200n).catch(() => {})
    await until(() => alice.house.balance().leaving === 200n)
    await town.leave(alice)
    for (let i = 0; i < 4; i++) {
      await bob.house.pay(alice.house.id, 1n)
      await town.cut(bob)
      await town.pass(WINDOW)
    }
    await town.operator.stop()
    await town.start()
    const back = await town.join(1, { store: alice.store })
    await until(() => back.events.some(({ kind }) => kind === 'withdrawn'))
    expect(await town.balance(town.founded.house)).to.equal(before - 200n)
    expect(back.house.balance()).to.include({ available: 804n, leaving: 0n })
    const kept = async () => (await Array.fromAsync(town.operatorStore.list('house/left/'))).length
    await until(async () => {
      await town.chain.mine()
      return (await kept()) === 0
    })
  })

  it('go on after they and the operator began anew', async () => {
    const { alice, bob } = await pair()
    await alice.house.pay(bob.house.id, 60n)
    await town.operator.stop()
    const waiting = alice.house.pay(bob.house.id, 5n)
    await town.start()
    await waiting
    await town.leave(alice)
    const again = await town.join(1, { store: alice.store })
    await again.house.pay(bob.house.id, 1n)
    await until(() => available(bob) === 566n)
    expect(available(again)).to.equal(934n)
    const epoch = await town.cut(again, bob)
    expect([again, bob].map(({ house }) => house.verifyEpoch(epoch))).to.deep.equal([[], []])
  })

  it('go on with what the operator shows when they have lost their memory', async () => {
    const { alice, bob } = await pair()
    await alice.house.pay(bob.house.id, 60n)
    await town.cut(alice, bob)
    await alice.house.pay(bob.house.id, 5n)
    await bob.house.pay(alice.house.id, 3n)
    await town.leave(alice)
    const again = await town.join(1)
    await until(() => available(again) === 938n)
    await again.house.pay(bob.house.id, 1n)
    const epoch = await town.cut(again, bob)
    expect([again, bob].map(({ house }) => house.verifyEpoch(epoch))).to.deep.equal([[], []])
    await bob.house.pay(again.house.id, 2n)
    const last = await town.cut(again, bob)
    expect([again, bob].map(({ house }) => house.verifyEpoch(last))).to.deep.equal([[], []])
  })

  it('are paid what they withdraw when the epoch is final', async () => {
    const { alice, bob } = await pair()
    await alice.house.pay(bob.house.id, 60n)
    let isDone = false
    const withdrawn = bob.house.withdraw(540n).then(() => {
      isDone = true
    })
    await until(() => bob.house.balance().leaving === 540n)
    await town.cut(alice, bob)
    expect(isDone).to.equal(false)
    await town.pass(WINDOW)
    await withdrawn
    expect(available(bob)).to.equal(20n)
    expect(bob.events.filter(({ kind }) => kind === 'withdrawn')).to.have.length(1)
  })

  it('lock payments, which are taken with the secret or come back', async () => {
    const { alice, bob } = await pair()
    const secret = toHex(new Uint8Array(32).fill(42))
    const registry = { chainId: 31_337n, condition: town.chain.registry }
    const key = secretKey(registry, toBytes(secret))
    const { timestamp } = (await town.chain.provider.getBlock('latest'))!
    const deadline = BigInt(timestamp) + 5_000n
    const locks = [
      await alice.house.lock(bob.house.id, 40n, { key, deadline }),
      await alice.house.lock(bob.house.id, 30n, { key: secretKey(registry, new Uint8Array(32).fill(1)), deadline }),
    ]
    await until(() => bob.house.locks().length === 2)
    expect(alice.house.balance()).to.deep.include({ available: 930n, live: 70n })
    await town.cut(alice, bob)
    await bob.house.release(bob.house.locks().find(({ id }) => id === locks[0]!.id)!, { secret })
    await bob.house.release(bob.house.locks().find(({ id }) => id === locks[1]!.id)!)
    await until(() => alice.house.balance().live === 40n)
    const epoch = await town.cut(alice, bob)
    expect([alice, bob].map(({ house }) => house.verifyEpoch(epoch))).to.deep.equal([[], []])
    expect(available(bob)).to.equal(540n)
    await alice.house.pay(bob.house.id, 1n)
    expect(alice.house.balance()).to.deep.include({ available: 959n, live: 0n })
    const last = await town.cut(alice, bob)
    expect([alice, bob].map(({ house }) => house.verifyEpoch(last))).to.deep.equal([[], []])
  })

  const SECRET = toHex(new Uint8Array(32).fill(7))
  const registry = () => ({ chainId: 31_337n, condition: town.chain.registry })

  /** Alice locks for bob, under a key whose secret is bob's. */
  async function locked(alice: Citizen, bob: Citizen, shown?: (secret: string) => Promise<void>) {
    const { timestamp } = (await town.chain.provider.getBlock('latest'))!
    const key = secretKey(registry(), toBytes(SECRET))
    await alice.house.lock(bob.house.id, 40n, { key, deadline: BigInt(timestamp) + 50_000n, ...(shown && { shown }) })
    await until(() => bob.house.locks().length === 1)
    const recorded = async (by = bob) => (await by.chain.outcomes([key]))[0]!.recordedAt > 0n
    return { lock: bob.house.locks()[0]!, recorded }
  }

  it('pay a lock to who shows the secret, without a transaction, and each of them leaves with it', async () => {
    const { alice, bob } = await pair()
    const seen: string[] = []
    const { lock, recorded } = await locked(alice, bob, async (secret) => void seen.push(secret))
    await town.cut(alice, bob)
    await bob.house.release(lock, { secret: SECRET })
    expect(seen).to.deep.equal([SECRET])
    expect(available(bob)).to.equal(540n)
    await until(() => alice.house.balance().live === 0n)
    expect(available(alice)).to.equal(960n)
    expect(await recorded()).to.equal(false)
    const epoch = await town.cut(alice, bob)
    expect([alice, bob].map(({ house }) => house.verifyEpoch(epoch))).to.deep.equal([[], []])
    // The operator answers for the lock that is gone.
    await bob.house.dispute(epoch, { lock })
    await until(async () => (await bob.chain.openDemands(epoch)).length === 0)
    await alice.house.pay(bob.house.id, 1n)
    const last = await town.cut(alice, bob)
    expect([alice, bob].map(({ house }) => house.verifyEpoch(last))).to.deep.equal([[], []])
  })

  it('take a lock by the registry if the payer does not pay it, or is away', async () => {
    const { alice, bob } = await pair()
    const { lock, recorded } = await locked(alice, bob)
    await bob.house.release(lock, { secret: SECRET })
    expect(await recorded()).to.equal(true)
    await town.pass(2n)
    await town.cut(alice, bob)
    expect(available(bob)).to.equal(540n)
  })

  it('put a secret that was shown on the chain when they come back and were not paid', async () => {
    const { alice, bob } = await pair()
    const shown = Promise.withResolvers<void>()
    const { lock, recorded } = await locked(alice, bob, async () => {
      shown.resolve()
      await new Promise(() => {})
    })
    void bob.house.release(lock, { secret: SECRET }).catch(() => {})
    await shown.promise
    await town.leave(bob)
    const again = await town.join(2, { store: bob.store })
    await until(async () => {
      await town.chain.mine()
      return recorded(again)
    })
    await town.pass(2n)
    await town.cut(alice, again)
    expect(available(again)).to.equal(540n)
  })

  it('take the lock from the last final epoch if the house halts before the payment in its place is final', async () => {
    const { alice, bob } = await pair()
    const { lock, recorded } = await locked(alice, bob, async () => {})
    await town.cut(alice, bob)
    await town.pass(WINDOW)
    await bob.house.release(lock, { secret: SECRET })
    expect(await recorded()).to.equal(false)
    await town.halt()
    await town.pass(49_000n - WINDOW)
    await until(async () => {
      await town.chain.mine()
      return bob.chain.outcomes([lock.key]).then(([one]) => one!.recordedAt > 0n)
    })
  })

  it('make a payment once although the connection is lost before it is answered, and sign no number twice', async () => {
    const signed: bigint[] = []
    let losses = 0
    const unsteady = (transport: Transport): Transport => ({
      ...transport,
      async dial(...args) {
        const connection = await transport.dial(...args)
        const hear = (said: HouseMessage) => {
          if (said.kind !== 'acted' || losses++ % 2 === 1) return [said]
          // Taken, and nobody hears of it.
          connection.close()
          return []
        }
        return intercepted(connection, hear, (said) => void (said.kind === 'act' && signed.push(said.seq)))
      },
    })
    const [alice, bob] = await Promise.all([town.join(1, { through: unsteady }), town.join(2)])
    await Promise.all([alice.house.deposit(1_000n), bob.house.deposit(500n)])
    for (let i = 0; i < 4; i++) await alice.house.pay(bob.house.id, 10n)
    await until(() => available(bob) === 540n)
    expect(available(alice)).to.equal(960n)
    expect(losses).to.be.greaterThan(1)
    expect(new Set(signed).size).to.equal(signed.length)
    const epoch = await town.cut(alice, bob)
    expect([alice, bob].map(({ house }) => house.verifyEpoch(epoch))).to.deep.equal([[], []])
  })

  it('can have an operator show the credit of a payment', async () => {
    const { alice, bob } = await pair()
    const payment = await alice.house.pay(bob.house.id, 60n)
    const epoch = await town.cut(alice, bob)
    await alice.house.dispute(epoch, { payment })
    expect(alice.events.filter(({ kind }) => kind === 'disputed')).to.have.length(1)
    await until(async () => (await alice.chain.openDemands(epoch)).length === 0)
    await town.pass(WINDOW)
    await until(() => alice.events.some(({ kind }) => kind === 'final'))
  })

  it('can have an operator show what has become of locks, on both sides', async () => {
    const { alice, bob } = await pair()
    const secret = toHex(new Uint8Array(32).fill(42))
    const key = secretKey({ chainId: 31_337n, condition: town.chain.registry }, toBytes(secret))
    const { timestamp } = (await town.chain.provider.getBlock('latest'))!
    const lock = await alice.house.lock(bob.house.id, 40n, { key, deadline: BigInt(timestamp) + 50_000n })
    await until(() => bob.house.locks().length === 1)
    const held = bob.house.locks()[0]!
    const first = await town.cut(alice, bob)
    await alice.house.dispute(first, { lock })
    await bob.house.dispute(first, { lock: held })
    await bob.house.release(held, { secret })
    const second = await town.cut(alice, bob)
    await bob.house.dispute(second, { lock: held })
    const disputed = [alice, bob].map(({ events }) => events.filter(({ kind }) => kind === 'disputed').length)
    expect(disputed).to.deep.equal([1, 2])
    for (const epoch of [first, second]) await until(async () => (await alice.chain.openDemands(epoch)).length === 0)
    await town.pass(WINDOW)
    await until(() => alice.events.some((event) => event.kind === 'final' && event.number === second))
  })

  it('convict an operator that signs two receipts of one number', async () => {
    const { privateKey } = town.chain.wallet(0)
    const operator = sessionSigner(toBytes(privateKey))
    let first: SignedReceipt | undefined
    const twice = (said: HouseMessage): HouseMessage[] => {
      if (said.kind !== 'credited' || !first) {
        if (said.kind === 'credited') first = said.receipt
        return [said]
      }
      const receipt = { ...said.receipt.receipt, seq: first.receipt.seq }
      const domain = { chainId: 31_337n, adjudicator: town.founded.house }
      const signature = signDirect(operator, typedDigest(domain, receiptHash(receipt)))
      return [{ ...said, receipt: { receipt, signature } }]
    }
    const through = (transport: Transport): Transport => ({
      ...transport,
      dial: async (...args) => intercepted(await transport.dial(...args), twice),
    })
    const [alice, bob] = await Promise.all([town.join(1), town.join(2, { through })])
    await Promise.all([alice.house.deposit(1_000n), bob.house.deposit(500n)])
    await alice.house.pay(bob.house.id, 60n)
    await until(() => first !== undefined)
    await alice.house.pay(bob.house.id, 1n)
    await until(() => alice.events.some(({ kind }) => kind === 'halted'))
    expect(await alice.house.pay(bob.house.id, 1n).catch(({ code }) => code)).to.equal('HOUSE_HALTED')
    expect(bob.events.some(({ kind }) => kind === 'fault')).to.equal(true)
  })

  it('exchange two assets, both or neither', async () => {
    const { alice, bob } = await pair()
    await alice.house.deposit(900n, { asset: town.token })
    const legs = [
      { from: alice.house.id, to: bob.house.id, asset: 1, amount: 300n },
      { from: bob.house.id, to: alice.house.id, asset: 0, amount: 20n },
    ]
    expect(await alice.house.offer(legs, { seconds: 1 })).to.equal(false)
    bob.house.onProposed((some) => some.every(({ from, amount }) => from !== bob.house.id || amount <= 20n))
    expect(await alice.house.offer(legs, { seconds: 5 })).to.equal(true)
    await until(() => available(bob, town.token) === 300n && available(alice) === 1_020n)
    const epoch = await town.cut(alice, bob)
    expect([alice, bob].map(({ house }) => house.verifyEpoch(epoch))).to.deep.equal([[], []])
  })

  for (const [how, through, rule] of [
    ['withholds a leaf', withholding, 'path'],
    ['shows a leaf that is not the one committed', tampering, 'credits'],
  ] as const)
    it(`challenge an operator that ${how}, and all leave with what the epoch before gave them`, async () => {
      const [alice, bob] = await Promise.all([town.join(1), town.join(2, { through })])
      await Promise.all([alice.house.deposit(1_000n), bob.house.deposit(500n)])
      await alice.house.pay(bob.house.id, 60n)
      await town.cut(alice)
      await town.halt()
      await town.pass(WINDOW / 2n)
      await until(() => bob.events.some(({ kind }) => kind === 'disputed'))
      const faults = bob.events.flatMap((event) => (event.kind === 'fault' ? event.findings : []))
      expect(faults.map((one) => one.rule)).to.include(rule)
      expect(await bob.house.pay(alice.house.id, 1n).catch(({ code }) => code)).to.equal('HOUSE_FAULT')
      await town.pass(3_000n)
      for (const { house } of [alice, bob]) await house.exit({ pollMs: 20 })
      expect(await town.balance(town.founded.house)).to.equal(0n)
      expect(await town.balance(town.founded.court)).to.equal(0n)
    })

  it('are answered by an operator that is there, and the house goes on', async () => {
    const [alice, bob] = await Promise.all([town.join(1), town.join(2, { through: withholding })])
    await Promise.all([alice.house.deposit(1_000n), bob.house.deposit(500n)])
    await alice.house.pay(bob.house.id, 60n)
    const epoch = await town.cut(alice)
    await town.pass(WINDOW / 2n)
    await until(() => bob.events.some(({ kind }) => kind === 'disputed'))
    await until(async () => (await alice.chain.openDemands(epoch)).length === 0)
    await town.pass(WINDOW)
    await until(() => alice.events.some(({ kind }) => kind === 'final'))
    await alice.house.pay(bob.house.id, 1n)
  })

  it('take what is locked for them out of a house that has halted, though the payer is away', async () => {
    const { alice, bob } = await pair()
    const { lock } = await locked(alice, bob)
    const epoch = await town.cut(alice, bob)
    await town.pass(WINDOW)
    await until(() => bob.house.final === epoch)
    await until(() => parseHouseExit(bob.house.exitFile()).incoming.length === 1)
    await town.operator.stop()
    await bob.house.release(lock, { secret: SECRET })
    const file = bob.house.exitFile()
    await town.leave(alice)
    await town.leave(bob)
    await town.pass(200_000n)
    const before = await town.balance(bob.owner)
    const chain = await town.connect(5, memoryStore())
    await chain.start()
    // Again, for it may have been stopped.
    for (const one of [file, file]) await exitHouse(one, chain, { pollMs: 20 })
    await chain.stop()
    expect((await town.balance(bob.owner)) - before).to.equal(540n)
  })

  it('leave a house whose operator is gone, by their files alone, to the wei', async () => {
    const { alice, bob } = await pair()
    await alice.house.pay(bob.house.id, 60n)
    await town.cut(alice, bob)
    const key = `0x${'77'.repeat(32)}` as const
    const { timestamp } = (await town.chain.provider.getBlock('latest'))!
    const payee = { signer: sessionSigner(new Uint8Array(32).fill(2)).address, owner: bob.owner }
    await alice.house.lock(payee, 40n, { key, deadline: BigInt(timestamp) + 50_000n })
    await town.cut(alice, bob)
    await town.pass(WINDOW)
    await until(() => alice.house.balance().unsettled === 0n)
    await alice.house.deposit(7n)
    await town.operator.stop()
    const files = [alice, bob].map(({ house }) => house.exitFile())
    await town.leave(alice)
    await town.leave(bob)
    await town.pass(200_000n)
    const before = await Promise.all([alice, bob].map(({ owner }) => town.balance(owner)))
    const chain = await town.connect(5, memoryStore())
    await chain.start()
    for (const file of files) await exitHouse(file, chain, { pollMs: 20 })
    await chain.stop()
    const after = await Promise.all([alice, bob].map(({ owner }) => town.balance(owner)))
    expect(after.map((amount, i) => amount - before[i]!)).to.deep.equal([947n, 560n])
    expect(await town.balance(town.founded.house)).to.equal(0n)
  })
})
