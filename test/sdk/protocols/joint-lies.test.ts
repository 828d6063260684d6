import { expect } from 'chai'
import fc from 'fast-check'
import { fromUint, toHex } from '../../../sdk/core/bytes.ts'
import { type Outcome, WHOLE } from '../../../sdk/core/outcome.ts'
import { stateDigest } from '../../../sdk/core/state.ts'
import { countedValues, transferLeaf } from '../../../sdk/core/transfer.ts'
import type { Hex, State } from '../../../sdk/core/types.ts'
import {
  type Joint,
  type JointLock,
  type JointMessage,
  type JointPayment,
  type JointResolution,
  possible,
  proposerOf,
  type Round,
  type Wish,
} from '../../../sdk/protocols/joint.ts'
import { stateAfter } from '../../../sdk/protocols/joint-acts.ts'
import { hasToAgree } from '../../../sdk/protocols/joint-locks.ts'
import { lockWish } from '../../../sdk/protocols/joint-wire.ts'
import { findLocked, gainOf, type Locked, type Pending } from '../../../sdk/protocols/pending.ts'
import { BlockedError, InsufficientBalanceError } from '../../../sdk/protocols/solvency.ts'
import { digestOf, idOf, jointFacts, type Member, Table, wishOf } from './joint-sides.ts'
import { DOMAIN, NOW } from './sides.ts'

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
  | {
      readonly kind: 'lock'
      readonly member: number
      readonly to: number
      readonly amount: number
      readonly seconds: number
    }
  | { readonly kind: 'agree'; readonly member: number; readonly pick: number; readonly values: number }
  | { readonly kind: 'record'; readonly pick: number; readonly values: number }
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
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('lock' as const),
      member: small,
      to: small,
      amount: fc.integer({ min: 1, max: 40 }),
      seconds: fc.constantFrom(5, 1_000_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('agree' as const),
      member: small,
      pick: small,
      values: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('record' as const), pick: small, values: fc.nat({ max: 3 }) }),
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
/** Of the two legs of every lock. */
const VALUES = [
  [0n, 0n],
  [WHOLE, WHOLE],
  [WHOLE / 2n, WHOLE / 2n],
  [0n, WHOLE],
]

const nameOf = ({ transfer }: Locked, values: readonly bigint[]): string => `${toHex(transferLeaf(transfer))}/${values}`

