import { keccak256, toUtf8Bytes, Wallet } from 'ethers'
import { connectHouse } from '../../sdk/chain/house/connect-house.ts'
import { SharedHouse } from '../../sdk/chain/house/shared.ts'
import type { Leg } from '../../sdk/clearing/account.ts'
import { leafRow } from '../../sdk/clearing/epoch.ts'
import { netObligations } from '../../sdk/clearing/netting/net.ts'
import { buildTally, tallyPaths } from '../../sdk/clearing/tally.ts'
import { toBytes } from '../../sdk/core/bytes.ts'
import { type Address, COIN, type Hex } from '../../sdk/core/types.ts'
import { parseHouseExit } from '../../sdk/house/member/exit-file.ts'
import { joinHouse } from '../../sdk/house/member/join.ts'
import type { HouseMember } from '../../sdk/house/member/member.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import type { Check } from './audit.ts'
import { fund } from './cast.ts'
import { JobError } from './errors.ts'
import { openHouse, WINDOW } from './house-operator.ts'
import { openBank } from './money.ts'
import { ONE } from './plan.ts'
import type { Job } from './story.ts'

// The third act: a clearing house with many members in this process and its operator in another one. They pay each other, net a circle
// of debts, exchange two assets, and one is paid while it is away. Then the operator is killed before one member has seen its leaf: that
// member challenges, nobody answers, the house halts, and everybody takes out what the last final epoch says.

/** What each has to begin with: in coins, all of them; in tokens, the second. */
const START = { coin: ONE / 1_000n, token: ONE }
/** Payments under one signature. */
const EACH = 50
/** Members that one member pays. */
const NEIGHBOURS = 4
/** Leaves that leave in one transaction: what fits into one under the limit of 2^24 gas. */
const TOGETHER = 200
const ATTEMPTS = 3
/** Milliseconds: all of it takes far less. */
const LIMIT = 180_000

interface Person {
  readonly owner: Address
  readonly join: () => Promise<HouseMember>
  member: HouseMember
}

/** The house with those who are in it, and what each should have by what it did. */
interface Town {
  readonly job: Job
  readonly house: Address
  readonly shared: SharedHouse
  readonly people: Person[]
  readonly expected: { coin: bigint; token: bigint }[]
  readonly kill: () => Promise<void>
}

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

/** Founds the house, begins its operator, lets everybody join and pays everybody in. */
async function settle(job: Job, members: number): Promise<Town> {
  const { chain, stage, screen } = job
  const { token } = stage.deployed
  const treasurer = Wallet.createRandom().connect(chain.provider)
  await fund(treasurer.address.toLowerCase() as Address, stage, chain.provider)
  const { founded, address, kill } = await openHouse(stage, chain.provider)
  const connection = await connectHouse({
    rpc: stage.rpc,
    store: memoryStore(),
    ...founded,
    signer: treasurer,
    pollMs: 100,
    confirmations: 1,
  })
  const shared = await SharedHouse.start(connection)
  const people = await Promise.all(
    Array.from({ length: members }, async (_, index): Promise<Person> => {
      const seed = keccak256(toUtf8Bytes(`member ${index}`)) as Hex
      const [signer, store] = [sessionSigner(toBytes(seed)), memoryStore()]
      const owner: Address = `0x${keccak256(toUtf8Bytes(`owner ${index}`)).slice(26)}`
      const join = () =>
        joinHouse({
          chain: shared.port(),
          signer,
          owner,
          store,
          transports: [tcpTransport({ signer })],
          operator: address,
          disputes: index === 0,
        })
      return { owner, join, member: await join() }
    }),
  )
  await until('everybody is seated', () => people.every(({ member }) => member.index !== undefined))
  const [first, second] = people
  const all = BigInt(members)
  await connection.deposit({ signer: await signerOf(0), owner: first!.owner }, 0, START.coin * all, { intent: 'coins' })
  await connection.deposit({ signer: await signerOf(1), owner: second!.owner }, 1, START.token, { intent: 'tokens' })
  await until(
    'the deposits are seen',
    () => first!.member.balance().available > 0n && second!.member.balance(token).available > 0n,
  )
  for (let at = 1; at < members; at += 1_000)
    await first!.member.payMany(
      people.slice(at, at + 1_000).map(({ member }) => ({ to: member.id, amount: START.coin })),
    )
  const expected = people.map((_, index) => ({ coin: START.coin, token: index === 1 ? START.token : 0n }))
  screen.say(
    `a clearing house of ${members.toLocaleString('en')} members in one process, its operator in another; all of them have coins`,
  )
  return { job, house: founded.house, shared, people, expected, kill }
}

