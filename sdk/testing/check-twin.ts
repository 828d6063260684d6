import fc from 'fast-check'
import type { App } from '../apps/define-app.ts'
import { InvalidAppError } from '../apps/rules.ts'
import { TallystickError } from '../core/errors.ts'
import { type Difference, firstDifference, type Game } from './game.ts'
import { remembered } from './remembered.ts'

export interface TwinCheck<State, Move> {
  readonly seats: number
  /** States in which games begin; those in the middle of a game too, if it is long. */
  readonly openings: fc.Arbitrary<State>
  /** What a seat may try in a state: mostly legal moves, some that are not. */
  readonly moves: (state: State, seat: number) => fc.Arbitrary<Move>
  /** Tries of a game at most; 40 if left out. */
  readonly maxMoves?: number
  /** Games; 100 if left out. */
  readonly runs?: number
  /** Of all chance; the same seed plays the same games. */
  readonly seed?: number
}

/** A twin says something else than the code of its app. `difference` ends the shortest game that was found. */
export class TwinDiffersError extends TallystickError {
  readonly code = 'TWIN_DIFFERS'
  readonly difference: Difference
  readonly seed: number

  constructor(difference: Difference, seed: number) {
    const { question, state, moves, twin, code } = difference
    super(
      `Of ${question} the twin says "${twin}" and the code "${code}", about state ${state}, after moves [${moves.join(', ')}]. ` +
        `Correct the twin; seed ${seed} plays this game again.`,
    )
    this.difference = difference
    this.seed = seed
  }
}

/** How a seat makes its move: by chance, and in one of some cases with a byte changed. */
interface Try {
  readonly seed: number
  readonly spoil: { readonly at: number; readonly byte: number } | null
}

/**
 * Plays random games, legal and illegal, by an app's code, and asks its twin about every state and move. Throws
 * {@link TwinDiffersError} with the shortest game in which the two differ, {@link InvalidAppError} if there is no twin.
 *
 * @example
 * ```ts
 * checkTwin(nim, {
 *   seats: 2,
 *   openings: fc.record({ heap: fc.nat(20), seat: fc.nat(1), moves: fc.constant(0) }),
 *   moves: () => fc.record({ take: fc.nat(4) }),
 * })
 * ```
 */
export function checkTwin<State, Move>(app: App<State, Move>, check: TwinCheck<State, Move>): void {
  const { seats, openings, maxMoves = 40, runs = 100, seed } = check
  const [twin, code] = [app.twinRules(seats), remembered(app.codeRules(seats))]
  if (twin === undefined) throw new InvalidAppError('The app has no twin that could be checked.')
  const play = (opening: State, tries: readonly Try[]): Difference | undefined =>
    firstDifference(twin, code, gameOf(app, check, opening, tries))
  const property = fc.property(openings, fc.array(oneTry, { maxLength: maxMoves, size: 'max' }), (opening, tries) => {
    return play(opening, tries) === undefined
  })
  const details = fc.check(property, { numRuns: runs, ...(seed === undefined ? {} : { seed }) })
  // Played once more: what throws here is a mistake in what the caller gave.
  const difference = details.counterexample && play(...details.counterexample)
  if (difference) throw new TwinDiffersError(difference, details.seed)
}

const oneTry: fc.Arbitrary<Try> = fc.record({
  seed: fc.nat(0xffff),
  spoil: fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.record({ at: fc.nat(1_000), byte: fc.nat(255) }) },
  ),
})

function gameOf<State, Move>(
  app: App<State, Move>,
  { moves }: TwinCheck<State, Move>,
  opening: State,
  tries: readonly Try[],
): Game {
  const makeMove =
    ({ seed, spoil }: Try) =>
    (state: Uint8Array, seat: number): Uint8Array => {
      const likely = moves(app.decodeState(state), seat)
      // A first sample prefers the edges of its range. Only such moves would seldom lead a game to its end.
      const [move] = fc.sample(seed % 4 === 0 ? likely : fc.noBias(likely), { numRuns: 1, seed })
      const bytes = app.encodeMove(move as Move)
      return spoil === null ? bytes : spoiled(bytes, spoil.at, spoil.byte)
    }
  return { opening: app.encodeState(opening), moves: tries.map(makeMove) }
}

/** One byte changed, or one more. */
function spoiled(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const index = at % (bytes.length + 1)
  return index < bytes.length ? bytes.with(index, byte) : Uint8Array.of(...bytes, byte)
}