/** A game of honest members and liars, who share their keys and sign whatever helps them. */
class Game {
  readonly table: Table
  readonly liars: ReadonlySet<number>
  readonly honest: readonly Member[]
  /** Every content that was proposed to anybody. */
  readonly contents = new Map<Hex, State>()
  readonly #asked = new Map<number, Map<Hex, bigint>>()
  /** Every lock that anybody asked for. */
  readonly #locks: JointLock[] = []
  /** To what each agreed, ever. */
  readonly #agreed = new Map<number, Set<string>>()
  readonly #registry = new Map<Hex, Outcome>()
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
        this.#answer()
        return
      case 'lock':
        this.#lock(move)
        return
      case 'agree':
        this.#agree(move)
        return
      case 'record': {
        const key = this.#locks[move.pick % Math.max(this.#locks.length, 1)]?.transfer.legs[move.pick % 2]?.key
        if (!key || this.#registry.has(key)) return
        this.#registry.set(key, { value: VALUES[move.values]![0]!, recordedAt: this.#time() })
        return
      }
      case 'wish':
        this.#wish(move)
        return
      case 'lie':
        if (this.liars.size > 0) this.#lie(move)
    }
  }

  #time = (): bigint => NOW + BigInt(Math.floor(this.table.now / 1_000))

  /** The registry answers whoever asked it. */
  #answer(): void {
    for (const member of this.table.members)
      for (const effect of member.chain.splice(0)) {
        if (effect.kind !== 'judge') continue
        const none = { value: 0n, recordedAt: 0n }
        const outcomes = new Map(effect.keys.map((key) => [key, this.#registry.get(key) ?? none]))
        member.do({ kind: 'judged', judged: { now: this.#time(), outcomes } })
      }
  }

  /** A lock with a leg for each of the next two members. */
  #lock({ member, to, amount, seconds }: Extract<Move, { kind: 'lock' }>): void {
    const count = this.table.members.length
    const one = this.table.members[member % count]!
    const payees = [1 + (to % (count - 1)), 1 + ((to + 1) % (count - 1))].map((by) => (one.me + by) % count)
    const id = idOf(++this.#ids)
    const legs = payees.map((payee, leg) => ({ to: payee, key: toHex(fromUint(BigInt(2 * this.#ids + leg), 32)) }))
    const transfer = { amount: BigInt(amount), deadline: this.#time() + BigInt(seconds), refundTo: one.me, legs }
    const lock = { id, transfer, note: new Uint8Array() }
    if (!this.#ask(one, lockWish(lock))) return
    this.#locks.push(lock)
  }

  #agree({ member, pick, values }: Extract<Move, { kind: 'agree' }>): void {
    const one = this.table.members[member % this.table.members.length]!
    const { items } = one.joint.complete.pending
    const item = items[pick % Math.max(items.length, 1)]
    if (!item) return
    try {
      one.do({ kind: 'resolve', id: item.id, values: VALUES[values]! })
    } catch (error) {
      expect(error instanceof BlockedError, `${error}`).to.equal(true)
      return
    }
    const known = this.#agreed.get(one.me) ?? new Set()
    this.#agreed.set(one.me, known.add(nameOf(item, VALUES[values]!)))
    one.do({ kind: 'declare' })
  }

  #wish({ member, to, amount, divisible }: Extract<Move, { kind: 'wish' }>): void {
    const one = this.table.members[member % this.table.members.length]!
    const other = to % this.table.members.length
    if (other === one.me) return
    this.#ask(one, wishOf(++this.#ids, other, BigInt(amount), divisible))
  }

  #ask(one: Member, wish: Wish): boolean {
    try {
      one.do({ kind: 'wish', wishes: [wish] })
    } catch (error) {
      expect(error instanceof InsufficientBalanceError || error instanceof BlockedError, `${error}`).to.equal(true)
      return false
    }
    this.#asked.set(one.me, (this.#asked.get(one.me) ?? new Map()).set(wish.id, wish.amount))
    return true
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
        resolutions: this.#endings(joint.complete.pending, pick),
      }
    if (what % 3 === 1) {
      // Content of its own for a version that is its turn, on any base it knows, with what others asked for or with inventions.
      let version = highest + BigInt(pick % 3)
      while (proposerOf(version, count) !== from) version++
      const bases = possible(joint)
      const base = bases[pick % bases.length]!
      const acts = {
        payments: pick % 3 === 0 ? [] : this.#payments(pick),
        locks: this.#invented(pick),
        resolutions: pick % 2 === 0 ? this.#endings(base.pending, pick) : [],
      }
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

  /** Ends of what is locked, by values that perhaps nobody agreed to. */
  #endings({ items }: Pending, pick: number): JointResolution[] {
    return items
      .filter((_, index) => (pick >> (index % 9)) % 2 === 0)
      .map(({ id, transfer }) => ({ from: transfer.refundTo, id, values: VALUES[pick % VALUES.length]! }))
  }

  /** What somebody asked to lock, or nearly so. */
  #invented(pick: number): JointLock[] {
    const found = this.#locks[pick % Math.max(this.#locks.length, 1)]
    if (!found || pick % 4 === 3) return []
    const { transfer } = found
    return [{ ...found, transfer: pick % 4 === 2 ? { ...transfer, amount: transfer.amount + 1n } : transfer }]
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
    for (const { me, joint } of this.honest) for (const round of joint.signed) this.#checkEndings(me, round, joint)
    for (const member of this.honest) {
      for (const [version, digests] of member.signatures)
        expect(digests.size, `member ${member.me} signed version ${version} twice`).to.equal(1)
      this.#checkEntitlement(member)
    }
  }

  /** Whoever could get less agreed to it, or the registry has decided just so. */
  #checkEndings(me: number, { base, resolutions }: Round, { complete, signed }: Joint): void {
    const before = [complete, ...signed].find(({ state }) => state.version === base)
    for (const { id, values } of before ? resolutions : []) {
      const item = findLocked(before!.pending, id)!
      if (!hasToAgree(me, item, values) || this.#agreed.get(me)?.has(nameOf(item, values))) continue
      const decided = countedValues(item.transfer, (key) => this.#registry.get(key), this.#time())
      expect(decided, `member ${me} signed that ${id} ends by ${values}`).to.deep.equal(values)
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
      expect(state.credits.reduce((sum, credit) => sum + credit, state.locked)).to.equal(0n)
    }
  }

  /** Whether all who have to agree want it to end in the same way, as they said last. */
  isAgreed(item: Locked): boolean {
    return this.honest.some(({ joint }) => {
      const values = joint.resolutions.get(item.id)?.values
      return (
        values &&
        this.honest.every(
          (one) => !hasToAgree(one.me, item, values) || `${one.joint.resolutions.get(item.id)?.values}` === `${values}`,
        )
      )
    })
  }

  /** What a member counts on: income that it was told is final, less all that it ever asked to pay. */
  #toldOf(member: Member): bigint {
    let amount = BALANCE
    const decided = new Set<Hex>()
    const locked = new Map<Hex, Locked>()
    for (const { round } of member.final()) {
      for (const { id, values } of round.resolutions) {
        const item = locked.get(id)
        if (item) amount += gainOf(member.me, item.transfer, { kind: 'unlock', values })
        locked.delete(id)
      }
      for (const lock of round.locks) {
        locked.set(lock.id, { ...lock, since: round.state.version })
        if (lock.transfer.refundTo !== member.me) continue
        if (!decided.has(lock.id)) amount -= lock.transfer.amount
        decided.add(lock.id)
      }
      for (const { from, to, id, amount: paid } of round.payments) {
        if (to === member.me) amount += paid
        if (from !== member.me) continue
        if (!decided.has(id)) amount -= paid
        decided.add(id)
      }
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
          expect(joint.complete.pending.items.filter((item) => one.isAgreed(item))).to.deep.equal([])
          expect(joint.complete.state).to.deep.equal(one.honest[0]!.joint.complete.state)
        }
      }),
      { seed: 20_261_126, numRuns: 60, endOnFailure: true },
    )
  })
})
