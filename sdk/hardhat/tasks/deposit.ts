import { chooseAsset, chooseChannel } from '../actor.ts'
import { formatAmount, parseAmount, unitOf } from '../amounts.ts'
import { parseForm } from '../deposit-forms.ts'
import { action, withActor } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly amount?: string | undefined
  readonly asset?: string | undefined
  readonly channel?: string | undefined
  readonly by?: string | undefined
}

export default action(({ as, amount, asset, channel, by }: Args, scene) =>
  withActor(scene, as, async (actor) => {
    const token = chooseAsset(asset)
    const unit = await unitOf(actor.chain, token)
    const value = parseAmount(amount, unit)
    const { channelId } = chooseChannel(actor, channel)
    const form = parseForm(by)
    await actor.node.deposit(channelId, value, { asset: token, ...(form && { by: form }) })
    const { spendable } = actor.node.balances(channelId, token)
    console.log(`  ${actor.name} deposited ${formatAmount(value, unit)} and can spend ${formatAmount(spendable, unit)}`)
    return { channelId, spendable }
  }),
)
