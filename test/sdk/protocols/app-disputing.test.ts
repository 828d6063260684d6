import { expect } from 'chai'
import fc from 'fast-check'
import { FINAL_VERSION } from '../../../sdk/core/app.ts'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { type AppSession, isMyTurn, isSameState } from '../../../sdk/protocols/app.ts'
import {
  type AppDuty,
  awaitsMove,
  disputeBy,
  dutyOf,
  type ShownStanding,
} from '../../../sdk/protocols/app-disputing.ts'
import { ALICE, BOB, BUDGET, END_BY, GAMES, type Game, type Player, Round } from './app-players.ts'

/** The arbiter's rules for two players with a seat each. */
class ModelArbiter {
  readonly #game: Game
  now = 1_000n
  standing: ShownStanding | undefined
  values: readonly bigint[] | undefined

  constructor(game: Game) {
    this.#game = game
  }

  submit(version: number, state: Uint8Array, moves: readonly Uint8Array[]): boolean {
    if (this.values || this.now >= END_BY || version <= (this.standing?.base ?? 0)) return false
    const clocks = [0, 1].map(() => ({ spent: 0, moved: version }))
    return this.#play({ ...this.#at(version, state), clocks, since: this.now, base: version }, moves)
  }

  move(from: ShownStanding, moves: readonly Uint8Array[]): boolean {
    if (this.values || this.now >= END_BY || this.standing !== from) return false
    return this.#play(from, moves)
  }

  #at = (version: number, state: Uint8Array) => ({ version, state, turn: this.#game.rules.turn(state) })

  #play(from: ShownStanding, moves: readonly Uint8Array[]): boolean {
    let [next, elapsed] = [from, Number(this.now - from.since)]
    for (const move of moves) {
      const { turn, version, state, clocks } = next
      if (turn === undefined || clocks[turn]!.spent + elapsed > BUDGET) return false
      const moved = { spent: clocks[turn]!.spent + elapsed, moved: version + 1 }
      next = {
        ...next,
        ...this.#at(version + 1, this.#game.rules.advance(state, move)),
        clocks: clocks.with(turn, moved),
      }
      elapsed = 0
    }
    this.standing = { ...next, since: this.now, base: Math.min(...next.clocks.map(({ moved }) => moved)) }
    return true
  }

  conclude(from: ShownStanding): boolean {
    if (this.values || this.standing !== from) return false
    const { turn, clocks, since, state } = from
    const until = since + BigInt(BUDGET - (turn === undefined ? 0 : clocks[turn]!.spent))
    if (this.now < END_BY && this.now <= until) return false
    this.agree(state)
    return true
  }

  agree(state: Uint8Array): void {
    this.values ??= this.#game.rules.outcome(state)
  }
}

type Choice = (state: Uint8Array) => Uint8Array

/** Always the same move in one state, so that its worth can be known. */
const chooser =
  (game: Game, salt: number): Choice =>
  (state) => {
    const moves = game.movesAt(state)
    return moves[(state.reduce((sum, byte) => sum + byte, 0) + salt) % moves.length]!
  }

/** What a seat gets for sure that plays by `choose`, whatever the other does, and wherever it stops. */
function guarantee(game: Game, seat: number, choose: Choice, opening: Uint8Array): bigint {
  const known = new Map<string, bigint>()
  const of = (state: Uint8Array): bigint => {
    const name = toHex(state)
    const value = known.get(name) ?? worst(state)
    known.set(name, value)
    return value
  }
  const worst = (state: Uint8Array): bigint => {
    const turn = game.rules.turn(state)
    const here = game.rules.outcome(state)[seat]!
    if (turn === undefined) return here
    const follow = (move: Uint8Array) => of(game.rules.advance(state, move))
    if (turn === seat) return follow(choose(state))
    const values = [here, ...game.movesAt(state).map(follow)]
    return values.find((value) => values.every((other) => value <= other))!
  }
  return of(opening)
}

/** An honest player that looks at each block, as its node does; its moves are made at once. */
class Honest {
  readonly #player: Player
  readonly #arbiter: ModelArbiter
  readonly #choose: Choice
  wanted = false

