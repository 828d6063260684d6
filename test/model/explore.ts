import { Route, type Setting, type World } from './route.ts'

/** What a search of all runs found. */
export interface Search {
  /** Worlds that differ. */
  readonly states: number
  /** The shortest run to a breach, and the breach; undefined if there is none. */
  readonly attack: readonly string[] | undefined
  /** The limit was reached before all was seen. */
  readonly isCut: boolean
}

interface Step {
  readonly name: string
  readonly before: Step | undefined
}

/** Goes through all worlds that a route can come to, breadth first, each once. */
export function explore(setting: Setting, limit = Number.POSITIVE_INFINITY): Search {
  const route = new Route(setting)
  const first = route.start()
  const seen = new Set([route.nameOf(first)])
  let front: (readonly [World, Step | undefined])[] = [[first, undefined]]
  while (front.length > 0) {
    const next: typeof front = []
    for (const [world, before] of front) {
      const breach = route.isEnd(world) ? route.breach(world) : undefined
      if (breach !== undefined) return { states: seen.size, attack: [...pathOf(before), breach], isCut: false }
      if (seen.size > limit) return { states: seen.size, attack: undefined, isCut: true }
      for (const [name, after] of route.moves(world)) {
        const id = route.nameOf(after)
        if (seen.has(id)) continue
        seen.add(id)
        next.push([after, { name, before }])
      }
    }
    front = next
  }
  return { states: seen.size, attack: undefined, isCut: false }
}

function pathOf(step: Step | undefined): string[] {
  const names: string[] = []
  for (let at = step; at; at = at.before) names.unshift(at.name)
  return names
}
