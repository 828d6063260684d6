import { toHex } from '../../core/bytes.ts'
import { encodeStates } from '../../core/calldata.ts'
import { encodeChannel } from '../../core/channel.ts'
import { chooseAsset, chooseChannel } from '../actor.ts'
import { action, withActor } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly stale: boolean
  readonly asset?: string | undefined
  readonly channel?: string | undefined
}

export default action(({ as, stale, asset, channel }: Args, scene) =>
  withActor(scene, as, async (actor) => {
    const { node, chain, name } = actor
    const { channelId, channel: members } = chooseChannel(actor, channel)
    const token = chooseAsset(asset)
    const ledger = { channelId, asset: token }
    if (stale) {
      const args = [toHex(encodeChannel(members)), token, toHex(encodeStates([]))]
      const { generation } = node.balances(channelId, token)
      const call = { to: 'adjudicator', functionName: 'submit', args } as const
      await chain.send(call, { intent: `challenge/${channelId}/${token}/${generation}` })
    } else await node.dispute(channelId, { asset: token })
    const { latest } = await chain.view(ledger)
    const expiry = latest.phase === 'disputed' ? latest.expiry : 0n
    console.log(`  ${name} started a dispute that can be settled at ${expiry} (chain seconds)`)
    return { channelId, expiry }
  }),
)
