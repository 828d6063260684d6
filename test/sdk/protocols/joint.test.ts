import { expect } from 'chai'
import { laneWordOf, stateDigest } from '../../../sdk/core/state.ts'
import { COIN, type LedgerWord, type Withdrawal } from '../../../sdk/core/types.ts'
import { withdrawalDigest } from '../../../sdk/core/withdrawal.ts'
import { type JointPayment, NO_ACTS, proposerOf } from '../../../sdk/protocols/joint.ts'
import { stateAfter } from '../../../sdk/protocols/joint-acts.ts'
import { closingParts } from '../../../sdk/protocols/joint-chain.ts'
import { missing } from '../../../sdk/protocols/joint-late.ts'
import { compose, cutLast } from '../../../sdk/protocols/joint-wishes.ts'
import { NOTHING_LOCKED } from '../../../sdk/protocols/pending.ts'
import { BlockedError, InsufficientBalanceError } from '../../../sdk/protocols/solvency.ts'
import { jointFacts, LIMIT, type Member, PATIENCE, Table, wishOf } from './joint-sides.ts'
import { DOMAIN, NOW } from './sides.ts'

const HOME = { to: COIN, toChannel: `0x${'00'.repeat(32)}`, toMember: 0 } as const

const disputed = (expiry: bigint): LedgerWord => ({
  phase: 'disputed',
  recorded: false,
  generation: 0,
  expiry,
  commitment: 1n,
})

const WANTED = { kind: 'ready', wants: true, wishes: [wishOf(3, 1, 5n)], resolutions: [] } as const

const stalled = (table: Table, member: number) =>
  table.members[member]!.news.flatMap((news) => (news.kind === 'stalled' ? [news.missing] : []))

