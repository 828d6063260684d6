import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Address, ChannelId } from '../../sdk/core/types.ts'
import { carried, observe, refused } from '../../sdk/routing/belief.ts'
import { Network } from '../../sdk/routing/network.ts'
import { bucketOf, UNTOLD } from '../../sdk/routing/policy.ts'

// A network as it was, with balances and policies drawn by a seed, since nobody tells the former and the file has not the latter. Amounts are
// in thousandths of a satoshi. What the network object believes is the payer's knowledge; what is true stands here.

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One channel of the topology. */
export interface Row {
  readonly members: readonly [number, number]
  /** Thousandths of a satoshi. */
  readonly capacity: number
}

/** The Lightning network of 5 October 2020: pairs of nodes and what the channels between them held. */
export function lightning(): Row[] {
  const file = new URL('../data/lightning-2020-10-05.csv.gz', import.meta.url)
  const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n').slice(1)
  return lines.map((line) => {
    const [first, second, capacity] = line.split(',').map(Number) as [number, number, number]
    return { members: [first, second], capacity: 1_000 * capacity }
  })
}

/** A network that grew by new nodes linking to old ones in proportion to what those have. */
export function grownNetwork(nodes: number, channels: number, seed: number): Row[] {
  const random = randomOf(seed)
  const ends: number[] = [0, 1]
  const rows: Row[] = [{ members: [0, 1], capacity: 1e9 }]
  const perNode = channels / nodes
  for (let node = 2; rows.length < channels; node++) {
    const newcomer = node < nodes ? node : Math.floor(random() * nodes)
    for (let i = 0; i < perNode && rows.length < channels; i++) {
      const other = ends[Math.floor(random() * ends.length)]!
      if (other === newcomer) continue
      rows.push({ members: [newcomer, other], capacity: Math.floor(1e8 * (1 + 100 * random() ** 4)) })
      ends.push(newcomer, other)
    }
  }
  return rows
}

const nameOf = (node: number): Address => `0x${(node + 1).toString(16).padStart(40, '0')}`
const channelOf = (row: number) => `0x${row.toString(16).padStart(62, '0')}02` as ChannelId

/** What channels ask for: of a hundred directions, those below the next number that are not below the one before. Base in thousandths of a satoshi. */
const FEES = [
  { base: 0n, rate: 1, below: 10 },
  { base: 1_000n, rate: 1, below: 50 },
  { base: 1_000n, rate: 10, below: 60 },
  { base: 1_000n, rate: 100, below: 75 },
  { base: 0n, rate: 250, below: 85 },
  { base: 1_000n, rate: 500, below: 95 },
  { base: 1_000n, rate: 1_000, below: 100 },
] as const

/** What a path asks of the world. */
export interface Way {
  readonly edges: readonly number[]
  readonly amounts: readonly bigint[]
}

export class World {
  readonly network = new Network()
  /** What each edge can carry now. */
  readonly balances: Float64Array
  readonly nodes: readonly Address[]
  /** Whether nodes tell in which bucket their balances are. */
  readonly tells: boolean
  /** What the payer has learned of. */
  readonly #touched = new Set<number>()

  constructor(rows: readonly Row[], seed: number, tells: boolean) {
    const random = randomOf(seed)
    const seen = new Set<number>()
    this.tells = tells
    this.balances = new Float64Array(2 * rows.length)
    for (const [index, { members, capacity }] of rows.entries()) {
      for (const member of members) seen.add(member)
      const pair = [nameOf(members[0]), nameOf(members[1])] as const
      const slot = this.network.addChannel({ channelId: channelOf(index), members: pair, capacity: BigInt(capacity) })
      const first = Math.floor(random() * (capacity + 1))
      this.balances[2 * slot] = first
      this.balances[2 * slot + 1] = capacity - first
      for (const edge of [2 * slot, 2 * slot + 1]) this.#offer(edge, capacity, random())
    }
    this.nodes = [...seen].sort((a, b) => a - b).map(nameOf)
  }

  #offer(edge: number, capacity: number, draw: number): void {
    const fee = FEES.find(({ below }) => 100 * draw < below)!
    const policy = { base: fee.base, rate: fee.rate, min: 1n, max: BigInt(capacity), margin: 3_600, maxLock: 604_800 }
    this.network.setPolicy(edge, policy)
    this.network.setBucket(edge, this.#bucketOf(edge))
  }

  #bucketOf = (edge: number): number => (this.tells ? bucketOf(BigInt(this.balances[edge]!)) : UNTOLD)

  /** What all channels hold together. */
  get total(): number {
    return this.balances.reduce((sum, balance) => sum + balance, 0)
  }

  /** What a node could send, and receive, over all its channels. */
  endsOf(node: Address): { readonly out: number; readonly in: number } {
    const edges = this.network.edgesOf(node)
    const sum = (flip: number) => edges.reduce((total, edge) => total + this.balances[edge ^ flip]!, 0)
    return { out: sum(0), in: sum(1) }
  }

  /** A payer knows what its own channels hold. */
  enter(payer: Address): void {
    for (const edge of this.network.edgesOf(payer)) {
      this.#touched.add(edge)
      observe(this.network, edge, BigInt(this.balances[edge]!))
    }
  }

  /** The next payer knows nothing of what this one learned. */
  leave(): void {
    for (const edge of this.#touched) this.network.forget(edge)
    this.#touched.clear()
  }

  /** Locks an amount along a way; returns the place of the first edge that cannot carry it, after giving all back. */
  hold({ edges, amounts }: Way): number | undefined {
    for (const [i, edge] of edges.entries()) {
      const amount = Number(amounts[i])
      if (this.balances[edge]! >= amount) this.balances[edge]! -= amount
      else {
        this.release({ edges: edges.slice(0, i), amounts })
        return i
      }
    }
    return undefined
  }

  release({ edges, amounts }: Way): void {
    for (const [i, edge] of edges.entries()) this.balances[edge]! += Number(amounts[i])
  }

  /** What is held moves to the other side of each channel, for good. */
  settle({ edges, amounts }: Way): void {
    for (const [i, edge] of edges.entries()) this.balances[edge ^ 1]! += Number(amounts[i])
    for (const edge of edges) for (const side of [edge, edge ^ 1]) this.network.setBucket(side, this.#bucketOf(side))
  }

  /** What the payer learns from an attempt that ended at `failed` (undefined: at the payee); `load` is under way already. */
  learn({ edges, amounts }: Way, failed: number | undefined, load: ReadonlyMap<number, bigint>, now: number): void {
    for (const [i, edge] of edges.entries()) {
      // Of its own edges it knows all.
      if (i === 0) continue
      if (i > (failed ?? edges.length)) return
      this.#touched.add(edge).add(edge ^ 1)
      const amount = amounts[i]! + (load.get(edge) ?? 0n)
      if (i === failed) refused(this.network, edge, amount, now)
      else carried(this.network, edge, amount, now)
    }
  }
}
