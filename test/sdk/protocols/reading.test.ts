import { expect } from 'chai'
import fc from 'fast-check'
import { applyOperations, decodeOperations, encodeOperations } from '../../../sdk/protocols/operations.ts'
import { packAmounts } from '../../../sdk/protocols/payments.ts'
import { NOTHING_LOCKED } from '../../../sdk/protocols/pending.ts'
import { facts, link, pair, type Side, settlePayment } from './sides.ts'

fc.configureGlobal({ seed: 42 })

describe('the reader of a lane', () => {
  let alice: Side
  let bob: Side
  beforeEach(() => {
    ;[alice, bob] = pair()
  })

  it('records what it read, tells of it, and signs only when asked to', () => {
    bob.hear(alice.pay(5n, 6n).updates)
    expect(bob.effects.map(({ kind }) => kind)).to.deep.equal(['record', 'notify'])
    expect(bob.news[0]).to.deep.include({ kind: 'received', version: 1n })
    expect(bob.ledger.peer.acked.version).to.equal(0n)
    bob.feed({ kind: 'acknowledge' })
    expect(bob.ledger.peer.acked).to.equal(bob.ledger.peer.newest)
    expect(bob.feed({ kind: 'acknowledge' }).effects).to.deep.equal([])
  })

  it('checks the newest signature alone, and stores only that', () => {
    const [first, second] = [alice.pay(1n).updates, alice.pay(2n).updates]
    const broken = { ...first.updates[0]!, signature: new Uint8Array(64) }
    bob.hear({ ...second, updates: [broken, ...second.updates] })
    expect(bob.ledger.peer.newest).to.deep.include({ version: 2n, credits: [-3n, 3n] })
    const signatures = bob.effects.flatMap((effect) => (effect.kind === 'record' ? [effect.signature] : []))
    expect(signatures).to.deep.equal([undefined, alice.ledger.own.signature])
  })

  it('refuses a signature of somebody else, and forgets nothing that it had', () => {
    settlePayment(alice, bob, 1n)
    const before = bob.ledger
    const { updates, ...rest } = alice.pay(2n).updates
    const forged = { ...updates[0]!, signature: bob.sign(alice.ledger.own.newest) }
    expect(bob.hear({ ...rest, updates: [forged] }).violation).to.have.property('code', 'PEER_VIOLATION')
    expect(bob.ledger).to.equal(before)
  })

  it('refuses operations that are not what was signed', () => {
    const { updates, ...rest } = alice.pay(2n).updates
    const operations = encodeOperations([{ kind: 'pay', batch: packAmounts([3n], new Uint8Array(16)) }])
    expect(bob.hear({ ...rest, updates: [{ ...updates[0]!, operations }] }).violation).to.not.equal(undefined)
  })

  it('S13 has no operation that takes: every update lowers the balance of the lane’s writer', () => {
    const amounts = fc.array(fc.bigInt({ min: 1n, max: 1n << 90n }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(amounts, fc.constantFrom(0, 1), (list, lane) => {
        const state = { ...alice.ledger.own.newest, lane }
        const operations = decodeOperations(
          encodeOperations([{ kind: 'pay', batch: packAmounts(list, new Uint8Array(16)) }]),
        )
        const { state: next } = applyOperations({ state, pending: NOTHING_LOCKED }, operations)
        const paid = list.reduce((sum, amount) => sum + amount)
        expect(next.credits[lane]).to.equal(-paid)
        expect(next.credits[1 - lane]).to.equal(paid)
      }),
    )
  })

  it('refuses operations that it cannot read', () => {
    const { updates, ...rest } = alice.pay(2n).updates
    for (const operations of [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(1, 9, 0), Uint8Array.of(1, 1, 1, 0)])
      expect(bob.hear({ ...rest, updates: [{ ...updates[0]!, operations }] }).violation).to.not.equal(undefined)
  })

  it('leaves an update that the peer cannot pay as far as it sees, and asks again once it can', () => {
    alice.feed({ kind: 'facts', facts: facts({ balances: [5_000n, 1_000n] }) })
    const update = alice.pay(4_000n).updates
    bob.hear(update)
    expect(bob.ledger.peer.newest.version).to.equal(0n)
    expect(bob.violation).to.equal(undefined)
    bob.feed({ kind: 'facts', facts: facts({ balances: [5_000n, 1_000n] }) })
    expect(bob.sent.map(({ kind }) => kind)).to.deep.equal(['sync'])
    alice.hear(...bob.sent)
    expect(alice.effects).to.deep.include({ kind: 'resend', from: 1n })
    expect(bob.hear(update).ledger.peer.newest.version).to.equal(1n)
  })

  it('S8 ignores what comes twice and acknowledges it again', () => {
    const update = alice.pay(1n).updates
    bob.hear(update).feed({ kind: 'acknowledge' })
    const before = bob.ledger
    bob.hear(update)
    expect(bob.ledger).to.equal(before)
    expect(bob.updates.ack).to.deep.include({ version: 1n })
  })

  it('S8 asks for what is missing before a gap', () => {
    alice.pay(1n)
    bob.hear(alice.pay(2n).updates)
    expect(bob.ledger.peer.newest.version).to.equal(0n)
    expect(bob.sent.map(({ kind }) => kind)).to.deep.equal(['sync'])
    bob.hear(alice.pay(3n).updates)
    expect(bob.sent, 'asks once').to.deep.equal([])
  })

  it('takes what follows and leaves what comes after a gap', () => {
    const [first, , third] = [alice.pay(1n).updates, alice.pay(2n), alice.pay(3n).updates]
    bob.hear({ ...first, updates: [...first.updates, ...third.updates] })
    expect(bob.ledger.peer.newest.version).to.equal(1n)
    expect(bob.ledger.missed).to.equal(true)
  })

  it('reads nothing while a dispute is visible', () => {
    const dispute = { phase: 'disputed', recorded: false, generation: 0, expiry: 1n, commitment: 0n } as const
    const update = alice.pay(1n).updates
    bob.feed({ kind: 'facts', facts: facts({ latest: dispute }) }).hear(update)
    expect(bob.ledger.peer.newest.version).to.equal(0n)
    expect(bob.feed({ kind: 'acknowledge' }).effects).to.deep.equal([])
  })

  it('leaves updates of a generation that it does not know yet, and ignores those of one that is over', () => {
    const update = alice.pay(1n).updates
    bob.hear({ ...update, generation: 1 })
    expect(bob.ledger).to.deep.include({ missed: true })
    bob.feed({ kind: 'facts', facts: facts({ generation: 1 }) })
    link(alice, bob)
    const before = bob.ledger
    expect(bob.hear(update).ledger).to.equal(before)
  })

  it('C6 S21 refuses a signature made for another generation, lane, asset or channel', () => {
    const { updates, ...rest } = alice.pay(7n).updates
    const state = alice.ledger.own.newest
    for (const other of [
      { ...state, generation: 1 },
      { ...state, lane: 1 },
      { ...state, asset: `0x${'22'.repeat(20)}` as const },
      { ...state, channelId: `0x${'33'.repeat(31)}02` as const },
      { ...state, version: 2n },
      { ...state, credits: [-8n, 8n] },
    ]) {
      const forged = { ...updates[0]!, signature: alice.sign(other) }
      expect(bob.hear({ ...rest, updates: [forged] }).violation).to.not.equal(undefined)
    }
    expect(bob.hear({ ...rest, updates }).violation).to.equal(undefined)
  })
})
