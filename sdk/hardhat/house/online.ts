import { RefusedByHouseError } from '../../house/member/errors.ts'
import { waitUntil } from '../clock.ts'
import { TaskUsageError } from '../errors.ts'
import type { MemberActor } from './member.ts'
import type { Place } from './place.ts'

const PATIENCE_MS = 10_000
/** A member begins to collect as soon as it sees that an epoch is final. */
const BEGIN_MS = 300
const MINED_MS = 120_000

/** Waits until the operator knows the member and has shown it what is committed. Throws {@link TaskUsageError} and what the operator refused. */
export async function untilConnected(member: MemberActor, { address }: Place): Promise<void> {
  const { link } = member
  const isRefused = () => link.reason instanceof RefusedByHouseError
  if ((await waitUntil(() => link.isUp || isRefused(), PATIENCE_MS)) && isRefused() && !link.isUp) throw link.reason
  if (!link.isUp)
    throw new TaskUsageError(
      `The operator is not at ${address}. Start it with "tally house operate" or "tallystick house", or say where it is with --at.`,
      { cause: link.reason },
    )
  if (!(await waitUntil(() => isShown(member), PATIENCE_MS)))
    throw new TaskUsageError(
      `The operator does not show ${member.name} what it has committed. "tally house inspect" tells how long that can be disputed.`,
    )
}

/** Whether every epoch that can still count is checked, from the last final one on: an exit takes no less. */
export async function isShown({ house, chain }: MemberActor): Promise<boolean> {
  const { final, lastCommitted, isSettled } = (await chain.state()).confirmed
  const last = isSettled ? final : lastCommitted
  for (let number = final > 0n ? final : 1n; number <= last; number++)
    if (house.verifyEpoch(number) === undefined) return false
  return true
}

/** Waits until no transaction is under way, so that none is cut off. */
export async function untilQuiet({ sent }: MemberActor): Promise<void> {
  const isQuiet = () => sent.every(({ receipt, error }) => receipt !== undefined || error !== undefined)
  let count: number
  do {
    count = sent.length
    await waitUntil(isQuiet, MINED_MS)
    await new Promise((resolve) => setTimeout(resolve, BEGIN_MS))
  } while (sent.length > count)
}
