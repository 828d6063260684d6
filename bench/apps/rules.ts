import type { Rules } from '../../sdk/apps/rules.ts'
import type { Known } from './known.ts'

/** What one core judges of an app in a second: moves made and the turn after each, on encoded states. */
export interface Judged {
  readonly name: string
  readonly code: number
  readonly twin: number
}

export const judge = (known: Known, ms: number): Judged => ({
  name: known.name,
  code: rateOf(known, known.app.codeRules(known.seats), ms),
  twin: rateOf(known, known.app.twinRules(known.seats)!, ms),
})

function rateOf({ app, opening, moves }: Known, rules: Rules, ms: number): number {
  const sent = moves.map((move) => app.encodeMove(move))
  const first = app.encodeState(opening)
  const game = () => {
    let state = first
    for (const move of sent) {
      // A state that comes from outside is another array of bytes each time.
      state = rules.advance(state, move.slice()).slice()
      rules.turn(state)
    }
    return sent.length
  }
  count(game, ms / 4)
  return count(game, ms)
}

/** How much of what `task` counts is done in a second. */
export function count(task: () => number, ms: number): number {
  const start = performance.now()
  let done = 0
  while (performance.now() < start + ms) done += task()
  return (1_000 * done) / (performance.now() - start)
}
