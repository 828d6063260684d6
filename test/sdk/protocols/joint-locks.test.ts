import { expect } from 'chai'
import { type Outcome, WHOLE } from '../../../sdk/core/outcome.ts'
import { laneWordOf, stateDigest, ZERO_HASH } from '../../../sdk/core/state.ts'
import { InvalidTransferError, MAX_TRANSFERS, transfersRoot } from '../../../sdk/core/transfer.ts'
import { COIN, type Hex, type Transfer } from '../../../sdk/core/types.ts'
import { type Acts, jointSpendable, NO_ACTS, proposerOf } from '../../../sdk/protocols/joint.ts'
import { stateAfter } from '../../../sdk/protocols/joint-acts.ts'
import { closingParts } from '../../../sdk/protocols/joint-chain.ts'
import { missing } from '../../../sdk/protocols/joint-late.ts'
import { lockWish } from '../../../sdk/protocols/joint-wire.ts'
import { gather } from '../../../sdk/protocols/joint-wishes.ts'
import { InvalidOperationError } from '../../../sdk/protocols/pending.ts'
import { BlockedError, InsufficientBalanceError } from '../../../sdk/protocols/solvency.ts'
import { idOf, jointFacts, type Member, PATIENCE, Table, wishOf } from './joint-sides.ts'
import { DOMAIN, NOW } from './sides.ts'

