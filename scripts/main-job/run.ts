import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COIN } from '../../sdk/core/types.ts'
import {
  type Check,
  checkAdjudicator,
  checkCheat,
  checkHops,
  checkLists,
  checkMoney,
  checkPace,
  checkTransactions,
  moneyTable,
} from './audit.ts'
import { NAMES } from './cast.ts'
import { startChain } from './chain.ts'
import { compile, deploy } from './deploy.ts'
import { JobError } from './errors.ts'
import { measureSteps, readPeerGas } from './gas.ts'
import { playHouse } from './house.ts'
import { openBank } from './money.ts'
import { type Carried, payOverHops } from './network.ts'
import { planStreams } from './plan.ts'
import { Progress } from './progress.ts'
import type { Outcome } from './report.ts'
import type { Screen } from './screen.ts'
import {
  type Channels,
  closeHonestly,
  enterAll,
  flowsOf,
  type Job,
  layBait,
  type Movement,
  openChannels,
  type Pace,
  passChallengePeriod,
  payThroughItAll,
} from './story.ts'
import { startTower } from './tower.ts'
import { readTransactions } from './transactions.ts'

/** How large the story is. */
export interface Size {
  /** In channels. */
  readonly payments: number
  readonly members: number
  /** In the clearing house. */
  readonly housePayments: number
}

/** Plays the whole story on a fresh chain; whatever it starts or writes is on `stack`. */
export async function run(size: Size, screen: Screen, stack: AsyncDisposableStack): Promise<Outcome> {
  const began = performance.now()
  const folder = makeFolder(stack)
  screen.say('compiling the contracts, which takes a while after they changed')
  await compile(folder)
  const compileTime = performance.now() - began
  screen.say('contracts compiled')
  const job = await setUp(size.payments, folder, screen, stack)
  const played = await Promise.race([play(job, size), job.chain.lost])
  return { ...played, peers: readPeerGas(), compileTime, time: performance.now() - began }
}

async function play(
  job: Job,
  { members, housePayments }: Size,
): Promise<Omit<Outcome, 'peers' | 'compileTime' | 'time'>> {
  const { screen, progress, cast } = job
  const first = (await job.chain.provider.getBlockNumber()) + 1
  const channels = await openChannels(job)
  await layBait(job, channels)
  const paid = await payOverHops(job, channels.network)
  const pace = await payThroughItAll(job, channels)
  screen.close()
  screen.say(`${progress.done.toLocaleString('en')} payments are acknowledged`)
  const carried = { ...paid, fees: paid.fees + (await passChallengePeriod(job, channels, paid)) }
  await closeHonestly(job, channels)
  const found = await audit(job, channels, first, pace, carried)
  await Promise.all(NAMES.map((name) => cast[name].process.stop()))
  const cleared = await playHouse(job, members, housePayments)
  return { ...found, ...pace, checks: [...found.checks, ...cleared], payments: progress.total }
}

async function setUp(payments: number, folder: string, screen: Screen, stack: AsyncDisposableStack): Promise<Job> {
  const chain = await startChain(stack)
  const deployed = await deploy(chain.url, chain.provider, folder)
  screen.say(`chain at ${chain.url}, adjudicator deployed at ${deployed.adjudicator}`)
  const streams = planStreams(payments, deployed.token)
  const progress = new Progress(streams, (done, total) => screen.draw(done, total))
  const listener = {
    onProgress: (stream: number, done: number) => progress.advance(stream, done),
    onAlarm: (actor: string, code: string, message: string) => screen.say(`${actor} reports ${code}: ${message}`),
  }
  const place = { rpc: chain.url, deployed, folder, listener, stack }
  const stage = { ...place, tower: await startTower(place, chain.provider) }
  const cast = await enterAll(stage, chain.provider)
  screen.say('alice, bob, carol, hana, mallory and a watchtower run, each in a process of their own')
  return { screen, chain, stage, cast, streams, progress }
}

function makeFolder(stack: AsyncDisposableStack): string {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-job-'))
    const remove = () => rmSync(folder, { recursive: true, force: true })
    stack.defer(remove)
    // A compiler that is interrupted takes this process with it.
    process.once('exit', remove)
    return folder
  } catch (error) {
    throw new JobError(
      `The actors' files need a folder: ${(error as Error).message}. Set TMPDIR to one that can be written.`,
    )
  }
}

/** Looks at the chain and into the actors' files: is everything where it should be? */
async function audit(
  job: Job,
  channels: Channels,
  first: number,
  pace: Pace,
  carried: Carried,
): Promise<Pick<Outcome, 'money' | 'steps' | 'gas' | 'fees' | 'checks'>> {
  const { cast, stage, chain } = job
  const { deployed } = stage
  const flows = flowsOf(job, channels)
  const all = await readTransactions(chain.provider, 1, await chain.provider.getBlockNumber())
  const played = all.filter(({ block }) => block >= first)
  const bank = openBank(chain.provider, deployed)
  const purses = [...NAMES.map((name) => cast[name]), { name: 'tower', owner: stage.tower.owner }]
  const movements: Movement[] = [
    ...flows,
    { from: 'alice', to: 'carol', asset: COIN, total: carried.total },
    { from: 'alice', to: 'hana', asset: COIN, total: carried.fees },
  ]
  const money = await moneyTable(bank, purses, deployed.token, movements, played)
  const lists = Object.fromEntries(
    await Promise.all(NAMES.map(async (name) => [name, (await cast[name].process.order('list', {})).totals] as const)),
  )
  const owners = NAMES.map((name) => cast[name].owner)
  const ledgers = [
    ...[channels.honest, channels.cheated].flatMap((channelId) =>
      [COIN, deployed.token].map((asset) => ({ channelId, asset })),
    ),
    ...Object.values(channels.network).map((channelId) => ({ channelId, asset: COIN })),
  ]
  const checks: Check[] = [
    ...checkLists(flows, lists),
    ...checkMoney(money),
    ...(await checkAdjudicator(bank, deployed.adjudicator, owners, ledgers)),
    ...checkCheat(played, cast.mallory.owner, { bob: [cast.bob.owner, 2], 'the watchtower': [stage.tower.owner, 1] }),
    ...checkHops(carried),
    ...checkPace(pace, job.progress.total),
    checkTransactions(played),
  ]
  const gas = played.reduce((sum, { gasUsed }) => sum + gasUsed, 0n)
  const fees = played.reduce((sum, { fee }) => sum + fee, 0n)
  return { money, steps: measureSteps(all, deployed.token), gas, fees, checks }
}
