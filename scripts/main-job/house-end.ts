import { leafRow } from '../../sdk/clearing/epoch.ts'
import { buildTally, tallyPaths } from '../../sdk/clearing/tally.ts'
import { COIN } from '../../sdk/core/types.ts'
import { parseHouseExit } from '../../sdk/house/member/exit-file.ts'
import type { Check } from './audit.ts'
import { JobError } from './errors.ts'
import { WINDOW } from './house-operator.ts'
import { openBank } from './money.ts'
import { late, type Town, until } from './town.ts'

/** Leaves that leave in one transaction: what fits into one under the limit of 2^24 gas. */
const TOGETHER = 200

/** The operator is gone before the first member has seen its leaf of a later epoch. */
export async function withhold({ people, job, shared, kill }: Town, last: bigint): Promise<void> {
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
export async function leave({ people, job, shared }: Town, last: bigint): Promise<void> {
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
export async function checksOf({ job, people, expected, house }: Town): Promise<Check[]> {
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
