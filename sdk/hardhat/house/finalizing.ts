import type { HouseChain } from '../../chain/house/house-chain.ts'
import type { Finding } from '../../clearing/checking.ts'
import type { HouseOperator } from '../../house/operator/operator.ts'
import { jumpTo, mine, waitUntil } from '../clock.ts'
import { TaskUsageError } from '../errors.ts'
import type { Scene } from '../scene.ts'
import type { MemberActor } from './member.ts'
import type { Place } from './place.ts'

/** What a task brought an epoch to. */
export interface Finalized {
  readonly epoch: bigint
  readonly findings: readonly Finding[]
  readonly isFinal: boolean
}

/** An operator in this process cuts and commits within moments; one elsewhere when it likes. */
const PATIENCE_MS = 60_000
/** Until a development chain is given another block. */
const BLOCK_MS = 1_000

/** The epoch that the chain will have next, after those that are committed. */
export async function nextEpoch({ chain }: MemberActor): Promise<bigint> {
  return (await chain.state()).latest.lastCommitted + 1n
}

/** Has an epoch cut, if it is not, and committed, checks it, and with `jump` goes to the end of its window. */
export async function finalize(
  scene: Scene,
  member: MemberActor,
  { operator }: Place,
  { epoch, jump }: { readonly epoch: bigint; readonly jump: boolean },
): Promise<Finalized> {
  await assertRunning(member.chain)
  if (operator?.status().open === epoch) await cut(scene, operator, member)
  else if (!operator && member.house.verifyEpoch(epoch) === undefined)
    console.log(`  waiting until the operator cuts epoch ${epoch}`)
  await untilCommitted(scene, member, { epoch, isHere: operator !== undefined })
  const findings = member.house.verifyEpoch(epoch)!
  if (findings.length > 0) {
    const rules = [...new Set(findings.map(({ rule }) => rule))].join(', ')
    console.log(`  epoch ${epoch} is wrong (${rules}): ask for what is missing with "tally house dispute"`)
    return { epoch, findings, isFinal: false }
  }
  const isFinal = await pass(scene, member, { epoch, jump })
  return { epoch, findings, isFinal }
}

/** The cut is to cover what the member has seen posted. */
async function cut(scene: Scene, operator: HouseOperator, { chain }: MemberActor): Promise<void> {
  const { number } = (await chain.state()).latest.head
  await mine(scene)
  await waitUntil(() => operator.status().block >= number, PATIENCE_MS)
  operator.cut()
}

async function assertRunning(chain: HouseChain): Promise<void> {
  if ((await chain.state()).latest.isRunning) return
  throw new TaskUsageError('The house has halted, no epoch comes any more. Leave it with "tally house exit".')
}

async function untilCommitted(
  scene: Scene,
  { house, chain }: MemberActor,
  { epoch, isHere }: { readonly epoch: bigint; readonly isHere: boolean },
): Promise<void> {
  const isDone = async () => {
    await waitUntil(() => house.verifyEpoch(epoch) !== undefined, BLOCK_MS)
    if (house.verifyEpoch(epoch) !== undefined) return true
    await assertRunning(chain)
    await mine(scene)
    return false
  }
  const isInTime = await waitUntil(isDone, isHere ? PATIENCE_MS : Number.POSITIVE_INFINITY)
  if (!isInTime) throw new TaskUsageError(`Epoch ${epoch} was not committed in time. Run the task again.`)
}

/** False: the window of this epoch is still open. */
async function pass(
  scene: Scene,
  { house, chain }: MemberActor,
  { epoch, jump }: { readonly epoch: bigint; readonly jump: boolean },
): Promise<boolean> {
  const { challengeUntil, open } = (await chain.epochStatus(epoch))!
  const { timestamp } = (await chain.state()).latest.head
  if (timestamp < challengeUntil) {
    if (!jump) {
      console.log(
        `  epoch ${epoch} is right; it can be disputed for ${challengeUntil - timestamp} s more, then it is final`,
      )
      return false
    }
    await jumpTo(scene, challengeUntil)
  }
  if (open === 0 && (await waitUntil(() => house.final >= epoch, PATIENCE_MS))) {
    console.log(`  epoch ${epoch} is right and final`)
    return true
  }
  console.log(`  epoch ${epoch} is not final: ${open} demands wait for an answer`)
  return false
}
