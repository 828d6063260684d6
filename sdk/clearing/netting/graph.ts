/** Arcs between nodes 0..size-1, each with its reverse, laid out in the order in which a search reads them. */
export interface Graph {
  readonly size: number
  /** The arcs of node v stand at `starts[v]` up to `starts[v + 1]`. */
  readonly starts: Int32Array
  /** Where an arc leads to. */
  readonly heads: Int32Array
  /** The place of its reverse. */
  readonly reverses: Int32Array
  /** 1 for an arc as it was given, -1 for a reverse: what a unit costs there. */
  readonly costs: Int8Array
  /** The place of each arc that was given. */
  readonly places: Int32Array
}

/** The graph with arcs from `from[i]` to `to[i]`. */
export function graphOf(size: number, from: Int32Array, to: Int32Array): Graph {
  const starts = new Int32Array(size + 1)
  for (const ends of [from, to]) for (const node of ends) starts[node + 1]!++
  for (let node = 0; node < size; node++) starts[node + 1]! += starts[node]!
  const free = starts.slice(0, size)
  const [heads, reverses] = [new Int32Array(2 * from.length), new Int32Array(2 * from.length)]
  const costs = new Int8Array(2 * from.length)
  const places = new Int32Array(from.length)
  for (let arc = 0; arc < from.length; arc++) {
    const [tail, head] = [from[arc]!, to[arc]!]
    const [there, back] = [free[tail]!++, free[head]!++]
    heads[there] = head
    heads[back] = tail
    reverses[there] = back
    reverses[back] = there
    costs[there] = 1
    costs[back] = -1
    places[arc] = there
  }
  return { size, starts, heads, reverses, costs, places }
}
