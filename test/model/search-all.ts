import { explore } from './explore.ts'
import type { Setting } from './route.ts'

export interface Result {
  readonly states: number
  readonly attacks: readonly string[]
  /** Coalitions for which the limit was reached before all was seen. */
  readonly cut: number
}

/** All coalitions but that of everybody. `tell` hears of each. */
export function searchAll(
  setting: Omit<Setting, 'coalition'>,
  limit?: number,
  tell: (line: string) => void = () => {},
): Result {
  let [states, cut] = [0, 0]
  const attacks: string[] = []
  for (let coalition = 0; coalition < (1 << setting.parties) - 1; coalition++) {
    // Whoever gives and gets is one party.
    if (setting.isCircle && (coalition & 1) !== coalition >> (setting.parties - 1)) continue
    const found = explore({ ...setting, coalition }, limit)
    const names = nameCoalition(coalition, setting.parties)
    const ending = found.isCut ? 'cut off' : (found.attack?.join('; ') ?? 'no attack')
    tell(`${names.padEnd(24)} ${found.states.toLocaleString('en').padStart(12)}  ${ending}`)
    if (found.attack) attacks.push(`${names}: ${found.attack.join('; ')}`)
    states += found.states
    if (found.isCut) cut++
  }
  return { states, attacks, cut }
}

function nameCoalition(coalition: number, parties: number): string {
  const nameOf = (party: number) => (party === 0 ? 'payer' : party === parties - 1 ? 'payee' : `hop ${party}`)
  const names = Array.from({ length: parties }, (_, party) => party).filter((party) => coalition & (1 << party))
  return names.length === 0 ? 'all honest' : names.map(nameOf).join(', ')
}
