import { expect } from 'chai'
import { encodeWord } from '../../../sdk/core/word.ts'
import type { ChainFacts } from '../../../sdk/protocols/ledger.ts'
import type { Consent, Propose } from '../../../sdk/protocols/messages.ts'
import { spendable } from '../../../sdk/protocols/solvency.ts'
import { facts, NOW, OTHER_ADDRESS, pair, request, type Side, settlePayment } from './sides.ts'

const codeOf = (action: () => unknown): string | undefined => {
  try {
    action()
  } catch (error) {
    return (error as { code: string }).code
  }
  return undefined
}

const reasonOf = (side: Side) => side.sent.flatMap((message) => (message.kind === 'refuse' ? [message.reason] : []))[0]
const head = (timestamp: bigint) => ({ number: 11, timestamp })
const BASE = [encodeWord(facts().latest), 0n, 0n]
const DISPUTE = { phase: 'disputed', recorded: false, generation: 0, expiry: NOW + 99n, commitment: 0n } as const

describe('a withdrawal', () => {
  let alice: Side
  let bob: Side
  beforeEach(() => {
    ;[alice, bob] = pair()
  })

  const propose = (over = {}): Propose => alice.feed({ kind: 'withdraw', request: request(over) }).sent[0] as Propose
  const agree = (over = {}): Side => {
    bob.hear(propose(over))
    return alice.hear(...bob.sent)
  }

  it('is proposed, signed by the other and executed', () => {
    agree()
    const execute = alice.effects.find((effect) => effect.kind === 'execute')
    expect(execute?.withdrawal).to.deep.include({
      seq: 0,
      generation: 0,
      closing: false,
      validUntil: NOW + 600n,
      dispute: 0n,
    })
    expect(execute?.withdrawal.parts).to.have.length(1)
    expect(execute?.withdrawal.parts[0]).to.include({ member: 0, amount: 100n })
    expect(bob.ledger.inFlight).to.include({ stage: 'granted' })
  })

  it('locks its amount on both sides until it is over', () => {
    agree()
    expect(spendable(alice.ledger, 0)).to.equal(900n)
    expect(spendable(bob.ledger, 0)).to.equal(900n)
    expect(codeOf(() => alice.pay(901n))).to.equal('INSUFFICIENT_BALANCE')
    bob.hear(alice.pay(900n).updates)
    expect(bob.ledger.peer.newest.version).to.equal(1n)
  })

  it('goes on while payments do', () => {
    const proposal = propose()
    const payment = alice.pay(50n).updates
    bob.hear(proposal)
    alice.hear(...bob.sent)
    bob.hear(payment)
    expect(alice.ledger.inFlight).to.include({ stage: 'agreed' })
    expect(bob.ledger.peer.newest.version).to.equal(1n)
  })

  it('is over once its seq has passed', () => {
    agree()
    const passed = facts({ seq: 1, balances: [900n, 1_000n] })
    expect(alice.feed({ kind: 'facts', facts: passed }).news[0]).to.include({ kind: 'withdrawn', id: 'w1' })
    expect(bob.feed({ kind: 'facts', facts: passed }).news[0]).to.include({ kind: 'withdrawn' })
    expect(spendable(alice.ledger, 0)).to.equal(900n)
    expect(alice.ledger.inFlight).to.equal(undefined)
  })

  it('stays locked in a block that is not final', () => {
    agree()
    const latest = facts({ seq: 1, balances: [900n, 1_000n] })
    alice.feed({ kind: 'facts', facts: facts({ latest: latest.latest, latestBalances: [900n, 1_000n] }) })
    expect(spendable(alice.ledger, 0)).to.equal(900n)
    expect(alice.ledger.inFlight).to.not.equal(undefined)
  })

  it('expires only when a final block is past its time', () => {
    agree()
    const after = head(NOW + 601n)
    expect(bob.feed({ kind: 'facts', facts: facts({ head: after }) }).ledger.inFlight).to.not.equal(undefined)
    expect(
      bob.feed({ kind: 'facts', facts: facts({ head: after, confirmedHead: head(NOW + 600n) }) }).ledger.inFlight,
    ).to.not.equal(undefined)
    expect(bob.feed({ kind: 'facts', facts: facts({ head: after, confirmedHead: after }) }).news).to.deep.equal([
      { kind: 'expired', id: undefined },
    ])
    expect(spendable(bob.ledger, 0)).to.equal(1_000n)
  })

  it('is executed again by each view of the chain until it is in a block', () => {
    agree()
    expect(alice.feed({ kind: 'facts', facts: facts() }).effects.map(({ kind }) => kind)).to.deep.equal(['execute'])
    const mined = facts({ seq: 1, balances: [900n, 1_000n] })
    alice.feed({ kind: 'facts', facts: facts({ latest: mined.latest, latestBalances: [900n, 1_000n] }) })
    expect(alice.effects).to.deep.equal([])
  })

  it('is answered alike when it is proposed twice', () => {
    const proposal = propose()
    const [first] = bob.hear(proposal).sent
    expect(bob.hear(proposal).sent).to.deep.equal([first])
  })

  it('is refused when the proposer could not spend as much', () => {
    const proposal = propose()
    bob.hear({ ...proposal, amount: 1_001n })
    expect(reasonOf(bob)).to.match(/cannot spend/)
    expect(bob.hear({ ...proposal, amount: 0n }).ledger.inFlight).to.equal(undefined)
  })

  it('cannot be asked for beyond what is there', () => {
    expect(codeOf(() => propose({ amount: 1_001n }))).to.equal('INSUFFICIENT_BALANCE')
    expect(codeOf(() => propose({ amount: 0n }))).to.equal('INSUFFICIENT_BALANCE')
  })

  it('counts income of the proposer only as far as it acknowledged it', () => {
    alice.hear(bob.pay(500n).updates)
    expect(codeOf(() => propose({ amount: 1_500n }))).to.equal('INSUFFICIENT_BALANCE')
    bob.hear(alice.feed({ kind: 'acknowledge' }).updates)
    expect(agree({ amount: 1_500n }).ledger.inFlight).to.include({ stage: 'agreed' })
  })

  it('is refused for another seq than the confirmed one', () => {
    bob.hear({ ...propose(), seq: 1 })
    expect(reasonOf(bob)).to.match(/sequence number/)
  })

  it('is refused when it would be valid for too long, or not at all', () => {
    const proposal = propose()
    bob.hear({ ...proposal, validUntil: NOW + 86_401n })
    expect(bob.sent[0]).to.include({ kind: 'refuse', again: false })
    bob.hear({ ...proposal, validUntil: NOW })
    expect(bob.sent[0]).to.include({ kind: 'refuse', again: true })
  })

  it('is neither asked for nor granted while a dispute is visible or the view is stale', () => {
    const proposal = propose()
    for (const event of [
      { kind: 'fresh', fresh: false } as const,
      { kind: 'facts', facts: facts({ latest: DISPUTE }) } as const,
      { kind: 'facts', facts: facts({ seq: 0, latest: facts({ seq: 1 }).latest }) } as const,
    ]) {
      const [other, asker] = pair()
      expect(reasonOf(other.feed(event).hear({ ...proposal }))).to.not.equal(undefined)
      expect(codeOf(() => asker.feed(event).feed({ kind: 'withdraw', request: request() }))).to.not.equal(undefined)
    }
  })

  it('is one at a time', () => {
    propose()
    expect(codeOf(() => propose())).to.equal('WITHDRAWAL_PENDING')
  })

  it('can be taken back before it is agreed, and a late consent changes nothing', () => {
    bob.hear(propose())
    alice.feed({ kind: 'abandon', id: 'w1' })
    expect(spendable(alice.ledger, 0)).to.equal(1_000n)
    alice.hear(...bob.sent)
    expect(alice.effects).to.deep.equal([])
    expect(alice.ledger.inFlight).to.equal(undefined)
  })

  it('cannot be taken back once it is agreed', () => {
    agree().feed({ kind: 'abandon', id: 'w1' })
    expect(alice.ledger.inFlight).to.include({ stage: 'agreed' })
  })

  it('tells why the peer refused, and is free again', () => {
    const { channelId, asset, generation, seq } = propose()
    alice.hear({ kind: 'refuse', channelId, asset, generation, seq, again: true, reason: 'later' })
    expect(alice.news).to.deep.equal([{ kind: 'refused', id: 'w1', reason: 'later', again: true }])
    expect(alice.ledger.inFlight).to.equal(undefined)
  })

  it('S11 refuses a consent that is not the peer’s signature', () => {
    bob.hear(propose())
    const consent = bob.sent[0] as Consent
    alice.hear({ ...consent, signature: alice.signer.sign(new Uint8Array(32)) })
    expect(alice.effects).to.deep.equal([])
    expect(alice.ledger.inFlight).to.include({ stage: 'proposed' })
  })

  it('ignores a consent to what was taken back meanwhile, which is nobody’s fault', () => {
    bob.hear(propose())
    const [late] = bob.sent
    alice.feed({ kind: 'abandon', id: 'w1' })
    propose({ id: 'w2', amount: 50n })
    alice.hear(late!)
    expect(alice.violation).to.equal(undefined)
    expect(alice.ledger.inFlight).to.include({ stage: 'proposed' })
  })

  it('S9 lets the lower member go first when both propose at once', () => {
    const hers = propose()
    const his = bob.feed({ kind: 'withdraw', request: request({ id: 'w2' }) }).sent[0]!
    alice.hear(his)
    expect(alice.sent[0]).to.include({ kind: 'refuse', again: true })
    const refusal = alice.sent[0]!
    bob.hear(hers)
    expect(bob.news[0]).to.include({ kind: 'refused', id: 'w2', again: true })
    const consent = bob.sent[0]!
    bob.hear(refusal)
    alice.hear(consent)
    expect(alice.ledger.inFlight).to.include({ stage: 'agreed' })
    expect(bob.ledger.inFlight).to.include({ stage: 'granted' })
  })

  it('pays to another address or into another channel where the proposer says so', () => {
    agree({ to: OTHER_ADDRESS })
    expect(alice.ledger.inFlight).to.have.nested.property('withdrawal.parts[0].to', OTHER_ADDRESS)
  })

  it('ends without a payout when a dispute settles the generation', () => {
    agree()
    alice.feed({ kind: 'facts', facts: facts({ latest: DISPUTE }) })
    alice.feed({ kind: 'facts', facts: facts({ generation: 1, balances: [0n, 0n] }) })
    expect(alice.news).to.deep.include({ kind: 'expired', id: 'w1' })
    expect(alice.ledger).to.deep.include({ generation: 1, inFlight: undefined })
  })

  it('is over once a dispute that it does not name is final', () => {
    agree()
    const final = facts({ latest: DISPUTE, confirmed: DISPUTE, base: BASE })
    expect(alice.feed({ kind: 'facts', facts: final }).news).to.deep.include({ kind: 'expired', id: 'w1' })
    expect(bob.feed({ kind: 'facts', facts: final }).ledger.inFlight).to.equal(undefined)
    const [asker] = pair()
    asker.feed({ kind: 'withdraw', request: request() }).feed({ kind: 'facts', facts: final })
    expect(asker.news.at(-1)).to.include({ kind: 'refused', id: 'w1', again: true })
  })

  describe('that closes', () => {
    const closing = { closing: true, amount: 0n }

    it('pays all to both by the newest states, acknowledged or not', () => {
      settlePayment(alice, bob, 300n)
      bob.hear(alice.pay(100n).updates)
      agree(closing)
      const execute = alice.effects.find((effect) => effect.kind === 'execute')
      expect(execute?.withdrawal.parts.map(({ amount }) => amount)).to.deep.equal([600n, 1_400n])
      expect(execute?.withdrawal.closing).to.equal(true)
    })

    it('leaves out a member who has nothing', () => {
      settlePayment(alice, bob, 1_000n)
      agree(closing)
      expect(alice.ledger.inFlight).to.have.nested.property('withdrawal.parts').with.length(1)
    })

    it('stops the proposer from signing at once, and the other from its consent on', () => {
      const proposal = propose(closing)
      expect(codeOf(() => alice.pay(1n))).to.equal('LEDGER_CLOSING')
      bob.pay(1n)
      bob.hear(proposal)
      expect(codeOf(() => bob.pay(1n))).to.equal('LEDGER_CLOSING')
    })

    it('C36 is over once a deposit that came in between is final, since it can never leave zero', () => {
      agree(closing)
      const more: [bigint, bigint] = [1_000n, 1_001n]
      const shallow = facts({ latestBalances: more })
      const deep = facts({ balances: more })
      // A view from before the last deposit proves nothing.
      const old = facts({ balances: [1_000n, 999n] })
      for (const side of [alice, bob]) {
        for (const view of [shallow, old]) side.feed({ kind: 'facts', facts: view })
        expect(codeOf(() => side.pay(1n))).to.equal('LEDGER_CLOSING')
        expect(side.feed({ kind: 'facts', facts: deep }).news[0]).to.include({ kind: 'expired' })
        expect(side.pay(1n).updates.updates).to.have.length(1)
      }
    })

    it('counts the updates that the other signed before it agreed', () => {
      const proposal = propose(closing)
      const payment = bob.pay(10n).updates
      bob.hear(proposal)
      alice.hear(payment)
      alice.hear(...bob.sent)
      const parts = alice.ledger.inFlight?.stage === 'agreed' ? alice.ledger.inFlight.withdrawal.parts : []
      expect(parts.map(({ amount }) => amount)).to.deep.equal([1_010n, 990n])
    })

    it('waits for updates that the other counted and that have not arrived', () => {
      const proposal = propose(closing)
      const payment = bob.pay(10n).updates
      bob.hear(proposal)
      const consent = bob.sent[0]!
      alice.hear(consent)
      expect(alice.ledger.inFlight).to.include({ stage: 'proposed' })
      alice.feed({ kind: 'remind' })
      expect(alice.sent.map(({ kind }) => kind)).to.deep.equal(['sync', 'propose'])
      alice.hear(payment, consent)
      expect(alice.ledger.inFlight).to.include({ stage: 'agreed' })
    })

    it('is refused until the updates that the proposer counted have arrived', () => {
      const payment = alice.pay(10n).updates
      const proposal = propose(closing)
      bob.hear(proposal)
      expect(reasonOf(bob)).to.match(/on their way/)
      bob.hear(payment, proposal)
      expect(bob.ledger.inFlight).to.include({ stage: 'granted' })
    })

    it('is refused while the two see different deposits', () => {
      const proposal = propose(closing)
      bob.feed({ kind: 'facts', facts: facts({ balances: [1_000n, 1_500n] }) }).hear(proposal)
      expect(reasonOf(bob)).to.match(/deposits differ/)
    })

    it('is not signed while a deposit is on its way, which would make it fail', () => {
      const coming = facts({ latestBalances: [1_000n, 1_001n] })
      const proposal = propose(closing)
      expect(reasonOf(bob.feed({ kind: 'facts', facts: coming }).hear(proposal))).to.equal('AWAITING_CONFIRMATIONS')
    })

    it('makes the other deaf to further updates, which it would not be paid for', () => {
      const payment = alice.pay(10n).updates
      const ledger = alice.ledger
      alice.ledger = { ...pair()[0].ledger }
      bob.hear(propose(closing))
      alice.ledger = ledger
      bob.hear(payment)
      expect(bob.ledger.peer.newest.version).to.equal(0n)
      expect(bob.ledger.missed).to.equal(true)
    })

    it('frees both lanes again when it has expired', () => {
      agree(closing)
      const after = facts({ head: head(NOW + 700n), confirmedHead: head(NOW + 700n) })
      alice.feed({ kind: 'facts', facts: after }).pay(1n)
      bob.feed({ kind: 'facts', facts: after }).pay(1n)
    })

    it('frees the proposer when it is refused', () => {
      const { channelId, asset, generation, seq } = propose(closing)
      alice.hear({ kind: 'refuse', channelId, asset, generation, seq, again: false, reason: 'no' })
      alice.pay(1n)
    })

    it('ends the generation for both once it is final', () => {
      settlePayment(alice, bob, 300n)
      agree(closing)
      for (const side of [alice, bob]) side.feed({ kind: 'facts', facts: facts({ generation: 1, balances: [0n, 0n] }) })
      expect(alice.news.map(({ kind }) => kind)).to.deep.equal(['ended', 'withdrawn'])
      expect(bob.ledger).to.deep.include({ generation: 1, inFlight: undefined, linked: false })
      expect(spendable(bob.ledger, 1)).to.equal(0n)
    })

    describe('during a dispute', () => {
      const running = facts({ latest: DISPUTE, base: BASE })
      const see = (view: ChainFacts, ...sides: Side[]) => {
        for (const side of sides) side.feed({ kind: 'facts', facts: view })
      }
      const closingOf = (side: Side) => side.effects.find((effect) => effect.kind === 'execute')?.withdrawal

      it('names its expiry and pays all to both by the newest states, whatever was challenged with', () => {
        settlePayment(alice, bob, 300n)
        see(running, alice, bob)
        agree(closing)
        expect(closingOf(alice)).to.include({ seq: 0, dispute: DISPUTE.expiry, closing: true })
        expect(closingOf(alice)?.parts.map(({ amount }) => amount)).to.deep.equal([700n, 1_300n])
      })

      it('lets the dispute go on: answers are sent until it is in a block', () => {
        settlePayment(alice, bob, 300n)
        see(running, alice, bob)
        agree(closing)
        see(running, alice)
        expect(alice.effects.map(({ kind }) => kind)).to.deep.equal(['submit', 'execute'])
        see({ ...running, head: head(DISPUTE.expiry) }, bob)
        expect(bob.effects.map(({ kind }) => kind)).to.deep.equal(['settle'])
      })

      it('is all that is signed: no other withdrawal and no payment', () => {
        see(running, alice, bob)
        expect(codeOf(() => propose())).to.equal('LEDGER_DISPUTED')
        expect(codeOf(() => alice.pay(1n))).to.equal('LEDGER_DISPUTED')
        const proposal = propose(closing)
        bob.hear({ ...proposal, closing: false, amount: 1n })
        expect(reasonOf(bob)).to.equal('LEDGER_DISPUTED')
      })

      it('takes the seq of the word before the dispute, also where the dispute is final', () => {
        const latest = { ...DISPUTE, generation: 0 }
        const base = [encodeWord(facts({ seq: 7 }).latest), 0n, 0n]
        see(facts({ latest, confirmed: latest, base }), alice, bob)
        agree(closing)
        expect(closingOf(alice)).to.include({ seq: 7, dispute: DISPUTE.expiry })
      })

      it('is refused while the other sees no dispute, or another one', () => {
        see(running, alice)
        const proposal = propose(closing)
        bob.hear(proposal)
        expect(bob.sent[0]).to.deep.include({ kind: 'refuse', again: true })
        expect(reasonOf(bob)).to.match(/dispute/)
        see(facts({ latest: { ...DISPUTE, expiry: NOW + 98n }, base: BASE }), bob)
        expect(reasonOf(bob.hear(proposal))).to.match(/dispute/)
        expect(bob.hear({ ...proposal, dispute: 0n }).ledger.inFlight).to.equal(undefined)
        see(running, bob)
        expect(bob.hear(proposal).ledger.inFlight).to.include({ stage: 'granted' })
      })

      it('waits for what came into the word before the dispute to be final', () => {
        const base = [encodeWord(facts({ seq: 1 }).latest), 0n, 0n]
        for (const view of [
          facts({ latest: DISPUTE, base }),
          facts({ latest: DISPUTE, base: BASE, latestBalances: [1_000n, 1_001n] }),
          facts({ latest: DISPUTE, base: BASE, confirmed: { ...DISPUTE, expiry: NOW + 98n } }),
          facts({ latest: DISPUTE, base: BASE, confirmed: { ...DISPUTE, commitment: 7n } }),
          facts({ confirmed: DISPUTE }),
        ]) {
          see(view, alice)
          expect(codeOf(() => propose(closing))).to.equal('AWAITING_CONFIRMATIONS')
        }
      })

      it('is not asked for any more once the dispute can be settled', () => {
        see({ ...running, head: head(DISPUTE.expiry) }, alice)
        expect(codeOf(() => propose(closing))).to.equal('LEDGER_DISPUTED')
      })

      it('is not executed when a reorganisation took the dispute back, and expires', () => {
        see(running, alice, bob)
        agree(closing)
        see(facts(), alice)
        expect(alice.effects).to.deep.equal([])
        see(running, alice)
        expect(closingOf(alice)).to.include({ dispute: DISPUTE.expiry })
        const late = head(NOW + 601n)
        see({ ...running, head: late, confirmedHead: late }, alice)
        expect(alice.news).to.deep.include({ kind: 'expired', id: 'w1' })
      })

      it('ends the generation as agreed, for both', () => {
        see(running, alice, bob)
        agree(closing)
        see(facts({ generation: 1, balances: [0n, 0n] }), alice, bob)
        expect(alice.news[0]).to.deep.equal({ kind: 'ended', generation: 0, next: 1, disputed: false })
        expect(alice.news[1]).to.include({ kind: 'withdrawn', id: 'w1' })
        expect(bob.news.map(({ kind }) => kind)).to.deep.equal(['ended', 'withdrawn'])
        expect(bob.ledger.inFlight).to.equal(undefined)
      })

      it('says that all is paid, and not which way, if somebody may have settled before', () => {
        see(running, alice, bob)
        agree(closing)
        const late = head(DISPUTE.expiry)
        see(facts({ generation: 1, balances: [0n, 0n], head: late, confirmedHead: late }), alice)
        expect(alice.news).to.deep.equal([
          { kind: 'ended', generation: 0, next: 1, disputed: true },
          { kind: 'withdrawn', id: 'w1', withdrawal: undefined },
        ])
      })
    })
  })
})
