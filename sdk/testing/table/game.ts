import type { App } from '../../apps/define-app.ts'
import type { Hex } from '../../core/types.ts'
import type { AppEnd, AppInstance } from '../../node/apps/app-instance.ts'
import type { Node } from '../../node/node.ts'
import { moveAgain, showOld } from './cheat.ts'
import { TableError, until } from './errors.ts'
import type { Player } from './player.ts'

/** One instance of the app, as all players at the table hold it. */
export class Game<State, Move> {
  /** 32 bytes. */
  readonly id: Hex
  readonly #app: App<State, Move>
  readonly #players: readonly Player<State, Move>[]
  /** A node that was started again holds the instance anew. */
  readonly #held = new WeakMap<Node, AppInstance<State, Move>>()

  constructor(id: Hex, app: App<State, Move>, players: readonly Player<State, Move>[]) {
    this.id = id
    this.#app = app
    this.#players = players
  }

  /** The instance as a player holds it. Throws {@link TableError} while that player is silent, `AppUnknownError` once it is over there. */
  of(name: string): AppInstance<State, Move> {
    return this.#of(this.#player(name))
  }

  #of({ node }: Player<State, Move>): AppInstance<State, Move> {
    const held = this.#held.get(node) ?? node.app(this.#app, this.id)
    this.#held.set(node, held)
    return held
  }

  #player(name: string): Player<State, Move> {
    const player = this.#players.find((one) => one.name === name)
    if (!player) throw new TableError(`Nobody called ${name} plays. There are ${this.#names()}.`)
    return player
  }

  #names = (): string => this.#players.map(({ name }) => name).join(', ')

  /** Players who answer and for whom it is not over. */
  #awake(): AppInstance<State, Move>[] {
    return this.#players
      .filter((player) => !player.isSilent && (this.#held.has(player.node) || player.node.apps().includes(this.id)))
      .map((player) => this.#of(player))
  }

  /** Resolves once it has begun at each player. */
  async begun(): Promise<void> {
    const isBegun = ({ node }: Player<State, Move>) => node.app(this.#app, this.id).version > 0
    await until(
      () => this.#players.every((player) => player.node.apps().includes(this.id) && isBegun(player)),
      'The beginning of the game',
    )
    this.#awake()
  }

  /** Makes these moves, each by whoever is on turn. Throws {@link TableError} if that player is silent, `IllegalMoveError`. */
  async play(...moves: readonly Move[]): Promise<void> {
    for (const move of moves) {
      const awake = this.#awake()
      const mover = awake.find(({ turn, mine }) => turn !== undefined && mine.includes(turn))
      if (!mover) throw new TableError('Nobody who answers is on turn. Wake that player, or let the chain judge.')
      await until(() => mover.isMyTurn, 'The turn')
      await mover.move(move)
      const { version } = mover
      await until(() => awake.every((game) => game.version >= version), `Version ${version} at every player`)
    }
  }

  /** Resolves once it is over and paid at every player who answers; the end is that of the first one. */
  async finish(): Promise<AppEnd<State>> {
    const ends = await Promise.all(this.#awake().map((game) => game.finish()))
    const [end] = ends
    if (!end) throw new TableError('Nobody who answers plays this game any more. Call finish before it is over.')
    return end
  }

  /** A cheat shows the chain an older agreed state. It is silent from then on: wake it to be paid. Throws {@link TableError}. */
  showOld(name: string, version: number): Promise<void> {
    return showOld(this.#player(name), this.#app, this.id, version)
  }

  /**
   * A cheat takes its last move back: it signs another one for the same version and forces that on the chain. It is silent from then on.
   * Throws {@link TableError}, `IllegalMoveError`.
   */
  moveAgain(name: string, move: Move): Promise<void> {
    return moveAgain(this.#player(name), this.#app, this.id, move)
  }
}
