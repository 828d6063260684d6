import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Presets, SingleBar } from 'cli-progress'
import { Interface } from 'ethers'
import { ADJUDICATOR_ABI } from '../sdk/chain/abi.ts'
import { type ChannelId, COIN, type Hex } from '../sdk/core/types.ts'
import { startAnvil, type TestChain } from '../test/sdk/chain/anvil.ts'
import type { Done, Job, Work } from './hub/clients.ts'
import { Helper } from './hub/ipc.ts'
import type { Place } from './hub/peer.ts'
import { meanOf, probe } from './probe.ts'

// Payments over one hub, from client to client: the hub is one process, its clients are two more, all with TCP, SQLite with
// synchronous=FULL and channels funded on a real chain process. Direct payments to the hub are measured beside them, in the same
// channels and with as many on their way. All processes share the machine, so the hub's own processor time is told apart.

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    channels: { type: 'string', default: '10,100,1000' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    profile: { type: 'string' },
  },
})
const SIZES = (values.quick ? '10,50' : values.channels).split(',').map(Number)
if (SIZES.some((size) => !Number.isInteger(size) || size < 2 || size % 2 !== 0))
  throw new Error(`--channels takes even numbers, such as 10,100,1000; not "${values.channels}".`)
const SCALE = values.quick ? 0.2 : 1
const DEPOSIT = 10n ** 15n
/** Deposits in one transaction. */
const BATCH = 120

interface Mode {
  readonly name: string
  readonly payments: number
  /** Clients that pay, of `pairs`. */
  readonly payers: (pairs: number) => number
  /** Payments of each that are on their way at once. */
  readonly inFlight: number
  readonly turns: boolean
}

const MODES: readonly Mode[] = [
  { name: 'sequential', payments: 500, payers: (pairs) => pairs, inFlight: 1, turns: true },
  { name: 'pipelined', payments: 3_000, payers: (pairs) => pairs, inFlight: 1, turns: false },
  { name: 'batched', payments: 6_000, payers: (pairs) => Math.min(pairs, 8), inFlight: 64, turns: false },
]

interface Usage {
  readonly rss: number
  readonly heap: number
  /** Seconds. */
  readonly cpu: number
  readonly disk: number
}

interface Speed {
  /** Payments a second, and what one second of the hub's processor time is enough for. */
  readonly rate: number
  readonly perHubSecond: number
  readonly p50: number
  readonly p99: number
}

interface Row {
  readonly channels: number
  readonly mode: string
  readonly overHub: Speed
  readonly direct: Speed
  /** Bytes that the hub's store grew by with each payment over it. */
  readonly disk: number
}

/** Bytes of the hub for each idle channel. */
interface Idle {
  readonly channels: number
  readonly rss: number
  readonly heap: number
}

interface Opened {
  readonly channelId: ChannelId
  readonly member: number
}

interface Hub {
  readonly address: string
  readonly onionKey: Hex
  readonly fee: bigint
}

const file = (name: string) => fileURLToPath(new URL(`./hub/${name}.ts`, import.meta.url))
const bar = new SingleBar(
  {
    format: '{bar} {percentage} % · {step} · {duration} s',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 5_000,
  },
  Presets.shades_classic,
)

class Bench {
  readonly #chain: TestChain
  readonly #hubProcess: Helper
  readonly #hub: Hub
  readonly #payers: Helper
  readonly #payees: Helper
  readonly #payeeChannels: Opened[] = []
  readonly #payerChannels: Opened[] = []

  private constructor(chain: TestChain, hubProcess: Helper, hub: Hub, place: Place) {
    this.#chain = chain
    this.#hubProcess = hubProcess
    this.#hub = hub
    const clients = (group: string) =>
      new Helper(
        file('clients'),
        { place, group, hub: hub.address },
        values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [],
      )
    this.#payers = clients('payer')
    this.#payees = clients('payee')
  }

  static async start(chain: TestChain, folder: string): Promise<Bench> {
    const domain = { chainId: 31337n, adjudicator: chain.adjudicator }
    const place = { rpc: chain.url, domain: { ...domain, chainId: `${domain.chainId}` }, folder } as unknown as Place
    const profile = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : []
    const hubProcess = new Helper(file('hub'), place, ['--expose-gc', ...profile])
    return new Bench(chain, hubProcess, await hubProcess.ask<Hub>('listen'), place)
  }

