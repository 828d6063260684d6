import { Random } from './random.ts'

/** How the one hostile machine behaves. */
export const HOSTILITIES = ['cheat', 'silent', 'stubborn', 'late', 'last moment'] as const
export type Hostility = (typeof HOSTILITIES)[number]

/** What can happen, and how often: frames and writes far more often than accidents, so that something gets done in between. */
const WEIGHTS = {
  deliver: 60,
  write: 60,
  pay: 14,
  payMany: 6,
  invoice: 9,
  lock: 5,
  unlock: 3,
  askUnlock: 2,
  askCancel: 2,
  cancel: 2,
  reveal: 1,
  deposit: 4,
  withdraw: 4,
  close: 1,
  dispute: 1,
  time: 9,
  include: 6,
  tick: 8,
  dial: 3,
  drop: 1,
  duplicate: 2,
  swap: 1,
  cut: 1,
  partition: 1,
  crash: 3,
  rpc: 2,
  late: 1,
  delay: 2,
  reorg: 1,
  clock: 1,
  remember: 2,
  backup: 1,
  restore: 2,
  cheat: 3,
  vanish: 2,
} as const

export type Kind = keyof typeof WEIGHTS
export const KINDS = Object.keys(WEIGHTS) as Kind[]

/** One thing that happens; the numbers choose by whom, where and how much, modulo what there is. */
export interface Action {
  readonly do: Kind
  readonly a: number
  readonly b: number
  readonly c: number
}

/** Everything that is decided before a simulation runs. */
export interface Plan {
  readonly seed: number
  /** Payer, hubs and payee, in a line. */
  readonly nodes: number
  readonly edges: readonly (readonly [number, number])[]
  readonly confirmations: number
  readonly hostile: { readonly index: number; readonly kind: Hostility } | undefined
  /** 1 + the index of the machine that may come back with an old backup; 0: none. */
  readonly restores: number
  readonly actions: readonly Action[]
}

export function planOf(seed: number): Plan {
  const random = new Random(seed)
  const nodes = random.pick([2, 2, 3, 3, 3, 4, 5])
  const edges: [number, number][] = Array.from({ length: nodes - 1 }, (_, i) => [i, i + 1])
  if (nodes > 2 && random.once(3)) edges.push([0, nodes - 1])
  const hostile = random.once(2) ? { index: random.below(nodes), kind: random.pick(HOSTILITIES) } : undefined
  // Of two who both lose what they signed, nobody can tell: the others must be honest then.
  const restores = !hostile && random.once(8) ? 1 + random.below(nodes) : 0
  const weights = KINDS.map((kind) => [WEIGHTS[kind], kind] as const)
  const actions = Array.from({ length: 40 + random.below(160) }, () => ({
    do: random.weighed(weights),
    a: random.below(5_000),
    b: random.below(5_000),
    c: random.below(5_000),
  }))
  return { seed, nodes, edges, confirmations: 1 + random.below(3), hostile, restores, actions }
}
