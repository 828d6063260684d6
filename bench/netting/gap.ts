import { netObligations } from '../../sdk/clearing/netting/net.ts'
import type { Funds, NettingObligation } from '../../sdk/clearing/netting/obligation.ts'
import { COIN } from '../../sdk/core/types.ts'
import { bestOf } from '../../test/sdk/clearing/netting/highs.ts'
import { randomOf } from '../routing/world.ts'

// How far the choice of what settles whole is from the best one, which HiGHS finds in rounds as small as these.

/** How many obligations of a hundred settle whole by themselves or in groups of two to four, in one asset or two. */
const SHAPES = [
  { name: '20 all-or-nothing', count: 20, members: 6, whole: 1, grouped: 0 },
  { name: '60 all-or-nothing', count: 60, members: 10, whole: 1, grouped: 0 },
  { name: '40, half of them all-or-nothing', count: 40, members: 8, whole: 0.5, grouped: 0 },
  { name: '40, half in groups', count: 40, members: 8, whole: 0, grouped: 0.5 },
  { name: '80, all in groups', count: 80, members: 12, whole: 0, grouped: 1 },
] as const
type Shape = (typeof SHAPES)[number]

const FUNDS = [0, 0.05, 0.2, 0.5, 1] as const
const OTHER = `0x${'11'.repeat(20)}` as const
const [LARGEST, LEGS] = [1_000, 3]

/** Prints what is discharged as a share of the optimum, over so many random rounds of each shape. */
export function printGaps(rounds: number): void {
  console.log(`| obligations | members | ${FUNDS.map((share) => `funds ${share}`).join(' | ')} |`)
  console.log(`|---|--:|${FUNDS.map(() => '--:|').join('')}`)
  for (const shape of SHAPES) {
    const cells = FUNDS.map((funds) => `${(100 * shareOfBest(shape, funds, rounds)).toFixed(1)} %`)
    console.log(`| ${[shape.name, shape.members, ...cells].join(' | ')} |`)
  }
}

function shareOfBest(shape: Shape, funds: number, rounds: number): number {
  let [ours, best] = [0, 0]
  for (let seed = 1; seed <= rounds; seed++) {
    const [obligations, all] = smallRound(shape, funds, randomOf(seed))
    ours += Number(netObligations(obligations, all).discharges.reduce((sum, { amount }) => sum + amount, 0n))
    best += bestOf(obligations, all)
  }
  return best === 0 ? 1 : ours / best
}

/** Funds are drawn up to this share of what a member owes on average. */
function smallRound(shape: Shape, share: number, random: () => number): [NettingObligation[], Funds[]] {
  const below = (limit: number) => Math.floor(limit * random())
  const { count, members, whole, grouped } = shape
  const inGroups = Math.round(grouped * count)
  const obligations = Array.from({ length: count }, (_, at): NettingObligation => {
    const from = below(members)
    const to = (from + 1 + below(members - 1)) % members
    const ends = { id: `${at}`, from: `member ${from}`, to: `member ${to}` }
    const asset = grouped > 0 && random() < 0.5 ? OTHER : COIN
    const kind = at < whole * count ? ('all-or-nothing' as const) : ('divisible' as const)
    const group = at < inGroups && ({ group: `0x${Math.floor(at / LEGS).toString(16)}` } as const)
    return { ...ends, asset, amount: BigInt(1 + below(LARGEST)), kind, ...group }
  })
  const most = (share * LARGEST * count) / members
  const funds = Array.from({ length: members }, (_, at) =>
    [COIN, OTHER].map((asset) => ({ member: `member ${at}`, asset, amount: BigInt(below(most + 1)) })),
  )
  return [obligations, funds.flat()]
}