  constructor(player: Player, arbiter: ModelArbiter, choose: Choice) {
    this.#player = player
    this.#arbiter = arbiter
    this.#choose = choose
  }

  get session(): AppSession {
    return this.#player.session
  }

  look(): void {
    const { standing } = this.#arbiter
    if (standing) this.#player.dispatch({ kind: 'disputed' })
    if (standing && awaitsMove(this.session, standing)) this.#force(standing)
    const { now, values } = this.#arbiter
    const duty = dutyOf(this.session, { now, standing, recorded: values !== undefined }, this.wanted)
    if (duty) this.#perform(duty)
  }

  #force(from: ShownStanding): void {
    const move = this.#choose(from.state)
    const after = this.#player.positionOf(this.#player.game.rules.advance(from.state, move))
    this.#player.dispatch({ kind: 'force', from, move, after })
    // What was signed as an agreed state has no second one beside it.
    const signed = this.#player.signed.get(from.version + 1)
    expect(signed ?? toHex(after.state)).to.equal(toHex(after.state))
  }

  #perform(duty: AppDuty): void {
    const moves = 'moves' in duty ? duty.moves.map(({ move }) => move) : []
    if (duty.kind === 'submit')
      expect(this.#arbiter.submit(duty.agreed.version, duty.agreed.state, moves)).to.equal(true)
    if (duty.kind === 'move') expect(this.#arbiter.move(duty.standing, moves)).to.equal(true)
    if (duty.kind === 'conclude') expect(this.#arbiter.conclude(duty.standing)).to.equal(true)
    if (duty.kind === 'agree') this.#arbiter.agree(duty.state)
  }
}

/** Plays off chain until `stop` moves are made; the last messages may be withheld. */
function prefix(game: Game, honest: number, about: { stop: number; picks: readonly number[]; withheld: number }) {
  const round = new Round(game, [ALICE, BOB])
  const arbiter = new ModelArbiter(game)
  const choose = chooser(game, about.picks[0]!)
  for (const player of round.players) player.open()
  round.deliverAll()
  for (let made = 0; made < about.stop; made++) {
    const mover = round.players.find(({ session }) => isMyTurn(session))
    if (!mover) break
    const { state } = mover.session.agreed!
    const moves = game.movesAt(state)
    mover.move(
      mover === round.players[honest] ? choose(state) : moves[about.picks[made % about.picks.length]! % moves.length]!,
    )
    const rest = made === about.stop - 1 ? about.withheld : 0
    while (round.mail.length > rest) round.deliver(0)
  }
  return { round, arbiter, choose }
}

interface Attack {
  readonly game: Game
  readonly honest: number
  readonly stop: number
  readonly picks: readonly number[]
  readonly withheld: number
  readonly wanted: boolean
  readonly late: boolean
  readonly deeds: readonly (readonly [number, number, number])[]
}

const attack = fc.record<Attack>({
  game: fc.constantFrom(GAMES.rock, GAMES.heap, GAMES.rock, GAMES.heap, GAMES.board),
  honest: fc.nat(1),
  stop: fc.nat(9),
  picks: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 9 }),
  withheld: fc.nat(3),
  wanted: fc.boolean(),
  late: fc.boolean(),
  deeds: fc.array(fc.tuple(fc.nat(4), fc.nat(1_000), fc.nat(1_000)), { maxLength: 25 }),
})

/** One act of the hostile player: whatever the honest one has ever signed is at its hand. */
function harm(
  arbiter: ModelArbiter,
  game: Game,
  victim: Player,
  [deed, pick, other]: readonly [number, number, number],
) {
  const shown = [...victim.signed].filter(([version]) => version !== FINAL_VERSION)
  const hostile = 1 - victim.session.terms.instance.seats.indexOf(victim.session.me)
  const { standing } = arbiter
  const forced = (state: Uint8Array) => {
    const moves = game.movesAt(state)
    return game.rules.turn(state) === hostile && other % 2 === 1 ? [moves[other % moves.length]!] : []
  }
  if (deed <= 1) {
    const [version, hex] = shown[pick % shown.length]!
    const state = toBytes(hex)
    arbiter.submit(version, state, forced(state))
  } else if (deed === 2 && standing?.turn === hostile) {
    const moves = game.movesAt(standing.state)
    arbiter.move(standing, [moves[pick % moves.length]!])
  } else if (deed === 3 && standing) arbiter.conclude(standing)
  else if (deed === 4 && victim.signed.has(FINAL_VERSION)) arbiter.agree(toBytes(victim.signed.get(FINAL_VERSION)!))
}