  /** Opens channels until there are this many, with money on both sides; answers what each costs the hub's memory. */
  async grow(channels: number): Promise<Idle> {
    const before = await this.#hubProcess.ask<Usage>('usage')
    const added = channels / 2 - this.#payerChannels.length
    const [payers, payees] = await Promise.all([
      this.#payers.ask<Opened[]>('open', added),
      this.#payees.ask<Opened[]>('open', added),
    ])
    await this.#fund([...payers, ...payees])
    this.#payerChannels.push(...payers)
    this.#payeeChannels.push(...payees)
    await Promise.all([this.#payers.ask('ready'), this.#payees.ask('ready')])
    while ((await this.#hubProcess.ask<number>('funded')) < channels) await new Promise((done) => setTimeout(done, 100))
    const after = await this.#hubProcess.ask<Usage>('usage')
    const each = (bytes: keyof Usage) => (after[bytes] - before[bytes]) / (2 * added)
    return { channels, rss: each('rss'), heap: each('heap') }
  }

  async #fund(opened: readonly Opened[]): Promise<void> {
    const adjudicator = new Interface(ADJUDICATOR_ABI)
    const deposits = opened.flatMap(({ channelId }) => [0, 1].map((member) => [channelId, member, COIN, DEPOSIT]))
    const wallet = this.#chain.wallet(0)
    for (let from = 0; from < deposits.length; from += BATCH) {
      const some = deposits.slice(from, from + BATCH)
      const data = adjudicator.encodeFunctionData('depositBatch', [some])
      const sent = await wallet.sendTransaction({
        to: this.#chain.adjudicator,
        data,
        value: DEPOSIT * BigInt(some.length),
        gasLimit: 16_000_000,
      })
      await sent.wait()
    }
  }

  async measure(mode: Mode): Promise<Row> {
    const pairs = this.#payerChannels.length
    const payers = mode.payers(pairs)
    const count = Math.max(1, Math.round((SCALE * mode.payments) / payers))
    const before = await this.#hubProcess.ask<Usage>('usage')
    const overHub = await this.#run(mode, await this.#invoices(payers, count))
    const after = await this.#hubProcess.ask<Usage>('usage')
    const direct = Array.from({ length: payers }, (_, client) => ({ client, count, invoices: [], hop: undefined }))
    return {
      channels: 2 * pairs,
      mode: mode.name,
      overHub,
      direct: await this.#run(mode, direct),
      disk: (after.disk - before.disk) / (payers * count),
    }
  }

  #invoices(payers: number, count: number): Promise<Work[]> {
    const { onionKey, fee } = this.#hub
    return Promise.all(
      Array.from({ length: payers }, async (_, client) => ({
        client,
        count,
        invoices: await this.#payees.ask<string[]>('invoices', { client, count }),
        hop: { onionKey, fee, channelId: this.#payeeChannels[client]!.channelId },
      })),
    )
  }

  /** Pays it all, and holds what is missing afterwards against what was paid. */
  async #run({ inFlight, turns }: Mode, work: readonly Work[]): Promise<Speed> {
    const held = async () => (await this.#payers.ask<bigint[]>('held')).reduce((sum, each) => sum + each, 0n)
    const [before, cpu] = [await held(), await this.#hubProcess.ask<number>('cpu')]
    const { latencies, elapsed } = await this.#payers.ask<Done>('pay', { work, inFlight, turns } satisfies Job)
    const used = (await this.#hubProcess.ask<number>('cpu')) - cpu
    const price = work[0]!.hop ? 1n + this.#hub.fee : 1n
    const paid = before - (await held())
    if (paid !== BigInt(latencies.length) * price)
      throw new Error(`${latencies.length} payments of ${price} were made, and ${paid} is gone.`)
    latencies.sort()
    const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))]!
    const rate = (1_000 * latencies.length) / elapsed
    return { rate, perHubSecond: latencies.length / used, p50: at(0.5), p99: at(0.99) }
  }

  async stop(): Promise<void> {
    const all = [this.#payers, this.#payees, this.#hubProcess]
    for (const helper of all) await helper.ask('stop').catch(() => {})
    for (const helper of all) await helper.stop()
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-hub-'))
  const chain = await startAnvil('--gas-limit', '1000000000').catch((error) => {
    rmSync(folder, { recursive: true, force: true })
    throw error
  })
  const bench = await Bench.start(chain, folder)
  const probes = [probe()]
  const rows: Row[] = []
  const idle: Idle[] = []
  bar.start(SIZES.length * (values.only ? 2 : MODES.length + 1), 0, { step: '' })
  try {
    for (const size of SIZES) {
      bar.update({ step: `opening ${size} channels` })
      idle.push(await bench.grow(size))
      bar.increment()
      for (const mode of MODES.filter(({ name }) => !values.only || values.only === name)) {
        bar.update({ step: `${size} channels, ${mode.name}` })
        rows.push(await bench.measure(mode))
        bar.increment()
      }
    }
  } finally {
    bar.stop()
    await bench.stop()
    await chain.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  probes.push(probe())
  console.log(`${meanOf(probes).line}\n`)
  report(rows, idle)
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine: meanOf(probes), rows, idle }, null, 2)}\n`)
}

function report(rows: readonly Row[], idle: readonly Idle[]): void {
  const whole = (value: number) => Math.round(value).toLocaleString('en').padStart(11)
  const ms = (value: number) => value.toFixed(1).padStart(8)
  console.log('                        over the hub                                        direct')
  console.log(
    'channels  mode            payments/s  /s of hub CPU   p50 ms  p99 ms   payments/s   p50 ms  p99 ms   hub : direct   B/payment',
  )
  for (const { channels, mode, overHub, direct, disk } of rows) {
    const hub = `${whole(overHub.rate)}    ${whole(overHub.perHubSecond)} ${ms(overHub.p50)}${ms(overHub.p99)}`
    const plain = `  ${whole(direct.rate)} ${ms(direct.p50)}${ms(direct.p99)}`
    const ratio = (overHub.rate / direct.rate).toFixed(2).padStart(15)
    console.log(`${String(channels).padStart(8)}  ${mode.padEnd(12)}${hub}${plain}${ratio}${whole(disk)}`)
  }
  for (const { channels, rss, heap } of idle)
    console.log(
      `up to ${channels} channels: ${whole(rss).trim()} bytes of RSS and ${whole(heap).trim()} of heap for each idle one`,
    )
}

await main()
