import { chooseAsset, chooseChannel } from '../actor.ts'
import { formatAmount, parseAmount, unitOf } from '../amounts.ts'
import { TaskUsageError } from '../errors.ts'
import { untilOnline } from '../online.ts'
import { action, withPeers } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly amount?: string | undefined
  readonly all: boolean
  readonly asset?: string | undefined
  readonly channel?: string | undefined
}

export default action(({ as, amount, all, asset, channel }: Args, scene) => {
  if (all === (amount !== undefined)) throw new TaskUsageError('Give either --amount or --all.')
  return withPeers(scene, { as, channel }, async (actor) => {
    const { node, chain, name } = actor
    const { channelId } = chooseChannel(actor, channel)
    const token = chooseAsset(asset)
    const unit = await unitOf(chain, token)
    await untilOnline(actor, channelId)
    if (all) await node.close(channelId, asset === undefined ? {} : { asset: token })
    else await node.withdraw(channelId, parseAmount(amount, unit), { asset: token })
    const { spendable } = node.balances(channelId, token)
    console.log(
      `  ${name} withdrew ${all ? 'everything' : amount} and can still spend ${formatAmount(spendable, unit)}`,
    )
    return { channelId, spendable }
  })
})
