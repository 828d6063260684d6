import type { JsonRpcProvider } from 'ethers'
import { type Address, type ChannelId, COIN } from '../../sdk/core/types.ts'
import { type Actor, enter, enterAgain, fund, invite, NAMES, type Name, type Stage } from './cast.ts'
import type { LocalChain } from './chain.ts'
import { type Carried, type Network, namesOf, openNetwork, TO_THE_MARGIN } from './network.ts'
import { ONE, PERIOD, type Stream, totalOf } from './plan.ts'
import type { Progress } from './progress.ts'
import type { Screen } from './screen.ts'

/** What the scenes share. */
export interface Job {
  readonly screen: Screen
  readonly chain: LocalChain
  readonly stage: Stage
  readonly cast: Readonly<Record<Name, Actor>>
  readonly streams: readonly Stream[]
  readonly progress: Progress
}

/** Money of one actor that is another's in the end. */
export interface Movement {
  readonly from: Name
  readonly to: Name
  readonly asset: Address
  readonly total: bigint
}

/** Payments of one actor to another in one ledger, as planned. */
export interface Flow extends Movement {
  readonly channelId: ChannelId
  readonly count: number
}

/** The channels of the story: that of alice and bob, the one that mallory cheats bob in, and those of the network. */
export interface Channels {
  readonly honest: ChannelId
  readonly cheated: ChannelId
  readonly network: Network
}

/** What mallory has paid when she puts a state aside, and what she pays after it. */
const BAIT = { before: ONE / 10n, after: (ONE * 8n) / 10n } as const

/** Everybody comes in at once. */
export async function enterAll(stage: Stage, provider: JsonRpcProvider): Promise<Job['cast']> {
  const cast = Object.fromEntries(NAMES.map((name) => [name, invite(name, stage)])) as Record<Name, Actor>
  // Their processes begin meanwhile.
  for (const actor of Object.values(cast)) await fund(actor.owner, stage, provider)
  await Promise.all(Object.values(cast).map((actor) => enter(actor, stage)))
  return cast
}

/** Opens and funds both channels, in coins and tokens. */
export async function openChannels(job: Job): Promise<Channels> {
  const { cast, stage, screen } = job
  const { alice, bob, mallory } = cast
  const { token } = stage.deployed
  const terms = { peer: bob.address, assets: [COIN, token], period: PERIOD }
  const [{ channelId: honest }, { channelId: cheated }] = await Promise.all([
    alice.process.order('open', terms),
    mallory.process.order('open', terms),
    ...[alice, bob, mallory].map((actor) => actor.process.order('approve', { token })),
  ] as const)
  await deposit(mallory, cheated, COIN, ONE)
  await deposit(mallory, cheated, token, ONE)
  for (const asset of [COIN, token]) {
    await deposit(alice, honest, asset, 2n * ONE)
    await deposit(bob, honest, asset, ONE)
  }
  screen.say('alice-bob and mallory-bob opened and funded, in ETH and in DEMO')
  return { honest, cheated, network: await openNetwork(job) }
}

const deposit = (actor: Actor, channelId: ChannelId, asset: Address, amount: bigint) =>
  actor.process.order('deposit', { channelId, asset, amount })

/** The ledgers that mallory cheats in, and with whom. */
const cheatsOf = ({ stage }: Pick<Job, 'stage'>, { cheated, network }: Channels) =>
  [
    { to: 'bob', channelId: cheated, asset: COIN },
    { to: 'bob', channelId: cheated, asset: stage.deployed.token },
    { to: 'carol', channelId: network['mallory-carol'], asset: COIN },
  ] as const

/** Mallory pays a little, puts the state aside that says so, and pays a lot. */
export async function layBait(job: Job, channels: Channels): Promise<void> {
  const { process } = job.cast.mallory
  for (const { channelId, asset } of cheatsOf(job, channels)) {
    await process.order('payOnce', { channelId, asset, amount: BAIT.before })
    await process.order('keep', { channelId, asset })
    await process.order('payOnce', { channelId, asset, amount: BAIT.after })
  }
  job.screen.say(
    'mallory paid bob 0.1 in ETH and in DEMO, and carol in ETH, kept the states that say so, and paid 0.8 more',
  )
}

/** What is paid directly in the whole story. */
export function flowsOf(job: Job, channels: Channels): Flow[] {
  const { streams } = job
  const { honest } = channels
  const planned = streams.map((stream): Flow => {
    const to = stream.from === 'alice' ? 'bob' : 'alice'
    return {
      from: stream.from,
      to,
      channelId: honest,
      asset: stream.asset,
      count: stream.count,
      total: totalOf(stream),
    }
  })
  const bait = cheatsOf(job, channels).map((ledger): Flow => {
    return { from: 'mallory', ...ledger, count: 2, total: BAIT.before + BAIT.after }
  })
  return [...planned, ...bait]
}

/** How the payments went. */
export interface Pace {
  /** Milliseconds from the first payment to the last acknowledgement, and how many of them bob was gone. */
  readonly payingTime: number
  readonly deadTime: number
  /** Payments acknowledged while money was deposited and withdrawn. */
  readonly meanwhile: number
  /** Payments acknowledged when bob was killed. */
  readonly beforeKill: number
}

