import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Address, Domain } from '../sdk/core/types.ts'
import { curve } from '../sdk/signing/secp256k1.ts'
import type { Built } from './house/epoch.ts'
import { PAYERS } from './house/member.ts'
import type { Load, Paid } from './house/payers.ts'
import { Helper } from './hub/ipc.ts'
import { meanOf, probe } from './probe.ts'

// What one operator of a clearing house does on this machine: payments, each in an account that its member signs and the operator
// verifies, durable before it is answered; and epochs of houses of growing size. `bench:house-gas` measures commits and disputes.

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    members: { type: 'string', default: '10000' },
    ms: { type: 'string', default: '5000' },
    sizes: { type: 'string', default: '1000,10000,100000,1000000' },
  },
})
const [MEMBERS, MS, SIZES] = [Number(values.members), Number(values.ms), values.sizes.split(',').map(Number)]

interface Row extends Load, Paid {
  /** Share of one core that the operator was busy. */
  readonly busy: number
}

const helper = (name: string, argument: unknown, ...flags: string[]) =>
  new Helper(fileURLToPath(new URL(`./house/${name}.ts`, import.meta.url)), argument, ['--expose-gc', ...flags])

/** Signatures that one core recovers a second: no operator with one core takes more accounts. */
function recoveries(): number {
  const [key, digest] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(9)]
  const signature = curve.sign(digest, key)
  let count = 0
  const began = performance.now()
  for (; performance.now() - began < 1_000; count++) curve.recover(signature, digest)
  return (count * 1_000) / (performance.now() - began)
}

async function payments(folder: string): Promise<{ rows: Row[]; perMember: number }> {
  const operator = helper('operator', { file: join(folder, 'house.sqlite'), members: MEMBERS })
  const payers = helper('payers', {})
  const rows: Row[] = []
  try {
    const house = await operator.ask<{ address: string; operator: Address; domain: Domain; perMember: number }>('start')
    await payers.ask('join', { ...house, count: PAYERS, all: MEMBERS })
    for (const each of [1, 16, 100])
      for (const count of [1, 64, 256, PAYERS]) {
        const load = { payers: count, each, ms: MS }
        // What is compiled late is not measured.
        await payers.ask('pay', { ...load, ms: MS / 5 })
        const before = await operator.ask<NodeJS.CpuUsage>('cpu')
        const paid = await payers.ask<Paid>('pay', load)
        const after = await operator.ask<NodeJS.CpuUsage>('cpu')
        const cpu = after.user + after.system - before.user - before.system
        rows.push({ ...load, ...paid, busy: cpu / 1e6 / paid.seconds })
        console.error(`  ${count} members, ${each} payments an account: done`)
      }
    await payers.ask('close')
    return { rows, perMember: house.perMember }
  } finally {
    await operator.ask('stop').catch(() => {})
    for (const one of [payers, operator]) await one.stop()
  }
}

async function epochs(): Promise<Built[]> {
  const built: Built[] = []
  for (const size of SIZES) {
    const builder = helper('epoch', {}, '--max-old-space-size=16000')
    try {
      built.push(await builder.ask<Built>('build', size))
    } finally {
      await builder.stop()
    }
    console.error(`  an epoch of ${size} members: done`)
  }
  return built
}

const whole = (value: number) => Math.round(value).toLocaleString('en')
const three = (value: number) => Number(value.toPrecision(3))

const folder = mkdtempSync(join(tmpdir(), 'tallystick-house-'))
const probes = [probe()]
const ceiling = recoveries()
try {
  const { rows, perMember } = await payments(folder)
  const built = await epochs()
  probes.push(probe())
  console.log(`${meanOf(probes).line}\none core recovers ${whole(ceiling)} signers a second\n`)
  console.table(
    rows.map(({ payers, each, payments: count, accounts, seconds, p50, p99, busy }) => ({
      'members that pay': payers,
      'payments an account': each,
      'payments/s': whole(count / seconds),
      'accounts/s': whole(accounts / seconds),
      'accounts : recoveries': three(accounts / seconds / ceiling),
      'p50 ms': three(p50),
      'p99 ms': three(p99),
      'operator cores': three(busy),
    })),
  )
  console.log(`${MEMBERS} members, ${whole(perMember)} bytes of RSS each\n`)
  console.table(
    built.map(({ members, cut, all, few, pause, pathsPerSecond, bytesPerMember }) => ({
      members,
      'cut ms': three(cut),
      'all changed s': three(all / 1_000),
      '1 % changed s': three(few / 1_000),
      'longest pause ms': three(pause),
      'paths/s': whole(pathsPerSecond),
      'bytes a member': whole(bytesPerMember),
    })),
  )
  if (values.json)
    writeFileSync(
      values.json,
      `${JSON.stringify({ machine: meanOf(probes), ceiling, rows, perMember, built }, null, 2)}\n`,
    )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
