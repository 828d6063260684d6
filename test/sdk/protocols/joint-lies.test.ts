import { expect } from 'chai'
import fc from 'fast-check'
import { stateDigest } from '../../../sdk/core/state.ts'
import type { Hex, State } from '../../../sdk/core/types.ts'
import { type JointMessage, type JointPayment, NO_ACTS, possible, proposerOf } from '../../../sdk/protocols/joint.ts'
import { stateAfter } from '../../../sdk/protocols/joint-acts.ts'
import { BlockedError, InsufficientBalanceError } from '../../../sdk/protocols/solvency.ts'
import { digestOf, jointFacts, type Member, Table, wishOf } from './joint-sides.ts'
import { DOMAIN } from './sides.ts'

/** What may happen next; the numbers choose among what is there. */
type Move =
  | { readonly kind: 'deliver' | 'lose' | 'double'; readonly pick: number }
  | {
      readonly kind: 'wish'
      readonly member: number
      readonly to: number
      readonly amount: number
      readonly divisible: boolean
    }
  | { readonly kind: 'crash'; readonly member: number }
  | { readonly kind: 'pass'; readonly milliseconds: number }
  | { readonly kind: 'lie'; readonly liar: number; readonly what: number; readonly pick: number; readonly to: number }

const small = fc.nat({ max: 1_000 })
const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('deliver' as const), pick: small }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('lose' as const, 'double' as const), pick: small }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wish' as const),
      member: small,
      to: small,
      amount: fc.integer({ min: 1, max: 60 }),
      divisible: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), member: small }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), milliseconds: fc.integer({ min: 100, max: 1_500 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('lie' as const), liar: small, what: small, pick: small, to: small }),
  },
)

const BALANCE = 100n

/** A game of honest members and liars, who share their keys and sign whatever helps them. */
class Game {
  readonly table: Table
  readonly liars: ReadonlySet<number>
  readonly honest: readonly Member[]
  /** Every content that was proposed to anybody. */
  readonly contents = new Map<Hex, State>()
  readonly #asked = new Map<number, Map<Hex, bigint>>()
  #ids = 0

  constructor(count: number, liars: readonly number[]) {
    this.table = new Table(Array<bigint>(count).fill(BALANCE))
    this.liars = new Set(liars.map((liar) => liar % count))
    this.honest = this.table.members.filter(({ me }) => !this.liars.has(me))
  }

  play(move: Move): void {
    const { queue, members } = this.table
    switch (move.kind) {
      case 'deliver':
      case 'double': {
        if (queue.length === 0) return
        const index = move.pick % queue.length
        const sent = queue[index]!
        if (move.kind === 'deliver') queue.splice(index, 1)
        members[sent.to]!.do({ kind: 'message', from: sent.from, message: sent.message })
        return
      }
      case 'lose':
        if (queue.length > 0) queue.splice(move.pick % queue.length, 1)
        return
      case 'crash':
        members[move.member % members.length]!.restart(jointFacts(this.table.balances), this.table.now)
        return
      case 'pass':
        this.table.now += move.milliseconds
        for (const member of members) member.do({ kind: 'tick', now: this.table.now })
        return
      case 'wish':
        this.#wish(move)
        return
      case 'lie':
        if (this.liars.size > 0) this.#lie(move)
    }
  }

  #wish({ member, to, amount, divisible }: Extract<Move, { kind: 'wish' }>): void {
    const one = this.table.members[member % this.table.members.length]!
    const other = to % this.table.members.length
    if (other === one.me) return
    const wish = wishOf(++this.#ids, other, BigInt(amount), divisible)
    try {
      one.do({ kind: 'wish', wishes: [wish] })
    } catch (error) {
      expect(error instanceof InsufficientBalanceError || error instanceof BlockedError, `${error}`).to.equal(true)
      return
    }
    this.#asked.set(one.me, (this.#asked.get(one.me) ?? new Map()).set(wish.id, wish.amount))
  }

