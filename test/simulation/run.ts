import { perform } from './actions.ts'
import { calm, leave } from './ending.ts'
import type { Mutation } from './machine.ts'
import { verdict } from './oracles.ts'
import { type Action, type Plan, planOf } from './plan.ts'
import { repeatably } from './random.ts'
import { World } from './world.ts'

/** What came of one simulation. */
export interface Outcome {
  readonly seed: number
  /** The rules that were broken; none: all is well. */
  readonly broken: readonly string[]
  /** Of everything that happened and every byte that was sent. */
  readonly digest: string
  readonly counts: ReadonlyMap<string, number>
  readonly lines: readonly string[]
}

export type Mutate = (index: number) => Mutation

/** Runs what a seed stands for, to the end. */
export const simulate = (seed: number, mutate?: Mutate): Promise<Outcome> => play(planOf(seed), mutate)

/** Runs a plan, to the end. */
export async function play(plan: Plan, mutate?: Mutate): Promise<Outcome> {
  const unhandled: string[] = []
  const hear = (reason: unknown) => unhandled.push(`Nobody caught ${(reason as Error)?.stack ?? reason}`)
  process.on('unhandledRejection', hear)
  try {
    return await repeatably(plan.seed, async () => {
      const world = new World(plan, mutate)
      const broken: string[] = []
      try {
        await world.start()
        for (const action of plan.actions) {
          await world.boot()
          await perform(world, action)
        }
        world.note('calm')
        await calm(world)
        world.note('leave')
        await leave(world)
        broken.push(...(await verdict(world)))
      } catch (error) {
        broken.push(`It threw ${(error as Error).stack}`)
      }
      await new Promise((resolve) => setImmediate(resolve))
      broken.push(...unhandled)
      const { digest, counts, lines } = world
      for (const machine of world.machines) machine.crash(false)
      counts.set(`${plan.nodes} nodes`, 1)
      if (plan.hostile) counts.set(`hostile: ${plan.hostile.kind}`, 1)
      return { seed: plan.seed, broken, digest, counts, lines }
    })
  } finally {
    process.off('unhandledRejection', hear)
  }
}

/** What a broken rule is about, without its numbers. */
const aboutOf = (broken: readonly string[]): string => broken[0]?.replace(/0x\w+|\d+/g, '').slice(0, 60) ?? ''

/** A shorter plan that breaks the same rule: pieces are left out as long as it still does. */
export async function shrink(plan: Plan, mutate?: Mutate, attempts = 300): Promise<Plan> {
  let { actions } = plan
  let left = attempts
  const about = aboutOf((await play(plan, mutate)).broken)
  for (let size = Math.ceil(actions.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < actions.length && left > 0; left--) {
      const shorter: readonly Action[] = [...actions.slice(0, at), ...actions.slice(at + size)]
      const { broken } = await play({ ...plan, actions: shorter }, mutate)
      if (aboutOf(broken) === about) actions = shorter
      else at += size
    }
  }
  return { ...plan, actions }
}
