import { expect } from 'chai'
import { MAX_UNACKED } from '../../../sdk/protocols/solvency.ts'
import { facts, pair, type Side, settlePayment } from './sides.ts'

const thrownBy = (action: () => unknown): unknown => {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}

const codeOf = (action: () => unknown) => (thrownBy(action) as { code?: string } | undefined)?.code

describe('the writer of a lane', () => {
  let alice: Side
  let bob: Side
  beforeEach(() => {
    ;[alice, bob] = pair()
  })

  it('signs the next version, records it and sends it, in this order', () => {
    alice.pay(10n, 20n)
    expect(alice.effects.map(({ kind }) => kind)).to.deep.equal(['record', 'send', 'notify'])
    expect(alice.ledger.own.newest).to.deep.include({ version: 1n, credits: [-30n, 30n], lane: 0 })
  })

  it('goes on without acknowledgements and counts what it signed as spent', () => {
    for (let i = 0; i < 10; i++) alice.pay(100n)
    expect(alice.ledger.unacked).to.have.length(10)
    expect(codeOf(() => alice.pay(1n))).to.equal('INSUFFICIENT_BALANCE')
  })

  it('says how much there is and how much was needed', () => {
    expect(thrownBy(() => alice.pay(1_001n))).to.deep.include({ available: 1_000n, needed: 1_001n })
    expect(alice.ledger.own.newest.version).to.equal(0n)
  })

  it('counts income only once it has acknowledged it', () => {
    alice.hear(bob.pay(500n).updates)
    expect(codeOf(() => alice.pay(1_500n))).to.equal('INSUFFICIENT_BALANCE')
    alice.feed({ kind: 'acknowledge' })
    alice.pay(1_500n)
    expect(bob.hear(alice.updates).violation).to.equal(undefined)
    expect(bob.ledger.peer.newest.credits).to.deep.equal([-1_500n, 1_500n])
  })

  it('counts deposits only once they are confirmed', () => {
    alice.feed({ kind: 'facts', facts: facts({ latestBalances: [5_000n, 1_000n] }) })
    expect(codeOf(() => alice.pay(1_001n))).to.equal('INSUFFICIENT_BALANCE')
    alice.feed({ kind: 'facts', facts: facts({ balances: [5_000n, 1_000n] }) })
    alice.pay(5_000n)
  })

  it('S22 signs nothing against a deposit that a reorganisation removed', () => {
    alice.pay(600n)
    alice.feed({ kind: 'facts', facts: facts({ balances: [500n, 1_000n] }) })
    expect(codeOf(() => alice.pay(1n))).to.equal('INSUFFICIENT_BALANCE')
  })

  it('stops at the bound of unacknowledged versions and goes on after an acknowledgement', () => {
    for (let i = 0; i < MAX_UNACKED; i++) bob.hear(alice.pay(1n).updates)
    expect(codeOf(() => alice.pay(1n))).to.equal('WINDOW_FULL')
    alice.hear(bob.feed({ kind: 'acknowledge' }).updates)
    expect(alice.ledger.unacked).to.have.length(0)
    alice.pay(1n)
  })

  it('stops at the bound of unacknowledged bytes', () => {
    const [rich] = pair(facts({ balances: [10n ** 9n, 0n] }))
    const many = new Array<bigint>(60_000).fill(1n)
    for (let i = 0; i < 4; i++) rich.pay(...many)
    expect(codeOf(() => rich.pay(...many))).to.equal('WINDOW_FULL')
    rich.pay(1n)
  })

  it('takes a cumulative acknowledgement', () => {
    const updates = [alice.pay(1n).updates, alice.pay(2n).updates, alice.pay(3n).updates]
    bob.hear(...updates)
    alice.hear(bob.feed({ kind: 'acknowledge' }).updates)
    expect(alice.ledger.own.acked).to.equal(alice.ledger.own.newest)
    expect(alice.news).to.deep.equal([{ kind: 'acked', version: 3n }])
  })

  it('ignores an acknowledgement that it has already', () => {
    bob.hear(alice.pay(1n).updates)
    const ack = bob.feed({ kind: 'acknowledge' }).updates
    alice.hear(ack, ack)
    expect(alice.effects).to.deep.equal([])
  })

  it('S11 refuses an acknowledgement that the reader did not sign', () => {
    bob.hear(alice.pay(1n).updates)
    const ack = bob.feed({ kind: 'acknowledge' }).updates
    const forged = { ...ack, ack: { version: 1n, signature: alice.ledger.own.signature } }
    expect(alice.hear(forged).violation).to.have.property('code', 'PEER_VIOLATION')
    expect(alice.ledger.own.acked.version).to.equal(0n)
  })

  it('refuses an acknowledgement of a version that it never signed', () => {
    bob.hear(alice.pay(1n).updates)
    const { ack, ...rest } = bob.feed({ kind: 'acknowledge' }).updates
    expect(alice.hear({ ...rest, ack: { ...ack!, version: 2n } }).violation).to.not.equal(undefined)
  })

  it('signs nothing before it is in step with the peer', () => {
    alice.feed({ kind: 'disconnected' })
    expect(codeOf(() => alice.pay(1n))).to.equal('PEER_NOT_SYNCED')
  })

  it('signs nothing while its view of the chain is stale', () => {
    alice.feed({ kind: 'fresh', fresh: false })
    expect(codeOf(() => alice.pay(1n))).to.equal('CHAIN_VIEW_STALE')
  })

  it('signs nothing while a dispute is visible at any depth', () => {
    const dispute = { phase: 'disputed', recorded: false, generation: 0, expiry: 1n, commitment: 0n } as const
    alice.feed({ kind: 'facts', facts: facts({ latest: dispute }) })
    expect(codeOf(() => alice.pay(1n))).to.equal('LEDGER_DISPUTED')
    alice.feed({ kind: 'facts', facts: facts({ confirmed: dispute }) })
    expect(codeOf(() => alice.pay(1n))).to.equal('LEDGER_DISPUTED')
  })

  it('signs nothing while a generation that ended is not final', () => {
    const open = { phase: 'open', recorded: false, generation: 1, seq: 0, balances: [0n, 0n] } as const
    alice.feed({ kind: 'facts', facts: facts({ latest: open }) })
    expect(codeOf(() => alice.pay(1n))).to.equal('GENERATION_CHANGING')
  })

  it('begins at version 1 in the next generation, where the old income is gone', () => {
    settlePayment(alice, bob, 400n)
    for (const side of [alice, bob]) side.feed({ kind: 'facts', facts: facts({ generation: 1, balances: [50n, 0n] }) })
    const [hers] = alice.feed({ kind: 'connected' }).sent
    const [his] = bob.feed({ kind: 'connected' }).sent
    alice.hear(his!)
    bob.hear(hers!)
    alice.pay(50n)
    expect(alice.ledger.own.newest).to.deep.include({ generation: 1, version: 1n, credits: [-50n, 50n] })
    expect(codeOf(() => bob.pay(1n))).to.equal('INSUFFICIENT_BALANCE')
  })

  it('bounds a credit below 2^106', () => {
    const [rich] = pair(facts({ balances: [1n << 108n, 0n] }))
    rich.pay((1n << 106n) - 1n)
    expect(codeOf(() => rich.pay(1n))).to.equal('INVALID_AMOUNT')
  })
})
