import type { ExitStep } from '../../../house/member/exit-run.ts'
import { formatAmount } from '../../amounts.ts'
import { jumpTo, waitUntil } from '../../clock.ts'
import { TaskUsageError } from '../../errors.ts'
import type { MemberActor } from '../../house/member.ts'
import { isShown } from '../../house/online.ts'
import { OPERATOR_HERE } from '../../house/operator.ts'
import { elsewhere, openPlace } from '../../house/place.ts'
import { type MemberArgs, withMemberAt } from '../../house/run.ts'
import { houseOf, isOperatedHere } from '../../house/scene.ts'
import { action } from '../../run.ts'
import type { Scene } from '../../scene.ts'

interface Args extends MemberArgs {
  readonly jump: boolean
}

const PATIENCE_MS = 15_000

/** No operator is needed, unless the member has not seen the last epochs: it cannot show a leaf that it never saw. */
export default action((args: Args, scene) => {
  const saved = houseOf(scene)
  const address = args.at ?? (isOperatedHere(scene, saved.house) ? OPERATOR_HERE : (saved.at ?? OPERATOR_HERE))
  return withMemberAt(scene, args, elsewhere(address), async (member) => {
    const { name, house, chain, unit } = member
    await assertHalted(member, args)
    if (!(await isShown(member))) await catchUp(scene, member, args)
    if (args.jump) await halt(scene, member)
    const steps: ExitStep[] = []
    const onStep = (step: ExitStep) => {
      steps.push(step)
      say(step)
    }
    await house.exit({ pollMs: 100, onStep })
    for (const asset of house.assets)
      console.log(`  ${name} has left and holds ${formatAmount(await chain.balance(asset), await unit(asset))}`)
    return { steps }
  })
})

async function assertHalted({ chain }: MemberActor, { jump }: Args): Promise<void> {
  if (jump || !(await chain.state()).latest.isRunning) return
  throw new TaskUsageError(
    'The house has not halted: use "tally house withdraw". With --jump a development chain lets it halt.',
  )
}

/** The operator shows what it committed while this member was away; if it does not, the exit says what is missing. */
async function catchUp(scene: Scene, member: MemberActor, { at }: Args): Promise<void> {
  const place = await openPlace(scene, houseOf(scene), at)
  try {
    await waitUntil(() => isShown(member), PATIENCE_MS)
  } finally {
    await place.stop()
  }
}

/** Past everything that could still keep the house open, as if its operator had vanished. */
async function halt(scene: Scene, { chain }: MemberActor): Promise<void> {
  const { latest } = await chain.state()
  const { interval, window, answerTimeMost } = chain.terms
  if (latest.isSettled) return
  await jumpTo(scene, latest.head.timestamp + interval + window + answerTimeMost + 1n)
  if (await waitUntil(async () => !(await chain.state()).latest.isRunning, PATIENCE_MS)) return
  throw new TaskUsageError('The house does not halt: an operator still runs it. Stop it and run the task again.')
}

function say(step: ExitStep): void {
  if (step.kind === 'collected') console.log(`  collected what had left in epoch ${step.epoch}`)
  else if (step.kind === 'exited') console.log(`  took the balance of epoch ${step.epoch}`)
  else if (step.kind === 'refunded') console.log(`  got posting ${step.posting} back, which stands in no final epoch`)
  else if (step.kind === 'failed') console.log(`  failed, and goes on: ${(step.error as Error).message}`)
  else if (step.kind === 'waiting') console.log(`  waiting for: ${step.for}`)
}
