import { chooseAsset, chooseChannel } from '../actor.ts'
import { TaskUsageError } from '../errors.ts'
import { action, withActor } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly asset?: string | undefined
  readonly channel?: string | undefined
}

/** A node begins to answer as soon as it runs; the receipt then comes with a block. */
const BEGIN_MS = 500
const MINED_MS = 120_000

export default action(({ as, asset, channel }: Args, scene) =>
  withActor(scene, as, async (actor) => {
    const { chain, name, sent } = actor
    const { channelId } = chooseChannel(actor, channel)
    const token = chooseAsset(asset)
    const { latest } = await chain.view({ channelId, asset: token })
    if (latest.phase !== 'disputed') throw new TaskUsageError('There is no dispute, so nothing has to be answered.')
    const answer = () => sent.find(({ functionName }) => functionName === 'submit')
    const began = performance.now()
    const waits = () => performance.now() - began < (answer() ? MINED_MS : BEGIN_MS)
    while (!answer()?.receipt && !answer()?.error && waits()) await new Promise((resolve) => setTimeout(resolve, 50))
    if (answer()?.error) throw answer()?.error
    const answered = answer()?.receipt !== undefined
    console.log(answered ? `  ${name} answered` : `  ${name} has nothing newer than what the chain holds`)
    return { channelId, answered }
  }),
)
