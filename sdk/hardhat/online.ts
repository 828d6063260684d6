import type { ChannelId } from '../core/types.ts'
import type { Actor } from './actor.ts'
import { TaskUsageError } from './errors.ts'

const PATIENCE_MS = 10_000

/** Waits until the peer of a channel is connected and both have caught up. Throws {@link TaskUsageError}. */
export async function untilOnline({ node, name }: Actor, channelId: ChannelId): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const { connected, ledgers } = node.channel(channelId)
    if (connected && !ledgers.some(({ blocked }) => blocked === 'PEER_NOT_SYNCED')) return
    if (performance.now() > end)
      throw new TaskUsageError(
        `The peer of ${name} is not online. If it is on another machine, start it there with "tally listen".`,
      )
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
