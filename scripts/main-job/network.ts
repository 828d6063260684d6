import { type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import { feeFor } from '../../sdk/node/hops/policy.ts'
import { type Actor, enterAgain, HUB_TERMS, type Name } from './cast.ts'
import { ONE, PERIOD } from './plan.ts'
import type { Job } from './story.ts'

// The second half of the cast: alice pays carol, whom she has no channel with, over hana, bob and mallory.
//
//   alice ─┬─ hana ─┬─ mallory ─┬─ carol      mallory and bob have a channel as well
//          └────────┴─── bob ───┘

/** Channels of the network by who pays in, in coins alone. */
export type Line = 'alice-hana' | 'hana-bob' | 'bob-carol' | 'hana-mallory' | 'mallory-carol'
export type Network = Readonly<Record<Line, ChannelId>>

/** What the first of each pair deposits. */
const DEPOSITS: Readonly<Record<Line, bigint>> = {
  'alice-hana': ONE,
  'hana-bob': ONE,
  'bob-carol': (ONE * 7n) / 10n,
  'hana-mallory': (ONE * 7n) / 10n,
  'mallory-carol': 2n * ONE,
}

const SMALL = { count: 12, amount: ONE / 200n, atOnce: 3, beforeKill: 4 } as const
/** More than any single way carries. However it is cut into equal pieces, some of every channel is left. */
const LARGE = (ONE * 9n) / 10n
/** What mallory takes and does not pay for. */
const BETRAYED = ONE / 100n
/** Seconds that money may be locked: the margin of an hour, and half an hour. */
const LOCK = 5_400n
/** After it the margin has begun. */
export const TO_THE_MARGIN = Number(LOCK) - 3_600 + 60

/** What came of the network's payments. */
export interface Carried {
  readonly count: number
  readonly total: bigint
  /** Of hana, for all but the last. */
  readonly fees: bigint
  /** In how many the large one arrived. */
  readonly parts: number
  /** Of the invoice that mallory was paid for and paid carol nothing. */
  readonly betrayal: { readonly key: Hex; readonly paid: Promise<{ readonly fee: bigint }> }
}

export const namesOf = (line: Line) => line.split('-') as [Name, Name]

export async function openNetwork({ cast, screen }: Job): Promise<Network> {
  const lines = Object.keys(DEPOSITS) as Line[]
  const opened: [Line, ChannelId][] = []
  for (const line of lines) {
    const [from, to] = namesOf(line)
    const { process } = cast[from]
    const { channelId } = await process.order('open', { peer: cast[to].address, assets: [COIN], period: PERIOD })
    await process.order('deposit', { channelId, asset: COIN, amount: DEPOSITS[line] })
    opened.push([line, channelId])
  }
  // Those two, and what alice and mallory have with bob.
  await cast.alice.process.order('heard', { channels: lines.length + 2 })
  screen.say('hana, bob and mallory carry payments between alice and carol; alice heard of all channels')
  return Object.fromEntries(opened) as Network
}

/** Alice pays carol's invoices by the ways that she finds; hana is killed and comes back in the middle. */
export async function payOverHops(job: Job, network: Network): Promise<Carried> {
  const { cast, stage, screen } = job
  let [left, paid, fees]: [number, number, bigint] = [SMALL.count, 0, 0n]
  let killed: Promise<void> | undefined
  const payer = async () => {
    while (left-- > 0) {
      fees += (await payInvoice(cast, SMALL.amount)).fee
      if (++paid === SMALL.beforeKill) killed = restart(cast.hana, job)
    }
  }
  await Promise.all(Array.from({ length: SMALL.atOnce }, payer))
  await killed
  screen.say(
    `alice paid ${SMALL.count} invoices of carol over hops; hana was killed after ${SMALL.beforeKill} and came back`,
  )
  const large = await payInvoice(cast, LARGE)
  fees += large.fee
  screen.say(
    `alice paid carol 0.9 ETH, more than any way carries, in ${large.parts} parts with one key and one deadline`,
  )
  const betrayal = await betray(job, network)
  await cast.carol.process.order('guarded', {})
  screen.say(`mallory took a payment's money and fell silent; ${stage.tower.spec.tower.slice(0, 10)} watches for carol`)
  const total = BigInt(SMALL.count) * SMALL.amount + LARGE + BETRAYED
  return { count: SMALL.count + 2, total, fees, parts: large.parts, betrayal }
}

async function payInvoice(cast: Job['cast'], amount: bigint) {
  const { text } = await cast.carol.process.order('invoice', { amount })
  await cast.alice.process.order('findWays', { text })
  return cast.alice.process.order('payInvoice', { text, seconds: LOCK })
}

async function restart(actor: Actor, { stage }: Job): Promise<void> {
  await actor.process.kill()
  await enterAgain(actor, stage)
  await actor.process.order('met', {})
}

/** Mallory is given a lock, gives one to carol, and is gone: carol shows the secret in vain and has to get her money from the chain. */
async function betray({ cast }: Job, network: Network): Promise<Carried['betrayal']> {
  const { alice, carol, hana, mallory } = cast
  await mallory.process.order('betray', {})
  const { text, key } = await carol.process.order('invoice', { amount: BETRAYED })
  const hops = [
    { onionKey: hana.onionKey, channelId: network['hana-mallory'], fee: feeFor(HUB_TERMS, BETRAYED) },
    { onionKey: mallory.onionKey, channelId: network['mallory-carol'], fee: 0n },
  ]
  const route = { channelId: network['alice-hana'], hops }
  const paid = alice.process.order('payInvoice', { text, seconds: LOCK, route })
  // It ends when carol has published the secret, unless it fails before.
  await Promise.race([carol.process.order('promised', { channelId: network['mallory-carol'], key }), paid])
  return { key, paid }
}
