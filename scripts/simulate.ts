/**
 * Plays many seeds of the whole-system simulation: `npm run sim -- --seeds 10000 --from 1 [--jobs 2]`.
 * `--trace SEED` plays one and prints what happened in it. What fails is printed shortened, and the exit code is 1.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { addCounts, EXPECTED } from '../test/simulation/kinds.ts'
import { planOf } from '../test/simulation/plan.ts'
import { play, shrink, simulate } from '../test/simulation/run.ts'

/** What a worker says of one seed. */
interface Result {
  readonly seed: number
  readonly broken: readonly string[]
  readonly counts: readonly (readonly [string, number])[]
}

interface Options {
  readonly seeds: number
  readonly from: number
  readonly jobs: number
  readonly trace: number | undefined
}

function readOptions(): Options {
  const number = { type: 'string' } as const
  const { values } = parseArgs({ options: { seeds: number, from: number, jobs: number, trace: number } })
  const take = (name: 'seeds' | 'from' | 'jobs' | 'trace', otherwise: number): number => {
    const given = Number(values[name] ?? otherwise)
    if (Number.isInteger(given) && given >= 0 && given < 2 ** 32) return given
    throw new Error(`--${name} takes a whole number, not "${values[name]}".`)
  }
  const trace = values.trace === undefined ? undefined : take('trace', 0)
  const jobs = Math.max(1, take('jobs', Math.min(2, availableParallelism())))
  return { seeds: take('seeds', 1_000), from: take('from', 1), jobs, trace }
}

/** A child process: plays the seeds it is given. */
function work(): void {
  process.on('message', (seed: number) => {
    void simulate(seed).then(({ broken, counts }) => process.send!({ seed, broken, counts: [...counts] }))
  })
  process.on('disconnect', () => process.exit())
}

/** Plays all seeds; resolves with what failed, or early if the user interrupts. */
function playAll({ seeds, from, jobs }: Options, heard: (result: Result) => void): Promise<void> {
  const workers: ChildProcess[] = []
  let next = from
  let left = seeds
  return new Promise<void>((resolve, reject) => {
    const end = () => resolve()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
    for (let i = 0; i < Math.min(jobs, seeds); i++) {
      const worker = fork(fileURLToPath(import.meta.url), ['--worker'], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      workers.push(worker)
      const give = () => {
        if (next < from + seeds) worker.send(next++)
      }
      worker.on('message', (result: Result) => {
        heard(result)
        if (--left === 0) resolve()
        else give()
      })
      worker.once('exit', () => reject(new Error('A worker died. Play fewer seeds at once with --jobs 1.')))
      give()
    }
    if (seeds === 0) resolve()
  }).finally(() => {
    for (const worker of workers) worker.removeAllListeners('exit').kill()
  })
}

function printCounts(met: ReadonlyMap<string, number>): void {
  console.log('\nHow often each thing happened:')
  for (const [what, times] of [...met].sort(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`  ${String(times).padStart(9)}  ${what}`)
  const missing = EXPECTED.filter((what) => !met.has(what))
  if (missing.length > 0) console.log(`\nNever happened: ${missing.join(', ')}. Play more seeds.`)
}

async function explain(seed: number): Promise<void> {
  const shorter = await shrink(planOf(seed))
  const { broken, lines } = await play(shorter)
  const { nodes, hostile, confirmations, actions } = shorter
  const foe = hostile ? `, n${hostile.index} is hostile (${hostile.kind})` : ''
  console.log(`\nSeed ${seed} breaks a rule: ${nodes} nodes${foe}, ${confirmations} confirmations.`)
  console.log(`Shortened from ${planOf(seed).actions.length} to ${actions.length} actions:`)
  console.log(lines.map((line) => `  ${line}`).join('\n'))
  for (const line of broken) console.log(`✗ ${line}`)
  console.log(`All of it: npm run sim -- --trace ${seed}`)
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.trace !== undefined) {
    const { lines, broken, digest } = await simulate(options.trace)
    console.log(lines.join('\n'))
    for (const line of broken) console.log(`✗ ${line}`)
    console.log(`Seed ${options.trace}, trace ${digest}: ${broken.length === 0 ? 'all is well' : 'broken'}`)
    process.exitCode = broken.length === 0 ? 0 : 1
    return
  }
  const met = new Map<string, number>()
  const failed: Result[] = []
  const bar = new SingleBar({ format: '{bar} {value}/{total} seeds, {failed} failed, {rate}/s, {eta_formatted} left' })
  const began = performance.now()
  let done = 0
  const state = () => ({ failed: failed.length, rate: ((1_000 * done) / (performance.now() - began)).toFixed(1) })
  bar.start(options.seeds, 0, state())
  try {
    await playAll(options, (result) => {
      done++
      addCounts(met, result.counts)
      if (result.broken.length > 0) failed.push(result)
      bar.update(done, state())
    })
  } finally {
    bar.stop()
  }
  printCounts(met)
  for (const { seed } of failed.slice(0, 3)) await explain(seed)
  console.log(`\n${done} seeds from ${options.from}: ${done - failed.length} well, ${failed.length} broken`)
  if (failed.length > 0) console.log(`Broken: ${failed.map(({ seed }) => seed).join(' ')}`)
  if (done < options.seeds) process.exitCode = 130
  if (failed.length > 0) process.exitCode = 1
}

if (process.argv[2] === '--worker') work()
else
  await main().catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
