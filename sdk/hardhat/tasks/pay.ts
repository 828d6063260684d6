import { chooseAsset, chooseChannel } from '../actor.ts'
import { formatAmount, parseAmount, unitOf } from '../amounts.ts'
import { TaskUsageError } from '../errors.ts'
import { untilOnline } from '../online.ts'
import { action, withPeers } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly amount?: string | undefined
  readonly asset?: string | undefined
  readonly channel?: string | undefined
  readonly memo?: string | undefined
  readonly count: number
}

export default action(({ as, amount, asset, channel, memo, count }: Args, scene) => {
  if (count < 1) throw new TaskUsageError(`${count} payments are none. Give a --count of at least 1.`)
  return withPeers(scene, { as, channel }, async (actor) => {
    const token = chooseAsset(asset)
    const unit = await unitOf(actor.chain, token)
    const value = parseAmount(amount, unit)
    const { channelId } = chooseChannel(actor, channel)
    await untilOnline(actor, channelId)
    for (let made = 0; made < count; made++)
      await actor.node.pay(channelId, value, { asset: token, ...(memo === undefined ? {} : { memo }) })
    const { spendable } = actor.node.balances(channelId, token)
    const times = count === 1 ? '' : ` ${count} times`
    console.log(
      `  ${actor.name} paid ${formatAmount(value, unit)}${times} and can spend ${formatAmount(spendable, unit)}`,
    )
    return { channelId, spendable }
  })
})
