import { parseAddress } from '../../core/address.ts'
import { COIN } from '../../core/types.ts'
import { chooseChannel } from '../actor.ts'
import { TaskUsageError } from '../errors.ts'
import { action, withActor } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly asset?: string | undefined
  readonly channel?: string | undefined
}

/** Time for a node to answer; it does so by itself as soon as it runs. */
const PATIENCE_MS = 5_000

export default action(({ as, asset, channel }: Args, scene) =>
  withActor(scene, as, async (actor) => {
    const { chain, name, sent } = actor
    const { channelId } = chooseChannel(actor, channel)
    const token = asset === undefined ? COIN : parseAddress(asset)
    const { latest } = await chain.view({ channelId, asset: token })
    if (latest.phase !== 'disputed') throw new TaskUsageError('There is no dispute, so nothing has to be answered.')
    const end = performance.now() + PATIENCE_MS
    const answered = () => sent.some(({ functionName }) => functionName === 'submit')
    while (!answered() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50))
    console.log(answered() ? `  ${name} answered` : `  ${name} has nothing newer than what the chain holds`)
    return { channelId, answered: answered() }
  }),
)
