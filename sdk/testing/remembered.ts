import type { Rules } from '../apps/rules.ts'
import { toHex } from '../core/bytes.ts'

/** Rules that give each answer once more without being asked: to shrink a game is to play almost the same one many times. */
export function remembered(rules: Rules): Rules {
  const turn = memo((state: Uint8Array) => rules.turn(state))
  const outcome = memo((state: Uint8Array) => rules.outcome(state))
  const advance = memo((state: Uint8Array, move: Uint8Array) => rules.advance(state, move))
  return { turn, outcome, advance }
}

function memo<T>(answer: (...asked: Uint8Array[]) => T): (...asked: Uint8Array[]) => T {
  const known = new Map<string, () => T>()
  return (...asked) => {
    const key = asked.map(toHex).join()
    const again = known.get(key) ?? once(() => answer(...asked))
    known.set(key, again)
    return again()
  }
}

/** What `ask` returned or threw, as often as it is wanted. */
function once<T>(ask: () => T): () => T {
  try {
    const answer = ask()
    return () => answer
  } catch (error) {
    return () => {
      throw error
    }
  }
}
