import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { nettingChart } from '../sdk/clearing/netting/chart.ts'
import type { NettingFigures } from '../sdk/clearing/netting/figures.ts'
import { netObligations } from '../sdk/clearing/netting/net.ts'
import type { NettingObligation } from '../sdk/clearing/netting/obligation.ts'
import { printGaps } from './netting/gap.ts'
import { greedyCleared } from './netting/greedy.ts'
import { drawn, fundsFor, type Load, TRAFFIC } from './netting/traffic.ts'

// How much of what is owed disappears by netting, how long that takes beside a plain canceller of cycles, and, with `--gap`, how far what
// settles whole is from the optimum.

const { values } = parseArgs({
  options: {
    gap: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '25' },
    largest: { type: 'string', default: '1000000' },
    svg: { type: 'string', default: 'docs/netting.svg' },
  },
})

/** Members and obligations. */
const SIZES = (
  [
    [60, 1_000],
    [1_000, 10_000],
    [60, 100_000],
    [1_000, 100_000],
    [10_000, 1_000_000],
  ] as const
).filter(([, count]) => count <= Number(values.largest))

if (values.gap) printGaps(Number(values.rounds))
else {
  besideGreedy()
  settledWhole()
}

/** Divisible: what moves with funds for everything, and what cycles alone discharge, beside the canceller. */
function besideGreedy(): void {
  print(
    'traffic',
    'members',
    'obligations',
    'by pairs',
    'among all',
    'cleared',
    'greedy',
    'ratio',
    'ms',
    'greedy ms',
    'ratio',
  )
  print('---', ...new Array<string>(10).fill('--:'))
  const chart = new Map<string, NettingFigures>()
  for (const [traffic, members, count] of loads()) {
    const obligations = drawn({ traffic, members, obligations: count, kind: 'divisible', seed: 1 })
    const { gross, bilateral, multilateral } = figures(obligations, members, 1_000)
    const [{ owed, gross: cleared }, time] = timed(() => figures(obligations, members, 0))
    const [greedy, greedyTime] = timed(() => greedyCleared(obligations))
    const moves = [share(bilateral, gross), share(multilateral, gross)]
    const shares = [share(cleared, owed), share(greedy, owed), (Number(cleared) / Number(greedy)).toFixed(2)]
    print(
      traffic,
      members,
      count,
      ...moves,
      ...shares,
      rounded(time),
      rounded(greedyTime),
      (time / greedyTime).toFixed(2),
    )
    if (members === 1_000) chart.set(traffic, figures(obligations, members, 1_000))
  }
  writeFileSync(values.svg, nettingChart([...chart.values()], [...chart.keys()]))
  console.log(`\nDrawn in ${values.svg}.\n`)
}

/** All-or-nothing: what is discharged with funds for everything, for a twentieth, and without any. */
function settledWhole(): void {
  print('traffic', 'members', 'obligations', 'funds', 'discharged', 'the same divisible', 'ms')
  print('---', ...new Array<string>(6).fill('--:'))
  for (const [traffic, members, count] of loads())
    for (const perMille of [1_000, 50, 0]) {
      const load = { traffic, members, obligations: count, seed: 1 }
      const obligations = drawn({ ...load, kind: 'all-or-nothing' })
      const [{ gross, owed }, time] = timed(() => figures(obligations, members, perMille))
      const best = figures(drawn({ ...load, kind: 'divisible' }), members, perMille).gross
      print(traffic, members, count, `${perMille / 10} %`, share(gross, owed), share(best, owed), rounded(time))
    }
}

function loads(): (readonly [Load['traffic'], number, number])[] {
  return TRAFFIC.flatMap((traffic) => SIZES.map((size) => [traffic, ...size] as const))
}

function figures(obligations: readonly NettingObligation[], members: number, perMille: number): NettingFigures {
  return netObligations(obligations, fundsFor(obligations, members, perMille)).figures[0]!
}

function timed<T>(run: () => T): [T, number] {
  const start = performance.now()
  return [run(), performance.now() - start]
}

function print(...cells: (string | number)[]): void {
  console.log(`| ${cells.map((cell) => (typeof cell === 'number' ? rounded(cell) : cell)).join(' | ')} |`)
}

function rounded(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function share(part: bigint, of: bigint): string {
  return of === 0n ? '' : `${(100 * (Number(part) / Number(of))).toFixed(1)} %`
}
