import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { floorRate } from './payments-floor.ts'
import { startPeer } from './payments-peer.ts'
import { run } from './payments-run.ts'
import { meanOf, type Probe, probe } from './probe.ts'

// Payments per second between two real nodes: two processes, TCP, SQLite with synchronous=FULL on both sides, every
// payment recorded. The payer is this process, the payee a child of it. "Limit" is the minimal loop of docs/performance.md on a quiet
// machine, "floor now" such a loop measured beside each sequential row.

/** Payments a second that a minimal loop reaches on the machine of docs/performance.md. */
const LIMITS: Record<string, number> = {
  '1 sequential': 1_400,
  '1 pipelined': 5_000,
  '10 sequential': 11_000,
  '10 pipelined': 28_000,
  '100 sequential': 120_000,
  '100 pipelined': 260_000,
  '1000 sequential': 800_000,
  '1000 pipelined': 1_700_000,
}

/** Seconds until Node's compiler has seen enough of a hot path that runs a thousand times a second. */
const WARM_UP = 2

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string' },
    payee: { type: 'string' },
  },
})

if (values.payee) await payee(values.payee)
else await main()

/** The child: a node that takes payments until it is told to stop, then says how many it has on record. */
async function payee(file: string): Promise<void> {
  const { node, store } = await startPeer('payee', file)
  let received = 0
  node.on('payment', ({ count }) => {
    received += count
  })
  const address = await node.listen('tcp://127.0.0.1:0')
  process.send!({ address })
  await once(process, 'message')
  let listed = 0
  for await (const _ of node.payments()) listed++
  await node.stop()
  await store.close()
  process.send!({ received, listed })
  process.disconnect()
}

interface Result {
  readonly name: string
  /** Payments a second that a loop without any protocol reaches at the same moment; undefined where it has none. */
  readonly floor: number | undefined
  readonly rate: number
  readonly p50: number
}

async function main(): Promise<void> {
  const seconds = Number(values.seconds)
  const results: Result[] = []
  const probes = [probe()]
  for (const [name] of Object.entries(LIMITS)) {
    if (values.only && values.only !== name) continue
    const [size, mode] = name.split(' ') as [string, string]
    // Side by side, since a shared machine is never the same twice.
    const before = mode === 'sequential' ? await floorRate(1) : 0
    const result = await measure(name, seconds)
    const after = mode === 'sequential' ? await floorRate(1) : 0
    const floor = mode === 'sequential' ? (Number(size) * (before + after)) / 2 : undefined
    results.push({ ...result, floor })
  }
  probes.push(probe())
  report(results, probes)
  if (values.json)
    writeFileSync(
      values.json,
      `${JSON.stringify(Object.fromEntries(results.map(({ name, rate }) => [name, Math.round(rate)])), null, 2)}\n`,
    )
}

async function measure(name: string, seconds: number): Promise<Omit<Result, 'floor'>> {
  const [size, mode] = name.split(' ') as [string, string]
  const perSignature = Number(size)
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-bench-'))
  const child = fork(fileURLToPath(import.meta.url), ['--payee', join(folder, 'payee.sqlite')], {
    execArgv: [...process.execArgv.filter((arg) => !arg.startsWith('--cpu-prof'))],
  })
  try {
    const [{ address }] = (await once(child, 'message')) as [{ address: string }]
    const { node, store } = await startPeer('payer', join(folder, 'payer.sqlite'), { maxPerSignature: perSignature })
    const channelId = await node.open(address, { period: 3_600 })
    await run(node, channelId, perSignature, mode, WARM_UP)
    const result = await run(node, channelId, perSignature, mode, seconds)
    const sent = -node.balances(channelId).entitlement + (1n << 100n)
    const told = once(child, 'message')
    child.send('stop')
    const [{ received, listed }] = (await told) as [{ received: number; listed: number }]
    await node.stop()
    await store.close()
    if (BigInt(received) !== sent || BigInt(listed) !== sent)
      throw new Error(`${sent} payments were acknowledged, ${received} were received and ${listed} are listed`)
    return { name, ...result }
  } finally {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

function report(results: readonly Result[], probes: readonly Probe[]): void {
  const { fdatasync, sign, verify, line } = meanOf(probes)
  const pad = (text: string, width: number) => text.padStart(width)
  console.log(`${line}\n`)
  console.log(
    'payments per signature    payments/s   p50 ms   of limit   of floor now   per fdatasync   per noble sign   per noble verify',
  )
  for (const { name, rate, p50, floor } of results) {
    const cells = [
      pad(Math.round(rate).toLocaleString('en'), 12),
      pad(p50.toFixed(2), 9),
      pad(`${((100 * rate) / LIMITS[name]!).toFixed(0)} %`, 11),
      pad(floor ? `${((100 * rate) / floor).toFixed(0)} %` : '', 15),
      pad((rate / fdatasync).toFixed(2), 16),
      pad((rate / sign).toFixed(2), 17),
      pad((rate / verify).toFixed(2), 19),
    ]
    console.log(name.padEnd(24) + cells.join(''))
  }
}