/** Plays an attack to its end: the value that is recorded for the honest seat, and what it could count on. */
function fight({ game, honest, wanted, late, deeds, ...about }: Attack) {
  const { round, arbiter, choose } = prefix(game, honest, about)
  const victim = round.players[honest]!
  const player = new Honest(victim, arbiter, choose)
  const sure = guarantee(game, honest, choose, victim.session.agreed!.state)
  if (late) arbiter.now = disputeBy(victim.session) - 30n
  player.wanted = wanted
  for (const deed of deeds) {
    harm(arbiter, game, victim, deed)
    player.look()
    arbiter.now += BigInt(1 + (deed[2] % 40))
  }
  // From here on the other is silent, or shows up once more at the very end.
  player.wanted = true
  for (let blocks = 0; !arbiter.values && blocks < 200; blocks++) {
    player.look()
    arbiter.now += 30n
  }
  return { value: arbiter.values![honest]!, sure, last: victim.session }
}

describe('an honest player of an app on chain', () => {
  it('gets what the rules give it from its newest state, in every position, against any play of the other', () => {
    fc.assert(
      fc.property(attack, (plan) => {
        const { value, sure } = fight(plan)
        expect(value >= sure, `${value} is less than ${sure}`).to.equal(true)
      }),
      { numRuns: 200, seed: 8, endOnFailure: true },
    )
  })

  it('goes to the chain by itself while all clocks can still run out twice before the end', () => {
    const { round, arbiter } = prefix(GAMES.heap, 0, { stop: 3, picks: [1], withheld: 0 })
    const { session } = round.players[0]!
    const view = { standing: undefined, recorded: false }
    expect(dutyOf(session, { ...view, now: disputeBy(session) - 1n }, false)).to.equal(undefined)
    const duty = dutyOf(session, { ...view, now: disputeBy(session) }, false)
    expect(duty?.kind).to.equal('submit')
    expect(END_BY - disputeBy(session)).to.be.greaterThan(4n * BigInt(BUDGET))
    expect(arbiter.submit(session.agreed!.version, session.agreed!.state, [])).to.equal(true)
  })

  it('concludes what ended by the clock even if it never heard that all have signed the opening', () => {
    const { round, arbiter } = prefix(GAMES.heap, 1, { stop: 0, picks: [1], withheld: 0 })
    const { session } = round.players[1]!
    const signed = { ...session, agreed: undefined, disputed: true }
    arbiter.submit(1, session.agreed!.state, [])
    const standing = arbiter.standing!
    expect(dutyOf(signed, { now: standing.since + 600n, standing, recorded: false }, false)).to.equal(undefined)
    const duty = dutyOf(signed, { now: standing.since + 601n, standing, recorded: false }, false)
    expect(duty).to.deep.equal({ kind: 'conclude', standing })
  })

  it('shows no move with a state that it does not follow', () => {
    const { round } = prefix(GAMES.heap, 0, { stop: 1, picks: [1], withheld: 3 })
    const { session } = round.players[0]!
    const other = { ...session.pending!.move!, before: Uint8Array.of(1) }
    const astray = { ...session, pending: { ...session.pending!, move: other } }
    const view = { now: 1_000n, standing: undefined, recorded: false }
    expect(dutyOf(session, view, true))
      .to.have.property('moves')
      .with.lengthOf(1)
    expect(dutyOf(astray, view, true))
      .to.have.property('moves')
      .with.lengthOf(0)
    expect(isSameState(session.agreed!.state, session.pending!.move!.before)).to.equal(true)
  })
})