const signerOf = async (index: number) =>
  sessionSigner(toBytes(keccak256(toUtf8Bytes(`member ${index}`)) as Hex)).address

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

/** The operator is gone before the first member has seen its leaf of a later epoch. */
async function withhold({ people, job, shared, kill }: Town, last: bigint): Promise<void> {
  const first = people[0]!
  await first.member.close()
  const later = async () => (await shared.port().state()).confirmed.lastCommitted
  const before = await later()
  await until('one more epoch is committed', async () => (await later()) > before)
  await kill()
  first.member = await first.join()
  const disputed = new Promise<void>((resolve) => void first.member.on('disputed', () => resolve()))
  await job.chain.advance(WINDOW / 2 + 50)
  await Promise.race([disputed, late('The member that was shown nothing challenges')])
  await job.chain.advance(2 * WINDOW)
  const isSettled = async () => (await shared.port().state()).confirmed.isSettled
  await until('the house has halted', isSettled)
  const { final } = (await shared.port().state()).confirmed
  job.screen.say(
    `the operator was killed; a member that it had not shown its leaf challenged, nobody answered, and the house halted after epoch ${final}`,
  )
  if (final < last) throw new JobError(`Epoch ${last} was final, and is not any more.`)
}

/** Everybody leaves, many at a time, with nothing but what it kept. */
async function leave({ people, job, shared }: Town, last: bigint): Promise<void> {
  const chain = shared.port()
  const { final } = (await chain.state()).confirmed
  const files = people.map(({ member }) => parseHouseExit(member.exitFile()))
  const kept = files.map(({ identity, epochs }) => {
    const one = epochs.find(({ epoch }) => epoch.number === final)
    if (!one) throw new JobError(`A member kept no leaf of epoch ${final}, the last final one (${last} was checked).`)
    return { ...one, identity }
  })
  kept.sort((a, b) => a.proof.index - b.proof.index)
  const { epoch } = kept[0]!
  const rows = kept.map(({ proof }) => leafRow(proof.leaf))
  const tree = buildTally(rows, epoch.left.length)
  for (let at = 0; at < kept.length; at += TOGETHER) {
    const some = kept.slice(at, at + TOGETHER)
    const claims = some.map(({ proof: { index, leaf }, identity }) => ({ index, leaf, identity }))
    const path = tallyPaths(
      tree,
      claims.map(({ index }) => index),
    )
    await chain.exit(epoch, claims, path, { intent: `exit/${at}` })
  }
  job.screen.say(
    `everybody took out what epoch ${final} says, ${TOGETHER} members in a transaction, without the operator`,
  )
}

/** What the chain says of it. */
async function checksOf({ job, people, expected, house }: Town): Promise<Check[]> {
  const { provider } = job.chain
  const { token } = job.stage.deployed
  const bank = openBank(provider, job.stage.deployed)
  const wrong: string[] = []
  for (const [index, { owner }] of people.entries()) {
    const has = { coin: await bank.balance(owner, COIN), token: await bank.balance(owner, token) }
    const { coin, token: pieces } = expected[index]!
    if (has.coin !== coin || has.token !== pieces)
      wrong.push(`member ${index} has ${has.coin} and ${has.token} instead of ${coin} and ${pieces}`)
  }
  const left = { coin: await bank.balance(house, COIN), token: await bank.balance(house, token) }
  return [
    {
      claim: `all ${people.length} members of the house were paid out what they had, to the wei`,
      fault: wrong.length === 0 ? undefined : `${wrong.length} were not: ${wrong.slice(0, 3).join('; ')}`,
    },
    {
      claim: 'the clearing house holds nothing',
      fault: left.coin === 0n && left.token === 0n ? undefined : `it holds ${left.coin} wei and ${left.token} DEMO`,
    },
  ]
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + LIMIT
  while (!(await isSo())) {
    if (performance.now() > limit) throw new JobError(`It took longer than ${LIMIT / 1_000} s until ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const late = (what: string) =>
  new Promise<never>((_, reject) => {
    setTimeout(() => reject(new JobError(`${what} too late.`)), LIMIT).unref()
  })
