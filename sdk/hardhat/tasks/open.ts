import { parseAddress } from '../../core/address.ts'
import { COIN } from '../../core/types.ts'
import { type Actor, actorName, localAddress, startActor } from '../actor.ts'
import { required, TaskUsageError } from '../errors.ts'
import { action, withActor } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly peer?: string | undefined
  readonly asset?: string | undefined
  readonly period: number
}

/** Opens a channel for the coin, and for a token if one is named. */
export default action(({ as, peer, asset, period }: Args, scene) => {
  const other = required(peer, 'peer', 'bob')
  const assets = asset === undefined ? [COIN] : [COIN, parseAddress(asset)]
  return withActor(scene, as, async ({ name, node }) => {
    let local: Actor | undefined
    if (!other.includes(':')) {
      if (actorName(other, 'peer') === name)
        throw new TaskUsageError('A channel needs two parties. Name another --peer.')
      local = await startActor(scene, other)
    }
    try {
      const channelId = await node.open(local ? localAddress(other) : other, { assets, period })
      console.log(`  channel ${channelId} of ${name} and ${other}`)
      return channelId
    } finally {
      await local?.stop()
    }
  })
})
