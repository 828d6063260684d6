import { COIN_UNIT, formatAmount } from '../../amounts.ts'
import { waitUntil } from '../../clock.ts'
import { TaskUsageError } from '../../errors.ts'
import type { MemberActor } from '../../house/member.ts'
import { elsewhere } from '../../house/place.ts'
import { type MemberArgs, withMember, withMemberAt } from '../../house/run.ts'
import { action } from '../../run.ts'

interface Args extends MemberArgs {
  readonly epoch?: string | undefined
  readonly unanswered: boolean
}

const ANSWER_MS = 20_000
/** Nobody listens there. */
const NOWHERE = 'memory:_nowhere'

export default action((args: Args, scene) => {
  const { unanswered, epoch } = args
  if (epoch !== undefined && !/^[1-9]\d{0,8}$/.test(epoch))
    throw new TaskUsageError(`"${epoch.slice(0, 40)}" is no epoch: they begin with 1. Correct --epoch.`)
  return unanswered
    ? withMemberAt(scene, args, elsewhere(NOWHERE), (member) => dispute(member, args))
    : withMember(scene, args, (member) => dispute(member, args))
})

async function dispute({ name, house, chain }: MemberActor, { epoch, unanswered }: Args) {
  const { lastCommitted } = (await chain.state()).latest
  if (lastCommitted === 0n)
    throw new TaskUsageError('No epoch is committed yet. Have one committed with "tally house finalize".')
  const number = epoch === undefined ? lastCommitted : BigInt(epoch)
  await assertOpen({ chain }, number, lastCommitted)
  const bond = await chain.bondFor(number)
  await house.dispute(number)
  console.log(`  ${name} disputed epoch ${number}, for a bond of ${formatAmount(bond, COIN_UNIT)}`)
  const status = async () => (await chain.epochStatus(number))!
  const isAnswered = !unanswered && (await waitUntil(async () => (await status()).open === 0, ANSWER_MS))
  const { answerUntil } = await status()
  console.log(
    isAnswered
      ? '  the operator answered'
      : `  without an answer before ${answerUntil} (chain seconds) the house halts: leave it then with "tally house exit"`,
  )
  return { epoch: number, isAnswered }
}

/** Throws {@link TaskUsageError} if an epoch cannot be disputed. */
async function assertOpen({ chain }: Pick<MemberActor, 'chain'>, number: bigint, last: bigint): Promise<void> {
  const status = await chain.epochStatus(number)
  if (!status) throw new TaskUsageError(`Epoch ${number} is not committed, the last one is ${last}. Correct --epoch.`)
  const { timestamp } = (await chain.state()).latest.head
  if (timestamp < status.challengeUntil) return
  throw new TaskUsageError(
    `Epoch ${number} could be disputed until ${status.challengeUntil}, it is ${timestamp} (chain seconds). Dispute a later one.`,
  )
}
