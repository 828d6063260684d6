import { once } from 'node:events'
import type { OperatorEvent } from '../../../house/operator/events.ts'
import { TaskUsageError } from '../../errors.ts'
import { sayAlarm, startOperator } from '../../house/operator.ts'
import { houseOf, isOperatedHere, saveHouse } from '../../house/scene.ts'
import { action } from '../../run.ts'

interface Args {
  readonly listen: string
  readonly epochSeconds: number
}

/** The operator in a process of its own; the tasks of members find it there. */
export default action(async ({ listen, epochSeconds }: Args, scene) => {
  const saved = houseOf(scene)
  if (epochSeconds < 1) throw new TaskUsageError('An epoch takes time. Give --epoch-seconds of at least 1.')
  if (!isOperatedHere(scene, saved.house))
    throw new TaskUsageError(
      `The key of the operator of ${saved.house} is not here. Run it with "tallystick house" where its key is.`,
    )
  const { operator, stop } = await startOperator(scene, saved, { listen, epochSeconds, onEvent: say })
  try {
    const [at] = operator.listening
    saveHouse(scene, { ...saved, at: at! })
    console.log(`  ${operator.address} operates ${saved.house} at ${at}; Ctrl-C ends it`)
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  } finally {
    await stop()
  }
})

function say(event: OperatorEvent): void {
  sayAlarm(event)
  if (event.kind === 'sent') console.log(`  epoch ${event.epoch} committed, ${event.gasUsed.toLocaleString('en')} gas`)
  if (event.kind === 'demanded') console.log(`  a demand for epoch ${event.epoch}: ${event.about}`)
  if (event.kind === 'answered') console.log(`  answered, ${event.gasUsed.toLocaleString('en')} gas`)
  if (event.kind === 'halted') console.log('  the house has halted')
}
