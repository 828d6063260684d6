import load from 'highs'
import type { Funds, NettingObligation } from '../../../../sdk/clearing/netting/obligation.ts'

// The package's types describe a default inside of what Node imports as the default.
const highs = await (load as unknown as typeof load.default)()

/** The largest total that can be discharged, all assets added up, as HiGHS finds it. Small amounts only: it counts in floating point. */
export function bestOf(obligations: readonly NettingObligation[], funds: readonly Funds[]): number {
  if (obligations.length === 0) return 0
  const { Status, ObjectiveValue } = highs.solve(programOf(obligations, funds), {
    output_flag: false,
    mip_rel_gap: 0,
    mip_abs_gap: 0.5,
    time_limit: 20,
  })
  if (Status !== 'Optimal') throw new Error(`HiGHS says ${Status}`)
  return ObjectiveValue
}

/** As CPLEX LP text: `d` for what is discharged of a divisible obligation, `u` for whether a unit settles. */
function programOf(obligations: readonly NettingObligation[], funds: readonly Funds[]): string {
  const units = [...new Set(obligations.filter((one) => !divides(one)).map(unitOf))]
  const total = new Sum()
  const debits = new Map<string, Sum>()
  const limits = new Map(funds.map(({ member, asset, amount }) => [`${member} ${asset}`, amount]))
  for (const [at, one] of obligations.entries()) {
    const [variable, factor] = divides(one) ? [`d${at}`, 1n] : [`u${units.indexOf(unitOf(one))}`, one.amount]
    const [payer, payee] = [`${one.from} ${one.asset}`, `${one.to} ${one.asset}`]
    total.add(variable, factor)
    for (const [member, sign] of [
      [payer, 1n],
      [payee, -1n],
    ] as const) {
      if (!debits.has(member)) debits.set(member, new Sum())
      debits.get(member)!.add(variable, sign * factor)
    }
    const [funded, own] = [limits.get(payer) ?? 0n, one.maxNetDebit ?? 1n << 60n]
    limits.set(payer, own < funded ? own : funded)
  }
  return [
    'Maximize',
    `total: ${total}`,
    'Subject To',
    ...[...debits].map(([member, sum]) => `${sum} <= ${limits.get(member) ?? 0n}`),
    'Bounds',
    ...obligations.flatMap((one, at) => (divides(one) ? [`0 <= d${at} <= ${one.amount}`] : [])),
    ...(units.length > 0 ? ['Binaries', units.map((_, at) => `u${at}`).join(' ')] : []),
    'End',
  ].join('\n')
}

const divides = ({ kind, group }: NettingObligation): boolean => kind === 'divisible' && group === undefined
const unitOf = ({ id, group }: NettingObligation): string => group ?? `alone ${id}`

/** A linear term with each variable once. */
class Sum {
  readonly #factors = new Map<string, bigint>()

  add(variable: string, factor: bigint): void {
    this.#factors.set(variable, (this.#factors.get(variable) ?? 0n) + factor)
  }

  toString(): string {
    return [...this.#factors]
      .map(([variable, factor]) => `${factor < 0n ? '-' : '+'} ${factor < 0n ? -factor : factor} ${variable}`)
      .join(' ')
  }
}
