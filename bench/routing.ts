import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Presets, SingleBar } from 'cli-progress'
import { findPath } from '../sdk/routing/paths.ts'
import { findSplit } from '../sdk/routing/split.ts'
import { plainPath } from './routing/plain.ts'
import { plot } from './routing/plot.ts'
import { type Attempted, multi, plain, type Strategy, single, type Verdict } from './routing/strategies.ts'
import { grownNetwork, lightning, type Row, randomOf, World } from './routing/world.ts'

// Path finding on the Lightning network of 5 October 2020: how fast, how often a payment arrives and at which fee, beside plain shortest paths
// in the same run. Outcomes are the same for the same seed; times are not.

const { values } = parseArgs({
  options: {
    payments: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    svg: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})
const seed = whole(values.seed, 'seed')
const payments = values.quick ? 500 : whole(values.payments, 'payments')

/** Satoshi. */
const SIZES = [1_000, 10_000, 100_000, 1_000_000, 5_000_000]
const STRATEGIES: readonly { readonly name: string; readonly pay: Strategy; readonly tells: boolean }[] = [
  { name: 'fewest hops', pay: plain('hops'), tells: false },
  { name: 'lowest fee', pay: plain('fee'), tells: false },
  { name: 'one path', pay: single, tells: false },
  { name: 'parts', pay: multi, tells: false },
  { name: 'one path, buckets', pay: single, tells: true },
  { name: 'parts, buckets', pay: multi, tells: true },
]

function whole(text: string, option: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  console.error(`--${option} takes a whole number above 0, not ${JSON.stringify(text)}.`)
  process.exit(1)
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
const grouped = (value: number): string => Math.round(value).toLocaleString('en')
const percent = (part: number, of: number): string => `${((100 * part) / of).toFixed(1)} %`
const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length

/** Node's collector, which is otherwise not to be called. */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const rows = lightning()
const results = outcomes()
const speeds = speed()
report()
if (values.svg) writeFileSync(values.svg, plot(SIZES, results))
if (values.json) writeFileSync(values.json, `${JSON.stringify({ outcomes: results, speeds }, null, 2)}\n`)

/** The same payments, one size after the other, for every strategy in a world of its own. */
function outcomes() {
  const bar = new SingleBar(
    {
      format: 'payments |{bar}| {value}/{total} · {name} · {duration} s',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 5_000,
    },
    Presets.shades_classic,
  )
  const each = Math.ceil(payments / SIZES.length)
  bar.start(STRATEGIES.length * SIZES.length * each, 0, { name: '' })
  const found = STRATEGIES.map(({ name, pay, tells }) => {
    const world = new World(rows, seed, tells)
    const before = world.total
    const random = randomOf(seed + 1)
    const sizes = SIZES.map((size) => {
      const verdicts: Verdict[] = []
      let able = 0
      for (let i = 0; i < each; i++) {
        const payment = drawn(world, 1_000 * size, random)
        const ends = Number(payment.amount) <= Math.min(world.endsOf(payment.from).out, world.endsOf(payment.to).in)
        if (ends) able++
        world.enter(payment.from)
        verdicts.push(pay(world, payment))
        world.leave()
        bar.increment(1, { name })
      }
      return summary(size, verdicts, able)
    })
    if (Math.abs(world.total - before) > 0) throw new Error(`${name}: ${world.total - before} were made from nothing`)
    return { name, sizes }
  })
  bar.stop()
  return found
}

/** Two nodes and what one pays the other, with one per cent and ten satoshi for the hops. */
function drawn(world: World, amount: number, random: () => number): Attempted {
  const pick = () => world.nodes[Math.floor(random() * world.nodes.length)]!
  const [from, to] = [pick(), pick()]
  if (from === to) return drawn(world, amount, random)
  return { from, to, amount: BigInt(amount), maxFee: BigInt(amount / 100 + 10_000) }
}

function summary(size: number, verdicts: readonly Verdict[], able: number) {
  const paid = verdicts.filter((one) => one.paid)
  return {
    size,
    payments: verdicts.length,
    able,
    paid: paid.length,
    first: paid.filter(({ rounds }) => rounds === 1).length,
    ppm: Math.round(median(paid.map(({ fee }) => (1_000 * Number(fee)) / size))),
    sent: mean(paid.map(({ sent }) => sent)),
    parts: mean(paid.map(({ parts }) => parts)),
  }
}

interface Speed {
  readonly name: string
  readonly rate: number
  readonly p50: number
  readonly p99: number
}

function speed(): {
  readonly network: string
  readonly load: number
  readonly bytes: number
  readonly rows: Speed[]
}[] {
  const large = () => grownNetwork(100_000, 1_000_000, seed)
  const networks: [string, () => Row[], number][] = [['Lightning', () => rows, values.quick ? 300 : 2_000]]
  if (!values.quick) networks.push(['100,000 nodes, 1,000,000 channels', large, 300])
  return networks.map(([network, make, count]) => {
    const topology = make()
    const before = memory()
    const start = performance.now()
    const world = new World(topology, seed, false)
    const load = performance.now() - start
    return { network, load, bytes: memory() - before, rows: searches(world, count) }
  })
}

function memory(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** The same queries to every search, turn by turn, so that all of them meet the machine as it is. */
function searches(world: World, count: number): Speed[] {
  const { network } = world
  const now = 1_800_000_000
  const tasks: Record<string, (one: Attempted) => unknown> = {
    'fewest hops': (one) => plainPath(network, { ...one, excluded: new Set() }, 'hops'),
    'lowest fee': (one) => plainPath(network, { ...one, excluded: new Set() }, 'fee'),
    'one path': (one) => findPath(network, { ...one, now, lock: 86_400 }),
    parts: (one) => findSplit(network, { ...one, now, lock: 86_400 }),
  }
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(tasks).map((name) => [name, []]))
  const random = randomOf(seed + 2)
  for (let i = -50; i < count; i++) {
    const payment = drawn(world, 1e8, random)
    for (const [name, run] of Object.entries(tasks)) {
      const start = performance.now()
      run(payment)
      if (i >= 0) times[name]!.push(performance.now() - start)
    }
  }
  return Object.entries(times).map(([name, taken]) => {
    const sorted = taken.sort((a, b) => a - b)
    const at = (part: number) => sorted[Math.floor(part * sorted.length)]!
    return { name, rate: 1_000 / mean(taken), p50: at(0.5), p99: at(0.99) }
  })
}

function report(): void {
  console.log(
    '| sat | strategy | paid | at the first try | ends allow | median fee, ppm | sent | parts |\n|--:|---|--:|--:|--:|--:|--:|--:|',
  )
  for (const [at, size] of SIZES.entries())
    for (const { name, sizes } of results) {
      const { paid, first, able, ppm, sent, parts, payments: all } = sizes[at]!
      const numbers = [
        percent(paid, all),
        percent(first, all),
        percent(able, all),
        grouped(ppm),
        sent.toFixed(2),
        parts.toFixed(2),
      ]
      console.log(`| ${grouped(size)} | ${name} | ${numbers.join(' | ')} |`)
    }
  console.log(
    '\n| network | search | a second | p50, ms | p99, ms | times fewest hops | times lowest fee |\n|---|---|--:|--:|--:|--:|--:|',
  )
  for (const { network, rows: found } of speeds) {
    const [hops, fee] = found as [Speed, Speed]
    for (const { name, rate, p50, p99 } of found)
      console.log(
        `| ${network} | ${name} | ${grouped(rate)} | ${p50.toFixed(2)} | ${p99.toFixed(2)} | ${(rate / hops.rate).toFixed(2)} | ${(rate / fee.rate).toFixed(2)} |`,
      )
  }
  for (const { network, load, bytes } of speeds)
    console.log(`\n${network}: built in ${grouped(load)} ms, ${(bytes / 2 ** 20).toFixed(0)} MiB`)
}
