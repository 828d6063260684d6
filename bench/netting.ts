import { net } from '../sdk/clearing/netting/net.ts'
import { drawn, fundsFor, TRAFFIC } from './netting/traffic.ts'

// How much of what is owed disappears by netting, and how long that takes: with funds for everything, for a twentieth, and without any.

const SIZES = [
  [60, 1_000],
  [60, 100_000],
  [1_000, 100_000],
  [10_000, 1_000_000],
] as const

const share = (part: bigint, of: bigint): string =>
  of === 0n ? '' : `${(100 * (Number(part) / Number(of))).toFixed(1)} %`

console.log('| kind | traffic | members | obligations | funds | discharged | gone by pairs | gone | ms |')
console.log('|---|---|--:|--:|--:|--:|--:|--:|--:|')
for (const kind of ['divisible', 'all-or-nothing'] as const)
  for (const traffic of TRAFFIC)
    for (const [members, count] of SIZES)
      for (const perMille of [1_000, 50, 0]) {
        const obligations = drawn({ traffic, members, obligations: count, kind, seed: 1 })
        const funds = fundsFor(obligations, members, perMille)
        const start = performance.now()
        const { owed, gross, bilateral, multilateral } = net(obligations, funds).figures[0]!
        const taken = Math.round(performance.now() - start)
        const shares = [share(gross, owed), share(gross - bilateral, gross), share(gross - multilateral, gross)]
        const cells = [kind, traffic, members, count, `${perMille / 10} %`, ...shares, taken.toLocaleString('en')]
        console.log(`| ${cells.join(' | ')} |`)
      }
