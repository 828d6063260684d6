import type { Leg } from '../../sdk/clearing/account.ts'
import { netObligations } from '../../sdk/clearing/netting/net.ts'
import { COIN } from '../../sdk/core/types.ts'
import type { HouseMember } from '../../sdk/house/member/member.ts'
import type { Check } from './audit.ts'
import { JobError } from './errors.ts'
import { checksOf, leave, withhold } from './house-end.ts'
import { WINDOW } from './house-operator.ts'
import { ONE } from './plan.ts'
import type { Job } from './story.ts'
import { settle, type Town, until } from './town.ts'

// The third act: a clearing house with many members in this process and its operator in another one. They pay each other, net a circle
// of debts, exchange two assets, and one is paid while it is away. Then the operator is killed before one member has seen its leaf: that
// member challenges, nobody answers, the house halts, and everybody takes out what the last final epoch says.

/** Payments under one signature. */
const EACH = 50
/** Members that one member pays. */
const NEIGHBOURS = 4
/** Offers of one group: a cut ends what waits for signatures. */
const ATTEMPTS = 3

/** Plays it; gives what must hold in the end. */
export async function playHouse(job: Job, members: number, payments: number): Promise<Check[]> {
  const town = await settle(job, members)
  const ticking = setInterval(() => void job.chain.provider.send('evm_mine', []).catch(() => {}), 500)
  try {
    await trade(town, payments)
    await together(town)
    await whileAway(town)
    const last = await finish(town)
    await withhold(town, last)
    await leave(town, last)
    return await checksOf(town)
  } finally {
    clearInterval(ticking)
    await Promise.all(town.people.map(({ member }) => member.close()))
    await town.shared.stop()
  }
}

/** Everybody pays some neighbours, many times under each signature. */
async function trade({ people, expected, job }: Town, payments: number): Promise<void> {
  const began = performance.now()
  const each = Math.ceil(payments / people.length)
  await Promise.all(
    people.map(async ({ member }, from) => {
      for (let at = 0; at < each; at += EACH) {
        const batch = Array.from({ length: Math.min(EACH, each - at) }, (_, i) => {
          const to = (from + 1 + ((at + i) % NEIGHBOURS)) % people.length
          const amount = 1n + BigInt((from * 7 + at + i) % 1_000)
          expected[from]!.coin -= amount
          expected[to]!.coin += amount
          return { to: people[to]!.member.id, amount }
        })
        await member.payMany(batch)
      }
    }),
  )
  await until('everybody has all receipts', () =>
    people.every(({ member }, i) => member.balance().available === expected[i]!.coin),
  )
  const seconds = (performance.now() - began) / 1_000
  const count = each * people.length
  job.screen.say(
    `they paid each other ${count.toLocaleString('en')} times in ${seconds.toFixed(1)} s, ${Math.round(count / seconds).toLocaleString('en')} a second, durable and receipted`,
  )
}

/** A circle of debts is netted, and coins are exchanged against tokens: all of it or nothing. */
async function together({ people, expected, job }: Town): Promise<void> {
  const [alice, bob, carol] = people.map(({ member }) => member.id)
  for (const { member } of people.slice(0, 3)) member.onProposed(() => true)
  const owed = [
    { from: 0, to: 1, amount: 90n },
    { from: 1, to: 2, amount: 70n },
    { from: 2, to: 0, amount: 80n },
  ]
  const ids = [alice!, bob!, carol!]
  const obligations = owed.map(({ from, to, amount }, i) => ({
    id: String(i),
    from: ids[from]!,
    to: ids[to]!,
    asset: COIN,
    amount,
    kind: 'divisible' as const,
  }))
  const { discharges, figures } = netObligations(
    obligations,
    ids.map((member) => ({ member, asset: COIN, amount: 0n })),
  )
  const circle = owed.map(
    ({ from, to }, i): Leg => ({ from: ids[from]!, to: ids[to]!, asset: 0, amount: discharges[i]!.amount }),
  )
  await agree(people[0]!.member, circle, 'the circle of debts')
  const [coins, tokens] = [ONE / 10_000n, ONE / 3n]
  const exchange: Leg[] = [
    { from: alice!, to: bob!, asset: 0, amount: coins },
    { from: bob!, to: alice!, asset: 1, amount: tokens },
  ]
  await agree(people[0]!.member, exchange, 'the exchange')
  for (const leg of [...circle, ...exchange]) {
    const [from, to] = [expected[ids.indexOf(leg.from)]!, expected[ids.indexOf(leg.to)]!]
    const unit = leg.asset === 0 ? 'coin' : 'token'
    from[unit] -= leg.amount
    to[unit] += leg.amount
  }
  const gross = figures[0]!.gross
  job.screen.say(
    `three of them netted ${gross} wei of debts in a circle, and two exchanged ETH against DEMO, both at once`,
  )
}

async function agree(member: HouseMember, legs: readonly Leg[], what: string): Promise<void> {
  // A cut ends what waits for signatures; a new offer is for the next epoch.
  for (let left = ATTEMPTS; left > 0; left--) if (await member.offer(legs, { seconds: 20 })) return
  throw new JobError(`The house did not clear ${what}.`)
}

/** The last member is away, is paid, and finds it when it is back. */
async function whileAway({ people, expected, job }: Town): Promise<void> {
  const last = people.length - 1
  await people[last]!.member.close()
  await people[2]!.member.pay(people[last]!.member.id, 12_345n)
  expected[2]!.coin -= 12_345n
  expected[last]!.coin += 12_345n
  people[last]!.member = await people[last]!.join()
  const { member } = people[last]!
  await until('what came while a member was away is there', () => member.balance().available === expected[last]!.coin)
  job.screen.say('one was paid while it was away, and found it when it came back')
}

/** Waits for an epoch with all of that, in which everybody finds its leaf right, and which is final. */
async function finish({ people, job, shared }: Town): Promise<bigint> {
  const { confirmed } = await shared.port().state()
  // What is open now may be cut already; the one after it holds everything.
  const last = confirmed.lastCommitted + 2n
  await until('everybody has checked the last epoch', () =>
    people.every(({ member }) => member.verifyEpoch(last) !== undefined),
  )
  const wrong = people.filter(({ member }) => member.verifyEpoch(last)!.length > 0).length
  if (wrong > 0) throw new JobError(`${wrong} members found their leaf wrong.`)
  await job.chain.advance(WINDOW + 1)
  await until('the epoch is final', () => people.every(({ member }) => member.final >= last))
  job.screen.say(`epoch ${last} is final: one commit for all of it, and everybody found its leaf right`)
  return last
}
