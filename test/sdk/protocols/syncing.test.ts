import { expect } from 'chai'
import type { Sync } from '../../../sdk/protocols/messages.ts'
import { link, pair, request, type Side, settlePayment } from './sides.ts'

const closing = request({ closing: true, amount: 0n })

/** The sync that a side would send now. */
const syncOf = (side: Side): Sync => {
  const { ledger } = side
  const [message] = side.feed({ kind: 'connected' }).sent
  side.ledger = ledger
  return message as Sync
}

describe('coming into step', () => {
  let alice: Side
  let bob: Side
  beforeEach(() => {
    ;[alice, bob] = pair()
  })

  it('S10 sends what the peer lacks, from the first version it lacks on', () => {
    settlePayment(alice, bob, 1n)
    alice.pay(2n)
    alice.pay(3n)
    bob.feed({ kind: 'disconnected' })
    alice.feed({ kind: 'connected' }).hear(syncOf(bob))
    expect(alice.effects).to.deep.equal([{ kind: 'resend', from: 2n }])
    expect(alice.ledger.linked).to.equal(true)
  })

  it('S10 learns an acknowledgement that it missed', () => {
    bob.hear(alice.pay(1n).updates).feed({ kind: 'acknowledge' })
    link(alice, bob)
    expect(alice.ledger.own.acked.version).to.equal(1n)
  })

  it('S10 shows an acknowledgement that the peer missed', () => {
    bob.hear(alice.pay(1n).updates).feed({ kind: 'acknowledge' })
    bob.feed({ kind: 'connected' }).hear(syncOf(alice))
    expect(bob.updates.ack).to.deep.include({ version: 1n })
  })

  it('answers when it is asked to', () => {
    alice.hear({ ...syncOf(bob), want: true })
    expect(alice.sent.map(({ kind }) => kind)).to.deep.equal(['sync'])
  })

  it('stays apart while the generations differ', () => {
    alice.hear({ ...syncOf(bob), generation: 1 })
    expect(alice.ledger.linked).to.equal(false)
  })

  it('refuses a peer that claims to be the other member', () => {
    const { own, peer, ...rest } = syncOf(bob)
    expect(alice.hear({ ...rest, own: peer, peer: own }).violation).to.not.equal(undefined)
  })

  describe('after an old copy of the store was put back', () => {
    const frozen = () => {
      const old = alice.ledger
      settlePayment(alice, bob, 10n)
      settlePayment(bob, alice, 4n)
      alice.ledger = { ...old, linked: false }
      alice.hear(syncOf(bob))
    }

    it('S3 freezes and tells which versions it knew and which were proved', () => {
      frozen()
      expect(alice.news).to.deep.equal([{ kind: 'frozen', freeze: { code: 'OLD_BACKUP', known: 0n, proved: 1n } }])
      expect(() => alice.pay(1n))
        .to.throw()
        .with.property('code', 'LEDGER_FROZEN')
      expect(() => alice.feed({ kind: 'dispute' }))
        .to.throw()
        .with.property('code', 'LEDGER_FROZEN')
    })

    it('S7 adopts what the peer proved, so that a dispute is answered with it', () => {
      frozen()
      expect(alice.ledger.own.newest).to.deep.equal(bob.ledger.peer.newest)
      expect(alice.ledger.own.acked.version).to.equal(1n)
      expect(alice.ledger.peer.newest.version).to.equal(1n)
    })

    it('S3 notices it by its own acknowledgement as well', () => {
      const old = alice.ledger
      settlePayment(bob, alice, 4n)
      alice.ledger = { ...old, linked: false }
      alice.hear(syncOf(bob))
      expect(alice.ledger.frozen).to.deep.equal({ code: 'OLD_BACKUP', known: 0n, proved: 0n })
    })

    it('S3 notices two states that it signed for one version', () => {
      const old = alice.ledger
      bob.hear(alice.pay(10n).updates)
      alice.ledger = old
      alice.pay(11n)
      alice.hear(syncOf(bob))
      expect(alice.ledger.frozen).to.deep.include({ code: 'EQUIVOCATION' })
    })

    it('believes no proof that it did not sign', () => {
      const old = alice.ledger
      settlePayment(alice, bob, 10n)
      const sync = syncOf(bob)
      alice.ledger = { ...old, linked: false }
      const forged = { ...sync, peer: { ...sync.peer, signature: bob.sign(sync.peer.newest) } }
      expect(alice.hear(forged).violation).to.not.equal(undefined)
      expect(alice.ledger).to.deep.include({ frozen: undefined, linked: false })
    })

    it('does not believe a newer lane of the peer without its signature', () => {
      const old = alice.ledger
      settlePayment(alice, bob, 10n)
      settlePayment(bob, alice, 4n)
      const sync = syncOf(bob)
      alice.ledger = { ...old, linked: false }
      const forged = { ...sync, own: { ...sync.own, signature: new Uint8Array(64) } }
      expect(alice.hear(forged).violation).to.not.equal(undefined)
    })

    it('stays frozen on the next connection and learns what else is shown', () => {
      frozen()
      alice.feed({ kind: 'disconnected' })
      link(alice, bob)
      expect(alice.ledger.frozen).to.not.equal(undefined)
      expect(alice.news, 'tells once').to.deep.equal([])
    })

    it('S3 S7 agrees to no closing that only its peer asks for, which may hide what this side forgot', () => {
      frozen()
      bob.feed({ kind: 'withdraw', request: { ...closing } })
      const [proposal] = bob.sent
      alice.hear(proposal!)
      expect(alice.sent.map(({ kind }) => kind)).to.deep.equal(['refuse'])
      bob.hear(...alice.sent)
      expect(bob.news[0]).to.include({ kind: 'refused', again: false })
    })

    it('can still be closed by both, which begins a clean generation', () => {
      frozen()
      alice.feed({ kind: 'withdraw', request: { ...closing } })
      bob.hear(...alice.sent)
      alice.hear(...bob.sent)
      const execute = alice.effects.find((effect) => effect.kind === 'execute')
      expect(execute?.withdrawal.parts.map(({ amount }) => amount)).to.deep.equal([994n, 1_006n])
    })
  })
})
