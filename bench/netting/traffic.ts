import type { Funds, NettingObligation } from '../../sdk/clearing/netting/obligation.ts'
import { COIN } from '../../sdk/core/types.ts'
import { randomOf } from '../routing/world.ts'

/** Who owes whom. */
export const TRAFFIC = ['uniform', 'power law', 'consumers to merchants'] as const
type Traffic = (typeof TRAFFIC)[number]

export interface Load {
  readonly traffic: Traffic
  readonly members: number
  readonly obligations: number
  readonly kind: NettingObligation['kind']
  readonly seed: number
}

/** One member in ten is a merchant. */
const MERCHANTS = 0.1
/** Of a hundred payments, those that merchants make to consumers. */
const BACK = 0.05

/** Obligations drawn by a seed: payer and payee by the kind of traffic, amounts evenly up to a million millionths of a coin. */
export function drawn({ traffic, members, obligations, kind, seed }: Load): NettingObligation[] {
  const random = randomOf(seed)
  const ends = () => pair(traffic, members, random)
  return Array.from({ length: obligations }, (_, at) => {
    let [from, to] = ends()
    while (from === to) [from, to] = ends()
    const amount = MILLIONTH * BigInt(1 + Math.floor(1e6 * random()))
    return { id: `${at}`, from: nameOf(from), to: nameOf(to), asset: COIN, amount, kind }
  })
}

const MILLIONTH = 10n ** 12n

const nameOf = (member: number): string => `member ${member}`

function pair(traffic: Traffic, members: number, random: () => number): [number, number] {
  const any = () => Math.floor(members * random())
  const popular = (of: number) => Math.floor(of * random() ** 3)
  if (traffic === 'uniform') return [any(), any()]
  if (traffic === 'power law') return [popular(members), popular(members)]
  const merchants = Math.ceil(MERCHANTS * members)
  const consumer = merchants + Math.floor((members - merchants) * random())
  const merchant = popular(merchants)
  return random() < BACK ? [merchant, consumer] : [consumer, merchant]
}

/** Funds of so many parts in a thousand of what each member owes. */
export function fundsFor(obligations: readonly NettingObligation[], members: number, perMille: number): Funds[] {
  const owed = new Map<string, bigint>()
  for (const { from, amount } of obligations) owed.set(from, (owed.get(from) ?? 0n) + amount)
  return Array.from({ length: members }, (_, at) => {
    const member = nameOf(at)
    return { member, asset: COIN, amount: ((owed.get(member) ?? 0n) * BigInt(perMille)) / 1_000n }
  })
}