  #lie({ liar, what, pick, to }: Extract<Move, { kind: 'lie' }>): void {
    const liars = [...this.liars]
    const from = liars[liar % liars.length]!
    const target = to % this.table.members.length
    const message = this.#invent(from, what, pick)
    if (!message) return
    // To all at once, or to one alone.
    const targets = pick % 2 === 0 ? [...this.table.members.keys()] : [target]
    for (const one of targets) if (one !== from) this.table.queue.push({ from, to: one, message })
  }

  #invent(from: number, what: number, pick: number): JointMessage | undefined {
    const { joint, signer } = this.table.members[from]!
    const count = this.table.members.length
    const highest = joint.signed.at(-1)?.state.version ?? joint.complete.state.version
    if (what % 3 === 0)
      return {
        kind: 'ready',
        attempt: highest + BigInt(pick % 5),
        complete: highest - BigInt(pick % 2),
        wants: true,
        wishes: [wishOf(pick, pick % count, BigInt(1 + (pick % 90)), pick % 2 === 0)],
        resolutions: [],
      }
    if (what % 3 === 1) {
      // Content of its own for a version that is its turn, on any base it knows, with what others asked for or with inventions.
      let version = highest + BigInt(pick % 3)
      while (proposerOf(version, count) !== from) version++
      const bases = possible(joint)
      const base = bases[pick % bases.length]!
      const acts = { ...NO_ACTS, payments: this.#payments(pick) }
      const after = stateAfter(base, version, acts)
      if (!after) return undefined
      const signature = signer.sign(stateDigest(DOMAIN, after.state))
      return { kind: 'propose', version, base: base.state.version, ...acts, signature }
    }
    const contents = [...this.contents]
    if (contents.length === 0) return undefined
    const [digest, state] = contents[pick % contents.length]!
    const signature = signer.sign(stateDigest(DOMAIN, state))
    return { kind: 'vote', version: state.version, digest, signature, proposed: signature }
  }

  #payments(pick: number): JointPayment[] {
    const asked = [...this.#asked].flatMap(([from, ids]) => [...ids].map(([id, amount]) => ({ from, id, amount })))
    const chosen = asked.filter((_, index) => (pick >> (index % 10)) % 2 === 0)
    const count = this.table.members.length
    return chosen.map(({ from, id, amount }) => ({
      from,
      id,
      to: (from + 1 + ((pick >> 3) % (count - 1))) % count,
      amount: pick % 7 === 0 ? amount + 1n : amount,
    }))
  }

  /** Everything that honest members signed, and what all of them signed: with the liars' keys the chain would take it. */
  check(): void {
    for (const { joint } of this.table.members)
      for (const { state } of possible(joint)) if (state.version > 0n) this.contents.set(digestOf(state), state)
    for (const member of this.honest) {
      for (const [version, digests] of member.signatures)
        expect(digests.size, `member ${member.me} signed version ${version} twice`).to.equal(1)
      this.#checkEntitlement(member)
    }
  }

  #checkEntitlement(member: Member): void {
    const { me, joint } = member
    const told = this.#toldOf(member)
    for (const [digest, state] of this.contents) {
      const isOnHand = this.honest.every((one) => one.signatures.get(state.version)?.has(digest))
      // What is older than what it holds complete it answers.
      if (!isOnHand || state.version < joint.complete.state.version) continue
      const owned = BALANCE + state.credits[me]!
      expect(owned >= told, `member ${me} was told ${told} and version ${state.version} gives it ${owned}`).to.equal(
        true,
      )
      expect(state.credits.every((credit) => BALANCE + credit >= 0n)).to.equal(true)
    }
  }

  /** What a member counts on: income that it was told is final, less all that it ever asked to pay. */
  #toldOf(member: Member): bigint {
    let amount = BALANCE
    const decided = new Set<Hex>()
    for (const { round } of member.final())
      for (const { from, to, id, amount: paid } of round.payments) {
        if (to === member.me) amount += paid
        if (from !== member.me) continue
        if (!decided.has(id)) amount -= paid
        decided.add(id)
      }
    for (const [id, asked] of this.#asked.get(member.me) ?? []) if (!decided.has(id)) amount -= asked
    return amount
  }
}

describe('a group among liars, losses and crashes', () => {
  for (const count of [3, 4, 5, 6])
    it(`S56 leaves no honest one of ${count} members below what it agreed to, whatever happens`, function () {
      this.timeout(120_000)
      const game = fc.record({
        liars: fc.array(small, { maxLength: count - 1 }),
        moves: fc.array(moves, { minLength: 300, maxLength: 600 }),
      })
      fc.assert(
        fc.property(game, ({ liars, moves: all }) => {
          const one = new Game(count, liars)
          for (const move of all) {
            one.play(move)
            one.check()
          }
        }),
        { seed: 20_261_126 + count, numRuns: 60, endOnFailure: true },
      )
    })

  it('completes every wish of honest members when messages are late, doubled and lost', () => {
    const game = fc.record({
      count: fc.integer({ min: 3, max: 6 }),
      moves: fc.array(
        moves.filter(({ kind }) => kind !== 'lie' && kind !== 'crash' && kind !== 'pass'),
        { minLength: 20, maxLength: 150 },
      ),
    })
    fc.assert(
      fc.property(game, ({ count, moves: all }) => {
        const one = new Game(count, [])
        for (const move of all) {
          one.play(move)
          one.check()
        }
        one.table.run()
        one.table.pass(9_000)
        for (const { joint, news } of one.honest) {
          expect(news.filter(({ kind }) => kind === 'stalled' || kind === 'void')).to.deep.equal([])
          // What a round left over of a divisible one stays on offer.
          expect([...joint.wishes.values()].filter(({ standing }) => !standing)).to.deep.equal([])
          expect(joint.complete.state).to.deep.equal(one.honest[0]!.joint.complete.state)
        }
      }),
      { seed: 20_261_126, numRuns: 60, endOnFailure: true },
    )
  })
})
