import {
  advance,
  commitmentTo,
  type Move,
  NONE,
  outcome,
  turn,
} from '../../../examples/apps/rock-paper-scissors/rules.ts'
import * as ticTacToe from '../../../examples/apps/tic-tac-toe/rules.ts'
import { IllegalMoveError, type Rules } from '../../../sdk/apps/rules.ts'
import { FINAL_VERSION, type Instance } from '../../../sdk/core/app.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { keccak256 } from '../../../sdk/core/keccak.ts'
import type { Address, Hex } from '../../../sdk/core/types.ts'
import { type AppSession, type AppTerms, isSameState, type Position, playersOf } from '../../../sdk/protocols/app.ts'
import { type AppEvent, type AppMessage, stepApp } from '../../../sdk/protocols/app-machine.ts'
import { decodeSession, encodeSession } from '../../../sdk/protocols/app-wire.ts'

/** An app with all that may be said in it, so that a test can try everything. */
export interface Game {
  readonly rules: Rules
  readonly seats: number
  readonly opening: Uint8Array
  readonly movesAt: (state: Uint8Array) => readonly Uint8Array[]
}

const WHOLE = 10n ** 18n
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const parsed = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T

/** A twin with its states as text. */
function gameOf<State, Move>(
  twin: {
    readonly turn: (state: State) => number | undefined
    readonly advance: (state: State, move: Move) => State
    readonly outcome: (state: State) => readonly bigint[]
  },
  about: { readonly opening: State; readonly moves: readonly Move[]; readonly seats: number },
): Game {
  const rules: Rules = {
    turn: (state) => twin.turn(parsed(state)),
    outcome: (state) => twin.outcome(parsed(state)),
    advance(state, move) {
      try {
        return text(twin.advance(parsed(state), parsed(move)))
      } catch (cause) {
        throw new IllegalMoveError('no such move', { data: '0x', cause } as never)
      }
    },
  }
  const isLegal = (state: Uint8Array, move: Uint8Array) => {
    try {
      return rules.advance(state, move).length > 0
    } catch {
      return false
    }
  }
  const moves = about.moves.map(text)
  const movesAt = (state: Uint8Array) => moves.filter((move) => isLegal(state, move))
  return { rules, seats: about.seats, opening: text(about.opening), movesAt }
}

const SALT = `0x${'5a'.repeat(32)}` as const
const HANDS = [1, 2, 3]
const rockMoves: Move[] = HANDS.flatMap((hand) => [
  { commitment: commitmentTo(hand, SALT), hand: 0, salt: NONE },
  { commitment: NONE, hand, salt: SALT },
])

interface Heap {
  readonly left: number
  readonly moves: number
}

/** Whoever takes the last gets all; who is silent gets nothing, and the others share. */
const heapOf = (seats: number, left: number): Game =>
  gameOf<Heap, number>(
    {
      turn: (state) => (state.left === 0 ? undefined : state.moves % seats),
      advance: (state, take) => {
        if (take > state.left) throw new Error('too many')
        return { left: state.left - take, moves: state.moves + 1 }
      },
      outcome: (state) => {
        const last = (state.moves + seats - 1) % seats
        const silent = state.moves % seats
        const share = (seat: number) => (seat === silent ? 0n : WHOLE / BigInt(seats - 1))
        return Array.from({ length: seats }, (_, seat) => (state.left > 0 ? share(seat) : seat === last ? WHOLE : 0n))
      },
    },
    { opening: { left, moves: 0 }, moves: [1, 2, 3], seats },
  )

export const GAMES = {
  rock: gameOf(
    { turn, advance, outcome },
    { opening: { commitment: NONE, hands: [0, 0] }, moves: rockMoves, seats: 2 },
  ),
  board: gameOf(ticTacToe, {
    opening: ticTacToe.opening,
    moves: Array.from({ length: 9 }, (_, cell) => ({ cell })),
    seats: 2,
  }),
  heap: heapOf(2, 9),
  /** Of three seats. */
  heap3: heapOf(3, 9),
  /** Of four seats. */
  heap4: heapOf(4, 9),
} as const

export const [ALICE, BOB, CAROL] = ['aa', 'bb', 'cc'].map((byte) => `0x${byte.repeat(20)}` as Address) as [
  Address,
  Address,
  Address,
]

export const BUDGET = 600
export const END_BY = 100_000n

export function termsOf(game: Game, seats: readonly Address[]): AppTerms {
  const app: Address = `0x${'11'.repeat(20)}`
  const instance: Instance = { app, endBy: END_BY, budget: BUDGET, nonce: 7n, seats }
  return { instance, opening: game.opening, stakes: [], deadline: END_BY + 3_600n, group: undefined }
}

/** A stand-in for a signature: only `player` is asked for it in these tests. */
export const signatureOf = (player: Address, version: number, state: Uint8Array): Uint8Array => {
  const hash = keccak256(new TextEncoder().encode(`${player}/${version}/${toHex(state)}`))
  return Uint8Array.of(...hash, ...hash)
}