describe('a group', () => {
  it('completes a round in which everybody pays, and tells it once to each', () => {
    const table = new Table([100n, 100n, 100n, 100n, 100n])
    for (const member of table.members)
      member.do({
        kind: 'wish',
        wishes: [wishOf(member.me, (member.me + 1) % 5, BigInt(10 + member.me))],
      })
    table.run()
    table.pass(3_000)
    for (const member of table.members) {
      const paid = member.final().flatMap(({ round }) => round.payments)
      expect(paid.map(({ amount }) => amount).reduce((sum, amount) => sum + amount, 0n)).to.equal(60n)
      expect(table.credits(member.me)).to.deep.equal([4n, -1n, -1n, -1n, -1n])
      expect(member.joint.wishes.size).to.equal(0)
    }
  })

  it('is silent when nobody wants anything', () => {
    const table = new Table([100n, 100n, 100n])
    table.members[0]!.do({ kind: 'wish', wishes: [wishOf(1, 1, 5n)] })
    table.run()
    table.pass(2_000)
    const version = table.members[0]!.joint.complete.state.version
    table.pass(60_000)
    expect(table.members[0]!.joint.complete.state.version).to.equal(version)
  })

  it('lets the next member propose when one does not', () => {
    const table = new Table([100n, 100n, 100n])
    const proposer = table.members[proposerOf(1n, 3)]!
    const asks = table.members[(proposer.me + 1) % 3]!
    // It proposes nothing, and signs what others propose.
    const send = table.queue.push.bind(table.queue)
    table.queue.push = (...sent) =>
      send(
        ...sent.filter(
          ({ from, message }) =>
            from !== proposer.me || (message.kind !== 'propose' && message.kind !== 'vote') || message.version !== 1n,
        ),
      )
    asks.do({ kind: 'wish', wishes: [wishOf(1, proposer.me, 5n)] })
    table.run()
    table.pass(4 * PATIENCE)
    for (const { me } of table.members) {
      expect(table.credits(me)[proposer.me]).to.equal(5n)
      expect(stalled(table, me)).to.deep.equal([])
    }
  })

  it('S50 names at every other member who keeps a round, and then signs no more', () => {
    const table = new Table([100n, 100n, 100n, 100n, 100n])
    table.silent.add(3)
    table.members[0]!.do({ kind: 'wish', wishes: [wishOf(1, 1, 5n)] })
    table.run()
    table.pass(LIMIT + 2 * PATIENCE)
    for (const me of [0, 1, 2, 4]) expect(stalled(table, me), `${me}`).to.deep.equal([[3]])
    expect(() => table.members[0]!.do({ kind: 'order', withdrawal: orderOf(table, 0, 500n) })).to.throw(
      InsufficientBalanceError,
    )
    expect(table.members[0]!.chain[0]).to.deep.equal({ kind: 'submit', round: undefined, expiry: 0n })
  })

  it('S51 names the proposer, and not the deceived, when it proposes two contents under one version', () => {
    const table = new Table([100n, 100n, 100n, 100n])
    const liar = table.members[proposerOf(1n, 4)]!
    const others = table.members.filter(({ me }) => me !== liar.me)
    // To each other content of version 1; it never votes for a later one.
    const send = table.queue.push.bind(table.queue)
    table.queue.push = (...sent) =>
      send(
        ...sent.flatMap((one) => {
          if (one.from !== liar.me || one.message.kind === 'ready') return [one]
          if (one.message.kind !== 'propose') return []
          const payments = one.to === others[0]!.me ? [] : one.message.payments
          const state = stateAfter(liar.joint.complete, one.message.version, { ...NO_ACTS, payments })!.state
          const signature = liar.signer.sign(stateDigest(DOMAIN, state))
          return [{ ...one, message: { ...one.message, payments, signature } }]
        }),
      )
    others[0]!.do({ kind: 'wish', wishes: [wishOf(1, others[1]!.me, 5n)] })
    table.run()
    for (const { joint } of others) expect(missing(joint, table.group.terms)).to.deep.equal([liar.me])
    table.pass(LIMIT + 2 * PATIENCE)
    for (const { me } of others) expect(stalled(table, me), `${me}`).to.deep.equal([[liar.me]])
  })

  it('S57 names who hides its readiness from a proposer, and not that proposer', () => {
    const table = new Table([100n, 100n, 100n, 100n, 100n])
    const send = table.queue.push.bind(table.queue)
    // It votes for nothing, and is not ready for whom it wants to be named, whenever that one is to propose.
    table.queue.push = (...sent) =>
      send(
        ...sent.flatMap((one) => {
          const { from, to, message } = one
          if (from !== 4) return [one]
          const isHidden = message.kind !== 'ready' || (to === 2 && proposerOf(message.attempt, 5) === 2)
          return isHidden ? [] : [{ ...one, message: { ...message, complete: 0n } }]
        }),
      )
    table.members[0]!.do({ kind: 'wish', wishes: [wishOf(1, 1, 5n)] })
    table.run()
    table.pass(LIMIT + 2 * PATIENCE)
    // The others had to think, once in five versions, that it was the proposer.
    expect(table.members[0]!.joint.late.get(2)).to.be.greaterThan(0)
    for (const me of [0, 1, 2, 3]) expect(stalled(table, me), `${me}`).to.deep.equal([[4]])
  })

  it('S57 names who says that it holds a version complete and shows it to nobody', () => {
    const table = new Table([100n, 100n, 100n, 100n])
    const send = table.queue.push.bind(table.queue)
    // It proposes nothing: what it proposes itself it would hold the same base for.
    table.queue.push = (...sent) =>
      send(
        ...sent.flatMap((one) => {
          if (one.from !== 3) return [one]
          return one.message.kind === 'ready' ? [{ ...one, message: { ...one.message, complete: 7n } }] : []
        }),
      )
    table.members[0]!.do({ kind: 'wish', wishes: [wishOf(1, 1, 5n)] })
    table.run()
    table.pass(LIMIT + 2 * PATIENCE)
    for (const me of [0, 1, 2]) expect(stalled(table, me), `${me}`).to.deep.equal([[3]])
  })

  it('S59 signs nothing before it has met all members', () => {
    const table = new Table([100n, 100n, 100n])
    const proposer = table.members[proposerOf(1n, 3)]!
    const victim = table.members[(proposer.me + 1) % 3]!
    const third = table.members[(proposer.me + 2) % 3]!
    victim.restart(jointFacts(table.balances), 0)
    const payments = [{ from: proposer.me, id: wishOf(9, 0, 1n).id, to: victim.me, amount: 1n }]
    const state = stateAfter(victim.joint.complete, 1n, { ...NO_ACTS, payments })!.state
    const signature = proposer.signer.sign(stateDigest(DOMAIN, state))
    const message = { kind: 'propose', version: 1n, base: 0n, payments, locks: [], resolutions: [], signature } as const
    victim.do({ kind: 'message', from: proposer.me, message })
    const hello = { kind: 'ready', attempt: 1n, complete: 0n, wants: false, wishes: [], resolutions: [] } as const
    victim.do({ kind: 'message', from: proposer.me, message: hello })
    expect(victim.joint.signed).to.deep.equal([])
    victim.do({ kind: 'message', from: third.me, message: hello })
    expect(victim.joint.signed.map(({ state: one }) => one)).to.deep.equal([state])
  })

  it('S52 lets nobody order a withdrawal of what is another member’s', () => {
    const table = new Table([100n, 100n, 100n])
    const withdrawal = { ...orderOf(table, 0, 70n), parts: [{ member: 1, amount: 5n, ...HOME }] }
    expect(() => table.members[0]!.do({ kind: 'order', withdrawal })).to.throw(BlockedError)
    const signature = table.members[0]!.signer.sign(withdrawalDigest(DOMAIN, withdrawal))
    for (const victim of table.members.slice(1))
      victim.do({ kind: 'message', from: 0, message: { kind: 'order', withdrawal, signature } })
    expect(table.members[1]!.joint.order).to.equal(undefined)
    // Whose it is not may sign: it takes nothing from it.
    expect(table.members[2]!.joint.order?.withdrawal).to.deep.equal(withdrawal)
  })

  it('S58 executes an order to withdraw though the member that asked for it does not', () => {
    const table = new Table([100n, 100n, 100n])
    const withdrawal = orderOf(table, 0, 70n)
    table.members[0]!.do({ kind: 'order', withdrawal })
    table.run()
    table.silent.add(0)
    table.pass(3 * PATIENCE)
    expect(table.members[1]!.chain.map(({ kind }) => kind)).to.include('execute')
  })

  it('S52 signs no proposal that takes what the member did not ask for, or leaves somebody below zero', () => {
    const table = new Table([100n, 100n, 100n])
    const proposer = table.members[proposerOf(1n, 3)]!
    const victim = table.members[(proposer.me + 1) % 3]!
    const third = table.members[(proposer.me + 2) % 3]!
    const id = wishOf(1, proposer.me, 5n).id
    victim.do({ kind: 'wish', wishes: [wishOf(1, third.me, 5n)] })
    const propose = (payments: readonly JointPayment[]) => {
      const state = stateAfter(victim.joint.complete, 1n, { ...NO_ACTS, payments })!.state
      const signature = proposer.signer.sign(stateDigest(DOMAIN, state))
      const message = {
        kind: 'propose',
        version: 1n,
        base: 0n,
        payments,
        locks: [],
        resolutions: [],
        signature,
      } as const
      victim.do({ kind: 'message', from: proposer.me, message })
      return victim.joint.signed.length
    }
    expect(propose([{ from: victim.me, id, to: proposer.me, amount: 5n }])).to.equal(0)
    expect(propose([{ from: victim.me, id, to: third.me, amount: 6n }])).to.equal(0)
    expect(propose([{ from: victim.me, id, to: third.me, amount: 4n }])).to.equal(0)
    expect(propose([{ from: third.me, id, to: proposer.me, amount: 101n }])).to.equal(0)
    expect(propose([{ from: victim.me, id, to: third.me, amount: 5n }])).to.equal(1)
  })

  it('S53 never signs a version twice: not after a restart, and not for a proposer that comes again with other content', () => {
    const table = new Table([100n, 100n, 100n])
    const proposer = table.members[proposerOf(1n, 3)]!
    const victim = table.members[(proposer.me + 1) % 3]!
    const propose = (version: bigint, amount: bigint) => {
      const payments = [{ from: proposer.me, id: wishOf(9, 0, 1n).id, to: victim.me, amount }]
      const state = stateAfter(victim.joint.complete, version, { ...NO_ACTS, payments })!.state
      const signature = proposer.signer.sign(stateDigest(DOMAIN, state))
      const message = { kind: 'propose', version, base: 0n, payments, locks: [], resolutions: [], signature } as const
      victim.do({ kind: 'message', from: proposer.me, message })
    }
    propose(1n, 1n)
    propose(1n, 2n)
    victim.restart(jointFacts(table.balances), 0)
    table.meet()
    propose(1n, 3n)
    expect([...victim.signatures].map(([version, digests]) => [version, digests.size])).to.deep.equal([[1n, 1]])
    propose(4n, 2n)
    expect(victim.joint.signed.map(({ state }) => state.version)).to.deep.equal([1n, 4n])
  })

  it('S59 signs nothing once it is shown a signature that its store forgot, of a round that was completed or not', () => {
    for (const isComplete of [true, false]) {
      const table = new Table([100n, 100n, 100n])
      const [a, b, c] = table.members as [Member, Member, Member]
      const old = b.stored
      const send = table.queue.push.bind(table.queue)
      // Without c's vote the round is signed and not complete.
      if (!isComplete)
        table.queue.push = (...sent) =>
          send(...sent.filter(({ from, message }) => from !== c.me || message.kind !== 'vote'))
      a.do({ kind: 'wish', wishes: [wishOf(1, c.me, 5n)] })
      table.run()
      expect(a.joint.complete.state.version).to.equal(isComplete ? 1n : 0n)
      const signed = new Map(b.signatures)
      b.stored = old
      b.restart(jointFacts(table.balances), 0)
      table.meet()
      expect(b.news).to.deep.include({ kind: 'frozen', known: 0n, proved: 1n })
      table.pass(5 * PATIENCE)
      expect(b.signatures).to.deep.equal(signed)
      expect(() => b.do({ kind: 'wish', wishes: [wishOf(2, 0, 1n)] }))
        .to.throw(BlockedError)
        .with.property('code', 'GROUP_RESTORED')
    }
  })

  it('S54 counts no round as final while a version above it, signed here, may still void it', () => {
    const table = new Table([100n, 100n, 100n])
    const [a, b, c] = table.members as [Table['members'][0], Table['members'][0], Table['members'][0]]
    a.do({ kind: 'wish', wishes: [wishOf(1, b.me, 5n)] })
    // Version 1 is signed by all, but the votes do not reach a until it has signed version 2.
    const late: Table['queue'] = []
    const send = table.queue.push.bind(table.queue)
    table.queue.push = (...sent) => {
      for (const one of sent) {
        const isVote = one.message.kind === 'vote' && one.message.version === 1n
        if (isVote) late.push(one)
        else send(one)
      }
      return 0
    }
    table.run()
    table.queue.push = send
    const payments = [{ from: c.me, id: wishOf(7, 0, 1n).id, to: b.me, amount: 1n }]
    const proposer = table.members[proposerOf(2n, 3)]!
    const state = stateAfter(a.joint.complete, 2n, { ...NO_ACTS, payments })!.state
    const signature = proposer.signer.sign(stateDigest(DOMAIN, state))
    a.do({
      kind: 'message',
      from: proposer.me,
      message: { kind: 'propose', version: 2n, base: 0n, payments, locks: [], resolutions: [], signature },
    })
    expect(a.joint.signed.map(({ state: one }) => one.version)).to.deep.equal(proposer.me === a.me ? [1n] : [1n, 2n])
    for (const one of late) if (one.to === a.me) a.do({ kind: 'message', from: one.from, message: one.message })
    expect(a.joint.complete.state.version).to.equal(1n)
    expect(a.final()).to.have.length(proposer.me === a.me ? 1 : 0)
  })

  it('pays no more than a member has by the least of all states that may count', () => {
    const table = new Table([100n, 100n, 100n])
    const [a] = table.members
    a!.do({ kind: 'wish', wishes: [wishOf(1, 1, 60n)] })
    expect(() => a!.do({ kind: 'wish', wishes: [wishOf(2, 2, 41n)] })).to.throw(InsufficientBalanceError)
    a!.do({ kind: 'wish', wishes: [wishOf(3, 2, 40n)] })
  })

  it('clears a circle of debts without any money', () => {
    const table = new Table([0n, 0n, 0n, 0n])
    for (const { me } of table.members)
      table.members[me]!.do({ kind: 'wish', wishes: [wishOf(me, (me + 1) % 4, 100n, true)] })
    table.run()
    table.pass(3_000)
    const finals = table.members[0]!.final().flatMap(({ round }) => round.payments.map(({ amount }) => amount))
    expect(finals).to.deep.equal([100n, 100n, 100n, 100n])
    expect(table.credits(0)).to.deep.equal([0n, 0n, 0n, 0n])
  })

  it('cuts divisible wishes first, and leaves whole ones out, until nobody ends below zero', () => {
    const wishes = [
      { from: 0, wish: wishOf(1, 1, 50n) },
      { from: 0, wish: wishOf(2, 2, 80n, true) },
      { from: 1, wish: wishOf(3, 2, 60n) },
    ]
    expect(compose([100n, 0n, 0n], wishes, cutLast).map(({ amount }) => amount)).to.deep.equal([50n, 50n, 0n])
    expect(compose([100n, 10n, 0n], wishes, cutLast).map(({ amount }) => amount)).to.deep.equal([50n, 50n, 60n])
    expect(compose([-1n, 0n, 0n], [], cutLast).length).to.equal(0)
  })

  it('S55 answers a stale state on chain with the newest complete one, and settles with what counts', () => {
    const table = new Table([100n, 100n, 100n])
    const [a] = table.members
    a!.do({ kind: 'wish', wishes: [wishOf(1, 1, 5n)] })
    table.run()
    const stale = a!.joint.complete
    a!.do({ kind: 'wish', wishes: [wishOf(2, 1, 5n)] })
    table.run()
    const newest = a!.joint.complete
    expect(newest.state.version > stale.state.version).to.equal(true)
    const latest = disputed(NOW + 600n)
    const base = [0n, laneWordOf(stale.state)]
    a!.do({ kind: 'facts', facts: jointFacts(table.balances, { latest, base }) })
    expect(a!.chain).to.deep.equal([{ kind: 'submit', round: newest, expiry: NOW + 600n }])
    a!.chain = []
    const head = { number: 11, timestamp: NOW + 600n }
    const lanes = [laneWordOf(newest.state)]
    a!.do({ kind: 'facts', facts: jointFacts(table.balances, { latest, base, lanes, head }) })
    expect(a!.chain).to.deep.equal([
      { kind: 'settle', counted: { state: newest.state, pending: newest.pending }, base },
    ])
    expect(() => a!.do({ kind: 'wish', wishes: [wishOf(3, 1, 5n)] })).to.throw(BlockedError)
    table.run()
    expect(a!.joint.complete).to.equal(newest)
  })

  it('S55 settles with a stale state that nobody answered, from what it remembers', () => {
    const table = new Table([100n, 100n, 100n])
    const [a] = table.members
    for (const id of [1, 2, 3]) {
      a!.do({ kind: 'wish', wishes: [wishOf(id, 1, 5n)] })
      table.run()
    }
    const stale = a!.history[0]!.state
    expect(stale.version < a!.joint.complete.state.version).to.equal(true)
    const over = { latest: disputed(NOW), base: [0n, laneWordOf(stale)], lanes: [0n] }
    a!.do({ kind: 'facts', facts: jointFacts(table.balances, over) })
    expect(a!.chain).to.deep.equal([{ kind: 'lookup', version: stale.version }])
    a!.do({ kind: 'shown', rounds: a!.history.slice(0, 1) })
    expect(a!.chain.at(-1)).to.deep.equal({
      kind: 'settle',
      counted: { state: stale, pending: NOTHING_LOCKED },
      base: over.base,
    })
  })

  it('withdraws with the consent of all, and counts what was signed as gone', () => {
    const table = new Table([100n, 100n, 100n])
    const [a, b] = table.members
    const withdrawal = orderOf(table, 0, 70n)
    a!.do({ kind: 'order', withdrawal })
    table.run()
    expect(a!.chain.map(({ kind }) => kind)).to.include('execute')
    expect(() => a!.do({ kind: 'wish', wishes: [wishOf(1, 1, 31n)] })).to.throw(InsufficientBalanceError)
    const word: LedgerWord = { phase: 'open', recorded: false, generation: 0, seq: 1, balances: [0n, 0n] }
    const after = jointFacts([30n, 100n, 100n], { latest: word, confirmed: word })
    for (const member of table.members) member.do({ kind: 'facts', facts: after })
    expect(b!.news).to.deep.equal([{ kind: 'withdrawn', withdrawal }])
  })

  it('closes with the consent of all by the newest complete state alone', () => {
    const table = new Table([100n, 100n, 100n])
    const [a] = table.members
    a!.do({ kind: 'wish', wishes: [wishOf(1, 1, 5n)] })
    table.run()
    const parts = closingParts(a!.joint, HOME)
    const wrong = { ...orderOf(table, 0, 1n), closing: true, parts: parts.slice(1) }
    expect(() => a!.do({ kind: 'order', withdrawal: wrong })).to.throw(BlockedError)
    a!.do({ kind: 'order', withdrawal: { ...wrong, parts } })
    table.run()
    expect(a!.chain.map(({ kind }) => kind)).to.include('execute')
    expect(parts.map(({ amount }) => amount)).to.deep.equal([95n, 105n, 100n])
    expect(() => a!.do({ kind: 'wish', wishes: [wishOf(2, 1, 5n)] })).to.throw(BlockedError)
    table.members[1]!.do({ kind: 'message', from: 2, message: { ...WANTED, attempt: 2n, complete: 1n } })
    table.run()
    table.pass(2_000)
    expect(a!.joint.complete.state.version).to.equal(1n)
  })
})

function orderOf(table: Table, member: number, amount: bigint): Withdrawal {
  const { channelId, asset } = table.members[0]!.joint
  const parts = [{ member, amount, ...HOME }]
  return { channelId, asset, generation: 0, seq: 0, parts, closing: false, validUntil: NOW + 600n, dispute: 0n }
}
