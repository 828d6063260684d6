import type { App } from '../../apps/define-app.ts'
import type { Address, Hex } from '../../core/types.ts'
import { type AppTerms, isClosed, isMyTurn, seatsOf } from '../../protocols/app.ts'
import { awaitsMove } from '../../protocols/app-disputing.ts'
import type { Engine } from '../engine.ts'
import type { AppSlot } from './app-slot.ts'

/** How an instance has ended. */
export interface AppEnd<State> {
  /** Of each seat, in parts of 1e18: by the registry, if the chain has judged. Zero for all: every stake came back, as if nobody had won. */
  readonly values: readonly bigint[]
  /** The newest that this node knows: of a dispute that it did not see the chain tells the values alone. */
  readonly state: State
}

/** A turn of this node. */
export interface AppTurn<State> {
  readonly state: State
  readonly version: number
  /** The chain waits for this move, and its clock runs. */
  readonly forced: boolean
}

/**
 * One instance of an app, as one of its players holds it.
 *
 * @example
 * ```ts
 * const game = await node.startApp(ticTacToe, { seats: [alice, bob], opening: { board: Array(9).fill(0) }, stakes })
 * game.onTurn(({ state }) => game.move({ cell: choose(state) }))
 * const { values } = await game.finish()
 * ```
 */
export class AppInstance<State, Move> {
  readonly #engine: Engine
  readonly #slot: AppSlot
  readonly #code: App<State, Move>

  constructor(engine: Engine, slot: AppSlot, code: App<State, Move>) {
    this.#engine = engine
    this.#slot = slot
    this.#code = code
  }

  /** 32 bytes. */
  get id(): Hex {
    return this.#slot.id
  }

  get terms(): AppTerms {
    return this.#slot.session.terms
  }

  /** The session key of each seat. */
  get seats(): readonly Address[] {
    return this.terms.instance.seats
  }

  /** The seats of this node. */
  get mine(): readonly number[] {
    return seatsOf(this.#slot.session)
  }

  /** The newest state that all have signed or, in a dispute, that stands on chain. */
  get state(): State {
    return this.#code.decodeState(this.#slot.position.state)
  }

  get version(): number {
    return this.#slot.position.version
  }

  /** Whose turn it is; undefined: it is over. */
  get turn(): number | undefined {
    return this.#slot.position.turn
  }

  /** Whether this node can move now. */
  get isMyTurn(): boolean {
    const { session, standing } = this.#slot
    if (standing) return !this.#slot.recorded && awaitsMove(session, standing)
    return isMyTurn(session)
  }

  /** The chain judges. */
  get disputed(): boolean {
    return this.#slot.session.disputed
  }

  /** The outcome is sure: all have signed the final state, or the registry holds it. Paying may take longer. */
  get decided(): boolean {
    return this.#slot.recorded || isClosed(this.#slot.session)
  }

  /** What the registry holds for each seat, in parts of 1e18; undefined: it holds nothing that counts. */
  get values(): readonly bigint[] | undefined {
    return this.#slot.values
  }

  /** Makes a move; resolves once all players have signed it, or it stands on chain. Throws `IllegalMoveError`, `NotYourTurnError`. */
  async move(move: Move, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#engine.apps.move(this.#slot, this.#code.encodeMove(move), options.signal)
  }

  /** Calls `handler` at each turn of this node, at once if it is its turn now; the returned function ends that. */
  onTurn(handler: (turn: AppTurn<State>) => void): () => void {
    const tell = (forced: boolean) => handler({ state: this.state, version: this.version, forced })
    if (this.isMyTurn) tell(this.disputed)
    return this.#engine.emitter.on('app-turn', ({ id, forced }) => {
      if (id === this.id && this.isMyTurn) tell(forced)
    })
  }

  /** Lets the chain judge: shows it the newest agreed state. Resolves once that, or something newer, stands there. */
  async dispute(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#engine.apps.dispute(this.#slot, options.signal)
  }

  /** Resolves once it is over and every stake has been paid or has come back. */
  async finish(options: { readonly signal?: AbortSignal } = {}): Promise<AppEnd<State>> {
    await this.#engine.apps.finish(this.#slot, options.signal)
    return { values: this.#slot.result, state: this.state }
  }
}