/** Alice and bob pay each other, whatever happens meanwhile. */
export async function payThroughItAll(job: Job, channels: Channels): Promise<Pace> {
  const began = performance.now()
  const pay = (name: Name, part: number) => makePayments(job, channels, name, part)
  const [meanwhile] = await Promise.all([moveMoneyMeanwhile(job, channels), pay('alice', 0.5), pay('bob', 0.5)])
  const [alices, bobs] = [pay('alice', 1), pay('bob', 1)]
  await Promise.race([job.progress.reached(0.55), failureOf(alices), failureOf(bobs)])
  // The kill breaks them off.
  bobs.catch(() => {})
  const killed = performance.now()
  const beforeKill = await loseBobAndCheat(job, channels)
  const deadTime = performance.now() - killed
  await Promise.all([alices, pay('bob', 1)])
  return { payingTime: performance.now() - began, deadTime, meanwhile, beforeKill }
}

/** The payments of one actor that are not acknowledged yet, up to this part of all. */
async function makePayments(job: Job, { honest }: Channels, name: Name, part: number): Promise<void> {
  const { streams, progress, cast } = job
  const mine = streams.filter(({ from }) => from === name)
  await Promise.all(
    mine.map(({ number, asset, count }) => {
      const [from, to] = [progress.of(number), Math.ceil(part * count)]
      return cast[name].process.order('pay', { channelId: honest, asset, stream: number, from, to })
    }),
  )
}

/** Never resolves; rejects when `work` does. */
const failureOf = (work: Promise<void>): Promise<never> => work.then(() => new Promise<never>(() => {}))

/** Top-ups and partial withdrawals while payments run. */
async function moveMoneyMeanwhile(job: Job, { honest: channelId }: Channels): Promise<number> {
  const { progress, stage, cast, screen } = job
  const { token } = stage.deployed
  await progress.reached(0.02)
  const before = progress.done
  await Promise.all([deposit(cast.alice, channelId, COIN, ONE), deposit(cast.bob, channelId, token, ONE)])
  screen.say('while payments go on, alice topped up 1 ETH and bob 1 DEMO')
  await Promise.all([
    cast.bob.process.order('withdraw', { channelId, asset: COIN, amount: ONE / 4n }),
    cast.alice.process.order('withdraw', { channelId, asset: token, amount: ONE / 2n }),
  ])
  const meanwhile = progress.done - before
  screen.say(`bob withdrew 0.25 ETH and alice 0.5 DEMO; ${grouped(meanwhile)} payments were acknowledged meanwhile`)
  return meanwhile
}

const grouped = (count: number): string => count.toLocaleString('en')

/** Bob's and carol's processes are killed; mallory seizes the moment; bob comes back with what is in his file, a tower answers for carol. */
async function loseBobAndCheat(job: Job, channels: Channels): Promise<number> {
  const { cast, stage, screen, progress } = job
  const { bob, carol, hana, mallory } = cast
  const { network } = channels
  await Promise.all([bob.process.kill(), carol.process.kill()])
  const { done } = progress
  screen.say(`bob was killed (kill -9) after ${grouped(done)} payments, and carol as well`)
  for (const { channelId, asset } of cheatsOf(job, channels)) await mallory.process.order('cheat', { channelId, asset })
  screen.say('mallory saw them gone and challenged with the old states, in ETH and in DEMO')
  await stage.tower.answered(1)
  screen.say('the watchtower answered for carol, who is still offline')
  await enterAgain(bob, stage)
  screen.say('bob is back with the same file and answers; payments go on')
  await enterAgain(carol, stage)
  await hana.process.order('dispute', { channelId: network['hana-mallory'], asset: COIN })
  return done
}

/** Carol publishes the secret that mallory pays nothing for, which pays hana her fee; then the challenge period passes, and everybody settles with her. */
export async function passChallengePeriod(job: Job, channels: Channels, { betrayal }: Carried): Promise<bigint> {
  const { chain, cast, screen } = job
  await chain.advance(TO_THE_MARGIN)
  await cast.carol.process.order('recorded', { key: betrayal.key })
  const { fee } = await betrayal.paid
  screen.say('carol, whom mallory owes for an invoice, published its secret: alice has her proof')
  await chain.advance(PERIOD - TO_THE_MARGIN + 60)
  const { network } = channels
  const settled = (name: Name, channelId: ChannelId, asset: Address) =>
    cast[name].process.order('settled', { channelId, asset })
  for (const { to, channelId, asset } of cheatsOf(job, channels)) await settled(to, channelId, asset)
  await settled('hana', network['hana-mallory'], COIN)
  screen.say(
    'an hour passed on the chain, and all settled: mallory got what she had left, not what her old states say, and paid carol',
  )
  return fee
}

/** Alice and bob are paid out with one transaction per asset. */
export async function closeHonestly(
  { cast, stage, screen }: Job,
  { honest: channelId, network }: Channels,
): Promise<void> {
  await cast.alice.process.order('close', { channelId })
  for (const asset of [COIN, stage.deployed.token]) await cast.bob.process.order('settled', { channelId, asset })
  for (const line of ['alice-hana', 'hana-bob', 'bob-carol'] as const) {
    const [from, to] = namesOf(line)
    await cast[from].process.order('close', { channelId: network[line] })
    await cast[to].process.order('settled', { channelId: network[line], asset: COIN })
  }
  screen.say('alice, hana, bob and carol closed their channels and were paid out')
}
