import { type Choice, WHOLE } from './choice.ts'
import { bySize, type Round } from './round.ts'

/**
 * By obligation, what of it is discharged. Divisible obligations of one payer to one payee share what is discharged between them in
 * proportion to their amounts; units lost in rounding down go to those which lost most of one, then to the largest.
 */
export function divide(round: Round, { stands, rests }: Choice): bigint[] {
  const discharged = round.amounts.map((amount, line) => {
    const unit = round.unitOf[line]!
    return unit < 0 || stands[unit] === WHOLE ? amount : 0n
  })
  for (const [at, { starts, middles, lines }] of round.markets.entries())
    for (const [pair, rest] of rests[at]!.entries()) {
      if (rest === 0n) continue
      const sharing = lines.subarray(starts[pair], middles[pair])
      for (const [line, part] of proportional(round, sharing, rest)) discharged[line] = part
    }
  return discharged
}

function proportional(round: Round, lines: Int32Array, rest: bigint): [number, bigint][] {
  const amountOf = (line: number) => round.amounts[line]!
  let total = 0n
  for (const line of lines) total += amountOf(line)
  let left = total - rest
  const bySizeFirst = bySize(round)
  const parts = Array.from(lines, (line) => {
    const whole = amountOf(line) * (total - rest)
    left -= whole / total
    return { line, part: whole / total, lost: whole % total }
  }).sort((a, b) => (a.lost === b.lost ? bySizeFirst(a.line, b.line) : a.lost > b.lost ? -1 : 1))
  return parts.map(({ line, part }, rank) => [line, BigInt(rank) < left ? part + 1n : part])
}