const keyOf = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`
const NOTE = new Uint8Array([1, 2])
const HALF = WHOLE / 2n
const DEADLINE = NOW + 3_600n

/** Of member 0, for the members 1 and 2. */
const POT: Transfer = {
  amount: 60n,
  deadline: DEADLINE,
  refundTo: 0,
  legs: [
    { to: 1, key: keyOf(1) },
    { to: 2, key: keyOf(2) },
    { to: 1, key: keyOf(3) },
  ],
}
const ID = idOf(77)
/** 15 to member 1, 30 to member 2, and then 15 more to member 1, for whom there is no more than that. */
const VALUES = [WHOLE / 4n, HALF, WHOLE]

const potOf = (id = ID, over: Partial<Transfer> = {}) => ({ id, transfer: { ...POT, ...over }, note: NOTE })

/** Three members with 100 each, and the pot locked. */
function potted(): { table: Table; a: Member; b: Member; c: Member } {
  const table = new Table([100n, 100n, 100n])
  const [a, b, c] = table.members as [Member, Member, Member]
  a.do({ kind: 'wish', wishes: [lockWish(potOf())] })
  table.run()
  table.pass(2_000)
  return { table, a, b, c }
}

function agree(member: Member, values: readonly bigint[], id = ID): void {
  member.do({ kind: 'resolve', id, values })
  member.do({ kind: 'declare' })
}

/** What the registry answers to all who ask it, from `now` on. */
function answer(table: Table, recorded: Readonly<Record<Hex, Outcome>>, now = NOW + 10n): void {
  for (const member of table.members)
    for (const effect of member.chain.splice(0)) {
      if (effect.kind !== 'judge') continue
      const outcomes = new Map(effect.keys.map((key) => [key, recorded[key] ?? { value: 0n, recordedAt: 0n }]))
      member.do({ kind: 'judged', judged: { now, outcomes } })
    }
  table.run()
}

/** Shows a member what the proposer of the next version may have signed; answers whether it signed as well. */
function propose(table: Table, victim: Member, acts: Partial<Acts>, past = 0n): boolean {
  const { complete, signed } = victim.joint
  let version = (signed.at(-1)?.state.version ?? complete.state.version) + 1n + past
  while (proposerOf(version, 3) === victim.me) version++
  const all = { ...NO_ACTS, ...acts }
  const { state } = stateAfter(complete, version, all)!
  const from = proposerOf(version, 3)
  const signature = table.members[from]!.signer.sign(stateDigest(DOMAIN, state))
  const message = { kind: 'propose', version, base: complete.state.version, ...all, signature } as const
  const before = victim.joint.signed.length
  victim.do({ kind: 'message', from, message })
  return victim.joint.signed.length > before
}

const endings = (member: Member) => member.final().flatMap(({ round }) => round.resolutions)
const asked = ({ news }: Member) => news.flatMap((one) => (one.kind === 'asked' ? [one.values] : []))

describe('transfers locked in a group', () => {
  it('count for nobody, stand in the state, and are told when they are final', () => {
    const { table, a, b } = potted()
    for (const { joint } of table.members) {
      const { state, pending } = joint.complete
      expect(state.credits).to.deep.equal([-60n, 0n, 0n])
      expect(state.locked).to.equal(60n)
      expect(state.transfersRoot).to.equal(transfersRoot([POT]))
      expect(pending.items).to.deep.equal([{ ...potOf(), since: state.version }])
      expect(joint.wishes.size).to.equal(0)
    }
    expect(jointSpendable(a.joint)).to.equal(40n)
    expect(jointSpendable(b.joint)).to.equal(100n)
    expect(b.final().flatMap(({ round }) => round.locks)).to.deep.equal([potOf()])
    expect(() => a.do({ kind: 'wish', wishes: [wishOf(1, 1, 41n)] })).to.throw(InsufficientBalanceError)
    expect(() => a.do({ kind: 'wish', wishes: [lockWish(potOf(idOf(1), { amount: 41n }))] })).to.throw(
      InsufficientBalanceError,
    )
  })

  it('end by values to which everybody agrees that could get less, and not before', () => {
    const { table, a, b, c } = potted()
    const { version } = a.joint.complete.state
    agree(b, VALUES)
    table.run()
    expect(asked(a)).to.deep.equal([VALUES])
    agree(a, VALUES)
    table.run()
    table.pass(3_000)
    expect(a.joint.complete.state.version).to.equal(version)
    agree(c, [WHOLE / 4n, HALF, HALF])
    table.run()
    expect(a.joint.complete.state.version).to.equal(version)
    agree(c, VALUES)
    table.run()
    table.pass(1_000)
    for (const member of table.members) {
      expect(member.joint.complete.state).to.include({ locked: 0n, transfersRoot: ZERO_HASH })
      expect(member.joint.complete.state.credits).to.deep.equal([-60n, 30n, 30n])
      expect(member.joint.resolutions.size).to.equal(0)
      expect(endings(member)).to.deep.equal([{ from: 0, id: ID, values: VALUES }])
    }
  })

  it('end by the word of the payer alone where nobody else could get more', () => {
    const { table, a, b } = potted()
    a.do({ kind: 'wish', wishes: [lockWish(potOf(idOf(5), { amount: 10n, legs: [{ to: 1, key: keyOf(9) }] }))] })
    table.run()
    agree(a, [WHOLE], idOf(5))
    table.run()
    table.pass(1_000)
    expect(table.credits(2)).to.deep.equal([-70n, 10n, 0n])
    // And back to the payer by the word of the payees.
    const zeros = [0n, 0n, 0n]
    agree(b, zeros)
    table.run()
    expect(table.credits(2)).to.deep.equal([-70n, 10n, 0n])
    agree(table.members[2]!, zeros)
    table.run()
    table.pass(1_000)
    expect(table.credits(2)).to.deep.equal([-10n, 10n, 0n])
  })

  it('S52 are signed by no member that did not ask for them, or asked for others', () => {
    const table = new Table([100n, 100n, 100n])
    const [a, b] = table.members as [Member, Member]
    expect(propose(table, a, { locks: [potOf()] })).to.equal(false)
    a.do({ kind: 'wish', wishes: [lockWish(potOf())] })
    const others: Partial<Transfer>[] = [
      { amount: 59n },
      { amount: 61n },
      { deadline: DEADLINE + 1n },
      { legs: POT.legs.slice(1) },
      { legs: POT.legs.map((leg) => ({ ...leg, key: keyOf(4) })) },
    ]
    for (const over of others) expect(propose(table, a, { locks: [potOf(ID, over)] })).to.equal(false)
    expect(propose(table, a, { locks: [{ ...potOf(), note: new Uint8Array() }] })).to.equal(false)
    expect(propose(table, a, { locks: [potOf(idOf(78))] })).to.equal(false)
    expect(propose(table, a, { payments: [{ from: 0, id: ID, to: 1, amount: 60n }] })).to.equal(false)
    // More than it has, of another member.
    expect(propose(table, b, { locks: [potOf(ID, { amount: 101n })] })).to.equal(false)
    expect(propose(table, a, { locks: [potOf()] })).to.equal(true)
    expect(jointSpendable(a.joint)).to.equal(40n)
  })

  it('fit no round with another payer, for the payer itself, twice, or beyond the bounds of the lane', () => {
    const { complete } = potted().a.joint
    const locks: (typeof POT)[] = [
      { ...POT, refundTo: 3 },
      { ...POT, refundTo: 1 },
      { ...POT, legs: [{ to: 0, key: keyOf(1) }] },
      { ...POT, legs: [{ to: 3, key: keyOf(1) }] },
      { ...POT, legs: [] },
      { ...POT, amount: 0n },
    ]
    const made = (acts: Partial<Acts>) => stateAfter(complete, 9n, { ...NO_ACTS, ...acts })
    for (const transfer of locks) expect(made({ locks: [{ id: idOf(1), transfer, note: NOTE }] })).to.equal(undefined)
    expect(made({ locks: [potOf()] })).to.equal(undefined)
    expect(made({ locks: [potOf(idOf(1)), potOf(idOf(1))] })).to.equal(undefined)
    expect(made({ locks: [{ ...potOf(idOf(1)), note: new Uint8Array(513) }] })).to.equal(undefined)
    const end = { from: 0, id: ID, values: VALUES }
    expect(made({ resolutions: [end, end] })).to.equal(undefined)
    expect(made({ resolutions: [{ ...end, from: 1 }] })).to.equal(undefined)
    expect(made({ resolutions: [{ ...end, id: idOf(1) }] })).to.equal(undefined)
    expect(made({ resolutions: [{ ...end, values: VALUES.slice(1) }] })).to.equal(undefined)
    expect(made({ resolutions: [{ ...end, values: [0n, 0n, WHOLE + 1n] }] })).to.equal(undefined)
    expect(made({ resolutions: [end], locks: [potOf()] })).to.equal(undefined)
    expect(made({ resolutions: [end], locks: [potOf(idOf(1))] })?.state.locked).to.equal(60n)
  })

  it('S52 are not ended at other values by a hostile proposer, at the cost of whoever did not agree to just these', () => {
    const { table, a, b, c } = potted()
    for (const member of [a, b]) agree(member, VALUES)
    table.run()
    const end = (values: readonly bigint[]) => ({ resolutions: [{ from: 0, id: ID, values }] })
    // Nobody asked c; a and b agreed to others.
    expect(propose(table, c, end(VALUES))).to.equal(false)
    for (const victim of [a, b]) expect(propose(table, victim, end([HALF, HALF, 0n]))).to.equal(false)
    expect(propose(table, a, end([0n, WHOLE, 0n]))).to.equal(false)
    // All of it to one: that one has nothing against it.
    expect(propose(table, c, end([0n, WHOLE, 0n]))).to.equal(true)
    expect(propose(table, a, end(VALUES))).to.equal(true)
  })

  it('end as the registry has decided, once every member has looked for itself', () => {
    const { table, b } = potted()
    const recorded = {
      [keyOf(1)]: { value: WHOLE / 4n, recordedAt: NOW },
      [keyOf(2)]: { value: HALF, recordedAt: NOW + 1n },
    }
    agree(b, VALUES)
    table.run()
    table.pass(1_000)
    answer(table, recorded)
    expect(table.credits(0)).to.deep.equal([-60n, 0n, 0n])
    table.pass(1_000)
    answer(table, { ...recorded, [keyOf(3)]: { value: WHOLE, recordedAt: NOW + 2n } })
    table.pass(1_000)
    expect(table.credits(0)).to.deep.equal([-60n, 30n, 30n])
  })

  it('S52 do not end as somebody says that the registry has decided: late outcomes, other values and missing ones', () => {
    const { table, a, b } = potted()
    const all = Object.fromEntries([1, 2, 3].map((key) => [keyOf(key), { value: WHOLE, recordedAt: NOW }]))
    agree(b, VALUES)
    table.run()
    table.pass(1_000)
    answer(table, { ...all, [keyOf(3)]: { value: WHOLE, recordedAt: DEADLINE + 1n } })
    table.pass(1_000)
    answer(table, all)
    expect(propose(table, a, { resolutions: [{ from: 0, id: ID, values: VALUES }] })).to.equal(false)
    expect(table.credits(0)).to.deep.equal([-60n, 0n, 0n])
    expect(propose(table, a, { resolutions: [{ from: 0, id: ID, values: [WHOLE, WHOLE, WHOLE] }] })).to.equal(true)
  })

  it('make nobody ask the registry without end', () => {
    const { table, a, b } = potted()
    agree(b, VALUES)
    table.run()
    a.chain = []
    table.pass(100_000)
    const looks = a.chain.filter(({ kind }) => kind === 'judge').length
    expect(looks >= 10 && looks <= 15, `${looks} looks`).to.equal(true)
  })

  it('go back to the payer after the deadline, without a word of the payees', () => {
    const { table, a } = potted()
    agree(a, [0n, 0n, 0n])
    table.run()
    table.pass(1_000)
    answer(table, {}, DEADLINE)
    expect(table.credits(0)).to.deep.equal([-60n, 0n, 0n])
    table.pass(1_000)
    answer(table, {}, DEADLINE + 1n)
    table.pass(1_000)
    expect(table.credits(0)).to.deep.equal([0n, 0n, 0n])
  })

  it('S52 do not go back because the registry was asked about others after their deadline', () => {
    const { table, a, b, c } = potted()
    const legs = [{ to: 1, key: keyOf(8) }]
    a.do({ kind: 'wish', wishes: [lockWish(potOf(idOf(8), { amount: 10n, legs }))] })
    table.run()
    table.pass(1_000)
    // Only the pot is asked about.
    agree(a, [0n, 0n, 0n])
    table.run()
    table.pass(1_000)
    answer(table, {}, DEADLINE + 1n)
    expect(b.joint.judged?.now).to.equal(DEADLINE + 1n)
    const end = { resolutions: [{ from: 0, id: idOf(8), values: [0n] }] }
    expect(propose(table, b, end, 5n)).to.equal(false)
    expect(propose(table, c, end, 5n)).to.equal(true)
  })

  it('S51 name who says that it agrees and then does not sign', () => {
    const { table, a, b, c } = potted()
    const send = table.queue.push.bind(table.queue)
    table.queue.push = (...sent) =>
      send(...sent.filter(({ from, message }) => from !== c.me || message.kind === 'ready'))
    for (const member of [a, b, c]) agree(member, VALUES)
    table.run()
    table.pass(4 * PATIENCE)
    expect(a.joint.signed.some(({ resolutions }) => resolutions.length > 0)).to.equal(true)
    expect(missing(a.joint, table.group.terms)).to.deep.equal([c.me])
  })

  it('S54 count by the least of all states that may count, while an end is signed and given up', () => {
    const { table, a, b, c } = potted()
    for (const member of [a, b, c]) member.do({ kind: 'resolve', id: ID, values: VALUES })
    const end = { resolutions: [{ from: 0, id: ID, values: VALUES }] }
    expect(propose(table, b, end)).to.equal(true)
    expect(jointSpendable(b.joint)).to.equal(100n)
    // The next version on the same base ends it again: the chain counts one of the two.
    expect(propose(table, b, end)).to.equal(true)
    expect(b.joint.signed.map(({ state }) => state.credits)).to.deep.equal([
      [-60n, 30n, 30n],
      [-60n, 30n, 30n],
    ])
    // Nobody takes back what is signed.
    b.do({ kind: 'recant', id: ID })
    expect(b.joint.resolutions.has(ID)).to.equal(true)
    a.do({ kind: 'recant', id: ID })
    expect(propose(table, a, end)).to.equal(false)
  })

  it('do not end by what was agreed to for another one under the same id', () => {
    const { table, a, b, c } = potted()
    agree(b, [0n, 0n, 0n])
    table.run()
    // It ends otherwise, and the payer locks another one under its id.
    const whole = [0n, WHOLE, 0n]
    for (const member of [a, b]) member.do({ kind: 'resolve', id: ID, values: whole })
    b.do({ kind: 'resolve', id: ID, values: whole })
    for (const member of [a, b, c]) member.do({ kind: 'declare' })
    table.run()
    table.pass(1_000)
    expect(table.credits(1)).to.deep.equal([-60n, 0n, 60n])
    expect(b.joint.resolutions.size).to.equal(0)
    a.do({ kind: 'wish', wishes: [lockWish(potOf(ID, { amount: 40n }))] })
    table.run()
    table.pass(1_000)
    expect(b.joint.complete.state.locked).to.equal(40n)
    expect(propose(table, b, { resolutions: [{ from: 0, id: ID, values: [0n, 0n, 0n] }] })).to.equal(false)
  })

  it('S54 do not end by what was agreed to for one whose round was voided', () => {
    const table = new Table([100n, 100n, 100n])
    const b = table.members[1]!
    const zeros = [0n, 0n, 0n]
    // Two versions on one base, both signed, lock different things under one id.
    for (const amount of [60n, 40n]) expect(propose(table, b, { locks: [potOf(ID, { amount })] })).to.equal(true)
    for (const [index, { own: _, proposed: __, ...content }] of b.joint.signed.entries()) {
      const digest = stateDigest(DOMAIN, content.state)
      const round = { ...content, signatures: table.members.map(({ signer }) => signer.sign(digest)) }
      b.do({ kind: 'message', from: 0, message: { kind: 'complete', round } })
      if (index === 0) b.do({ kind: 'resolve', id: ID, values: zeros })
    }
    expect(b.joint.complete.state.locked).to.equal(40n)
    expect(b.news.map(({ kind }) => kind)).to.deep.equal(['void', 'final'])
    expect(propose(table, b, { resolutions: [{ from: 0, id: ID, values: zeros }] })).to.equal(false)
  })

  it('are told to be asked about though their round comes after the question', () => {
    const { table, a, c } = potted()
    const id = idOf(8)
    const votes: Table['queue'] = []
    const send = table.queue.push.bind(table.queue)
    // The votes for the lock reach c after a has asked for its end.
    table.queue.push = (...sent) => {
      for (const one of sent)
        if (one.to === c.me && one.message.kind === 'vote') votes.push(one)
        else send(one)
      return 0
    }
    a.do({ kind: 'wish', wishes: [lockWish(potOf(id, { amount: 10n, legs: [{ to: 2, key: keyOf(8) }] }))] })
    table.run()
    agree(a, [0n], id)
    table.run()
    expect(asked(c)).to.deep.equal([])
    table.queue.push = send
    for (const { from, message } of votes) c.do({ kind: 'message', from, message })
    expect(asked(c)).to.deep.equal([[0n]])
  })

  it('S53 are known again after a crash of every member, with what was signed of them', () => {
    const { table, a, b, c } = potted()
    const before = a.joint.complete
    for (const member of table.members) member.restart(jointFacts(table.balances), table.now)
    table.meet()
    expect(a.joint.complete).to.deep.equal(before)
    // What was agreed to is asked for anew.
    for (const member of [a, b, c]) agree(member, VALUES)
    const votes: Table['queue'] = []
    const send = table.queue.push.bind(table.queue)
    table.queue.push = (...sent) => {
      for (const one of sent)
        if (one.message.kind === 'vote') votes.push(one)
        else send(one)
      return 0
    }
    table.run()
    expect(table.members.every(({ joint }) => joint.signed.length === 1)).to.equal(true)
    const signed = table.members.map(({ joint }) => joint.signed)
    for (const member of table.members) member.restart(jointFacts(table.balances), table.now)
    expect(table.members.map(({ joint }) => joint.signed)).to.deep.equal(signed)
    table.queue.push = send
    table.meet()
    for (const member of table.members) {
      expect(member.joint.complete.state.credits).to.deep.equal([-60n, 30n, 30n])
      expect(endings(member)).to.deep.equal([{ from: 0, id: ID, values: VALUES }])
    }
  })

  it('lets money that comes back be spent in the same round, and leaves out what has no room', () => {
    const { table, a, b, c } = potted()
    const zeros = [0n, 0n, 0n]
    for (const member of [b, c]) member.do({ kind: 'resolve', id: ID, values: zeros })
    const said = table.members.map((member, me) => ({
      kind: 'ready' as const,
      attempt: 9n,
      complete: 0n,
      wants: true,
      wishes: me === 0 ? [wishOf(1, 1, 90n), lockWish(potOf(ID)), lockWish(potOf(idOf(3), { amount: 10n }))] : [],
      resolutions: me === 0 ? [] : [...member.joint.resolutions].map(([id, { values }]) => ({ from: 0, id, values })),
    }))
    const acts = gather(a.joint, 9n, said, table.group.terms.net)
    expect(acts.payments).to.deep.equal([
      { from: 0, id: idOf(1), to: 1, amount: 90n },
      { from: 0, id: ID, to: 1, amount: 0n },
    ])
    expect(acts.locks.map(({ id }) => id)).to.deep.equal([idOf(3)])
    expect(stateAfter(a.joint.complete, 9n, acts)?.state.credits).to.deep.equal([-100n, 90n, 0n])
  })

  it('are refused where they cannot end, and where the lane is full', () => {
    const { a, b } = potted()
    expect(() => b.do({ kind: 'resolve', id: idOf(1), values: VALUES })).to.throw(InvalidOperationError)
    expect(() => b.do({ kind: 'resolve', id: ID, values: [WHOLE] })).to.throw(InvalidOperationError)
    expect(() => b.do({ kind: 'resolve', id: ID, values: [0n, 0n, -1n] })).to.throw(InvalidOperationError)
    const many = Array.from({ length: MAX_TRANSFERS }, (_, index) =>
      lockWish(potOf(idOf(index), { amount: 1n, legs: POT.legs.slice(0, 1) })),
    )
    a.do({ kind: 'facts', facts: jointFacts([1_000n, 100n, 100n]) })
    expect(() => a.do({ kind: 'wish', wishes: many })).to.throw(InvalidTransferError)
    expect(() => a.do({ kind: 'wish', wishes: many.slice(0, 100) })).not.to.throw()
  })

  it('keep the group from being closed, and what is locked from being withdrawn', () => {
    const { a } = potted()
    const blank = { to: COIN, toChannel: ZERO_HASH, toMember: 0 } as const
    const { channelId, asset } = a.joint
    const place = { channelId, asset, generation: 0, seq: 0, validUntil: NOW + 600n, dispute: 0n }
    const closing = { ...place, closing: true, parts: closingParts(a.joint, blank) }
    expect(() => a.do({ kind: 'order', withdrawal: closing }))
      .to.throw(BlockedError)
      .with.property('code', 'TRANSFERS_PENDING')
    const order = (amount: bigint) => ({ ...place, closing: false, parts: [{ member: 0, amount, ...blank }] })
    expect(() => a.do({ kind: 'order', withdrawal: order(41n) })).to.throw(InsufficientBalanceError)
    a.do({ kind: 'order', withdrawal: order(40n) })
  })

  it('are settled with, and looked after when the generation has ended', () => {
    const { a } = potted()
    const { state, pending } = a.joint.complete
    const latest = { phase: 'disputed', recorded: false, generation: 0, expiry: NOW, commitment: 1n } as const
    const over = { latest, base: [0n, laneWordOf(state)], lanes: [0n] }
    a.do({ kind: 'facts', facts: jointFacts([100n, 100n, 100n], over) })
    expect(a.chain.at(-1)).to.deep.equal({ kind: 'settle', counted: { state, pending }, base: over.base })
    a.chain = []
    const word = { phase: 'open', recorded: false, generation: 1, seq: 0, balances: [0n, 0n] } as const
    a.do({ kind: 'facts', facts: jointFacts([0n, 0n, 0n], { latest: word, confirmed: word }) })
    expect(a.chain).to.deep.equal([{ kind: 'reserve', generation: 0 }])
    expect(a.news.at(-1)).to.deep.equal({ kind: 'ended', generation: 0, disputed: true, paid: 40n })
  })
})