/** A player that hears and says what a node does, and remembers all that it ever signed. */
export class Player {
  session: AppSession
  readonly game: Game
  readonly #say: (message: AppMessage) => void
  #early: { readonly from: Address; readonly message: AppMessage }[] = []
  /** By version. */
  readonly signed = new Map<number, Hex>()

  constructor(game: Game, terms: AppTerms, me: Address, say: (message: AppMessage) => void = () => {}) {
    const id: Hex = `0x${'1d'.repeat(32)}`
    this.session = { id, terms, me, agreed: undefined, pending: undefined, closing: undefined, disputed: false }
    this.game = game
    this.#say = say
  }

  positionOf = (state: Uint8Array): Position => ({ state, turn: this.game.rules.turn(state) })

  open(): void {
    this.dispatch({ kind: 'staked', opening: this.positionOf(this.game.opening) })
  }

  move(move: Uint8Array): void {
    const after = this.positionOf(this.game.rules.advance(this.session.agreed!.state, move))
    this.dispatch({ kind: 'move', move, after })
  }

  /** The process ends; what was not durable is gone, and what was heard too early. */
  crash(): void {
    this.session = decodeSession(encodeSession(this.session))
    this.#early = []
    this.dispatch({ kind: 'crank' })
  }

  dispatch(event: AppEvent): void {
    const before = this.session
    const { next, effects } = stepApp(before, event)
    this.session = next
    for (const effect of effects) {
      if (effect.kind === 'sign') this.#sign(effect.version, effect.state)
      if (effect.kind === 'send') this.#say(effect.message)
    }
    if (this.session !== before) this.#again()
  }

  #sign(version: number, state: Uint8Array): void {
    const known = this.signed.get(version)
    if (known !== undefined && known !== toHex(state)) throw new Error(`two states of version ${version} are signed`)
    this.signed.set(version, toHex(state))
    this.dispatch({ kind: 'own', version, signature: signatureOf(this.session.me, version, state) })
  }

  #again(): void {
    const early = this.#early
    this.#early = []
    for (const { from, message } of early) this.hear(from, message)
  }

  hear(from: Address, message: AppMessage): void {
    if (message.kind === 'moved') this.#moved(from, message)
    else this.#heard(from, message.version, message.signature, () => this.#early.push({ from, message }))
  }

  #heard(from: Address, version: number, signature: Uint8Array, wait: () => void): void {
    const { agreed, pending } = this.session
    const last = agreed?.turn === undefined && agreed ? agreed : pending?.turn === undefined ? pending : undefined
    const found = version === FINAL_VERSION ? last : pending?.version === version ? pending : undefined
    if (!found && version > (agreed?.version ?? 0)) wait()
    if (!found || !isSameState(signature, signatureOf(from, version, found.state))) return
    this.dispatch({ kind: 'signed', from, version, signature })
  }

  #moved(from: Address, message: AppMessage & { kind: 'moved' }): void {
    const { terms, pending: open } = this.session
    if (open?.version === message.version - 1)
      for (const [seat, player] of terms.instance.seats.entries())
        this.#heard(player, open.version, message.base[seat]!, () => {})
    const { agreed, pending } = this.session
    if (message.version <= (agreed?.version ?? 0) || pending?.version === message.version) return
    if (!agreed || agreed.version + 1 !== message.version || pending) {
      this.#early.push({ from, message })
      return
    }
    if (agreed.turn === undefined || terms.instance.seats[agreed.turn] !== from) return
    const after = this.positionOf(this.game.rules.advance(agreed.state, message.move))
    if (!isSameState(message.signature, signatureOf(from, message.version, after.state))) return
    this.dispatch({ kind: 'moved', move: message.move, signature: message.signature, after })
  }
}

/** Players and the messages between them, in the order in which they were said. */
export class Round {
  readonly players: readonly Player[]
  readonly mail: { readonly from: Address; readonly to: Player; readonly message: AppMessage }[] = []

  constructor(game: Game, seats: readonly Address[]) {
    const terms = termsOf(game, seats)
    this.players = playersOf(terms.instance).map(
      (me) => new Player(game, terms, me, (message) => this.#post(me, message)),
    )
  }

  #post(from: Address, message: AppMessage): void {
    for (const to of this.players) if (to.session.me !== from) this.mail.push({ from, to, message })
  }

  deliver(index: number, keep = false): void {
    const [post] = keep ? [this.mail[index]] : this.mail.splice(index, 1)
    if (post) post.to.hear(post.from, post.message)
  }

  deliverAll(): void {
    while (this.mail.length > 0) this.deliver(0)
  }

  /** All connect anew, and tell each other what they may lack. */
  meet(): void {
    for (const player of this.players) player.dispatch({ kind: 'crank' })
    this.deliverAll()
  }
}
