import { expect } from 'chai'
import { laneWordOf } from '../../../sdk/core/state.ts'
import { enforceable } from '../../../sdk/protocols/disputing.ts'
import type { ChainFacts } from '../../../sdk/protocols/ledger.ts'
import { NOTHING_LOCKED } from '../../../sdk/protocols/pending.ts'
import { facts, NOW, pair, type Side, settlePayment } from './sides.ts'

const EXPIRY = NOW + 600n

/** A view of a running dispute with these lane words. */
function disputed(words: readonly [bigint, bigint], over: Partial<ChainFacts> = {}): ChainFacts {
  const latest = { phase: 'disputed', recorded: false, generation: 0, expiry: EXPIRY, commitment: 1n } as const
  return facts({ latest, base: [0n, ...words], ...over })
}

const at = (timestamp: bigint) => ({ head: { number: 12, timestamp } })

describe('a dispute', () => {
  let alice: Side
  let bob: Side
  beforeEach(() => {
    ;[alice, bob] = pair()
    settlePayment(alice, bob, 300n)
    settlePayment(bob, alice, 40n)
  })

  const see = (view: ChainFacts) => alice.feed({ kind: 'facts', facts: view })
  const submitted = () =>
    alice.effects.flatMap((effect) =>
      effect.kind === 'submit' ? effect.states.map(({ state }) => [state.lane, state.version]) : [],
    )

  it('is told once, and again if it begins anew', () => {
    expect(see(disputed([0n, 0n])).news).to.deep.equal([{ kind: 'disputed', expiry: EXPIRY }])
    expect(see(disputed([0n, 0n])).news).to.deep.equal([])
    see(facts())
    expect(see(disputed([0n, 0n])).news).to.have.length(1)
  })

  it('is answered with every lane that is newer here, whether it gains or not', () => {
    see(disputed([0n, 0n]))
    expect(submitted()).to.deep.equal([
      [0, 1n],
      [1, 1n],
    ])
    const [effect] = alice.effects.flatMap((each) => (each.kind === 'submit' ? [each] : []))
    expect(effect!.expiry).to.equal(EXPIRY)
    expect(effect!.states[0]!.signature).to.deep.equal(alice.ledger.own.ack)
    expect(effect!.states[1]!.signature).to.deep.equal(alice.ledger.peer.signature)
  })

  it('is answered with the newest acknowledged state of the own lane, not with what only one side signed', () => {
    alice.pay(5n)
    expect(enforceable(alice.ledger).map(({ state }) => state.version)).to.deep.equal([1n, 1n])
  })

  it('is left alone where the chain holds the newest', () => {
    see(disputed([laneWordOf(alice.ledger.own.newest), laneWordOf(alice.ledger.peer.newest)]))
    expect(submitted()).to.deep.equal([])
  })

  it('counts what an answer recorded', () => {
    see(disputed([0n, 0n], { lanes: [laneWordOf(alice.ledger.own.newest), 0n] }))
    expect(submitted()).to.deep.equal([[1, 1n]])
  })

  it('S23 is answered again when a reorganisation removed the answer', () => {
    see(disputed([0n, 0n], { lanes: [laneWordOf(alice.ledger.own.newest), laneWordOf(alice.ledger.peer.newest)] }))
    expect(submitted()).to.deep.equal([])
    see(disputed([0n, 0n]))
    expect(submitted()).to.have.length(2)
  })

  /** The states that the last call wanted to settle with. */
  const settled = () =>
    alice.effects.flatMap((effect) => (effect.kind === 'settle' ? effect.states.map(({ state }) => state) : []))

  it('is settled from its expiry on, with the states that the chain counts', () => {
    const words = [laneWordOf(alice.ledger.own.newest), laneWordOf(alice.ledger.peer.newest)] as const
    see(disputed(words, at(EXPIRY - 1n)))
    expect(alice.effects.filter(({ kind }) => kind === 'settle')).to.deep.equal([])
    see(disputed(words, at(EXPIRY)))
    expect(settled()).to.deep.equal([alice.ledger.own.newest, alice.ledger.peer.newest])
    const settle = alice.effects.find((effect) => effect.kind === 'settle')
    expect(settle?.base).to.deep.equal([0n, ...words])
  })

  it('is settled without lanes that nobody showed', () => {
    see(disputed([0n, laneWordOf(alice.ledger.peer.newest)], at(EXPIRY)))
    expect(settled()).to.deep.equal([alice.ledger.peer.newest])
  })

  it('is settled with a state that only the peer could submit, since this side signed it', () => {
    alice.pay(5n)
    see(disputed([laneWordOf(alice.ledger.own.newest), 0n], at(EXPIRY)))
    expect(settled()).to.deep.equal([alice.ledger.own.newest])
  })

  it('is settled with an old state after that was found in the history', () => {
    const old = alice.ledger.own.newest
    settlePayment(alice, bob, 1n)
    settlePayment(alice, bob, 1n)
    see(disputed([laneWordOf(old), 0n], at(EXPIRY)))
    expect(alice.effects.filter(({ kind }) => kind !== 'notify')).to.deep.equal([
      { kind: 'lookup', versions: [1n, 0n] },
    ])
    alice.feed({ kind: 'shown', states: [{ state: old, pending: NOTHING_LOCKED }] })
    expect(settled()).to.deep.equal([old])
  })

  it('is left to the peer if the history does not have what the peer showed', () => {
    see(disputed([(9n << 192n) | 5n, 0n], at(EXPIRY)))
    alice.feed({ kind: 'shown', states: [] })
    expect(alice.effects).to.deep.equal([])
  })

  it('starts with the newest of both lanes when the user wants it', () => {
    alice.feed({ kind: 'dispute' })
    expect(submitted()).to.deep.equal([
      [0, 1n],
      [1, 1n],
    ])
  })

  it('starts without any state if there is none', () => {
    const [fresh] = pair()
    expect(fresh.feed({ kind: 'dispute' }).effects).to.deep.equal([{ kind: 'submit', states: [], expiry: 0n }])
  })

  it('is answered rather than started while one is running', () => {
    see(disputed([0n, 0n])).feed({ kind: 'dispute' })
    expect(alice.effects).to.deep.include({ kind: 'submit', states: enforceable(alice.ledger), expiry: EXPIRY })
  })

  it('does not start on a stale view, in a changing generation or from a restored backup', () => {
    const start = (side: Side) => () => side.feed({ kind: 'dispute' })
    const stale = pair()[0].feed({ kind: 'fresh', fresh: false })
    expect(start(stale)).to.throw().with.property('code', 'CHAIN_VIEW_STALE')
    const next = { phase: 'open', recorded: false, generation: 1, seq: 0, balances: [0n, 0n] } as const
    expect(start(pair()[0].feed({ kind: 'facts', facts: facts({ latest: next }) })))
      .to.throw()
      .with.property('code', 'GENERATION_CHANGING')
    const restored = pair()[0]
    restored.ledger = { ...restored.ledger, doubtful: true }
    expect(start(restored)).to.throw().with.property('code', 'RESTORED_NOT_COMPARED')
  })

  it('ends the generation as disputed also where its end was visible before it was final', () => {
    const { latest, base } = disputed([0n, 0n])
    const settled = facts({ generation: 1, balances: [0n, 0n] })
    see(facts({ latest, confirmed: latest, base }))
    see({ ...settled, confirmed: latest })
    see(settled)
    expect(alice.news).to.deep.equal([{ kind: 'ended', generation: 0, next: 1, disputed: true }])
  })

  it('ends the generation once it is final, tells so and comes into step for the next', () => {
    see(disputed([0n, 0n]))
    see(facts({ generation: 1, balances: [0n, 0n] }))
    expect(alice.news).to.deep.equal([{ kind: 'ended', generation: 0, next: 1, disputed: true }])
    expect(alice.sent[0]).to.include({ kind: 'sync', generation: 1, want: true })
    expect(alice.ledger.own.newest).to.deep.include({ version: 0n, generation: 1 })
  })

  it('S24 does not pass for a closing when its settlement took several blocks to be final, or was never seen', () => {
    const open = facts({ generation: 1, balances: [0n, 0n] })
    const settled = facts({ latest: open.latest, latestBalances: [0n, 0n], confirmed: disputed([0n, 0n]).latest })
    for (const views of [[settled, open], [open]]) {
      ;[alice, bob] = pair()
      alice.pay(1n)
      for (const view of views) alice.feed({ kind: 'facts', facts: view })
      expect(alice.news).to.deep.equal([{ kind: 'ended', generation: 0, next: 1, disputed: true }])
    }
  })
})
