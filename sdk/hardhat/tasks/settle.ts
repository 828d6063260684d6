import type { LedgerRef } from '../../core/types.ts'
import { type Actor, chooseAsset, chooseChannel } from '../actor.ts'
import { formatAmount, unitOf } from '../amounts.ts'
import { jumpTo } from '../clock.ts'
import { TaskUsageError } from '../errors.ts'
import { action, withActor } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly jump: boolean
  readonly asset?: string | undefined
  readonly channel?: string | undefined
}

const PATIENCE_MS = 30_000

export default action(({ as, jump, asset, channel }: Args, scene) =>
  withActor(scene, as, async (actor) => {
    const { chain, name, node } = actor
    const { channelId } = chooseChannel(actor, channel)
    const token = chooseAsset(asset)
    const ledger = { channelId, asset: token }
    const { latest, head } = await chain.view(ledger)
    if (latest.phase !== 'disputed')
      throw new TaskUsageError('There is no dispute to settle. Start one with "tally challenge".')
    if (jump) await jumpTo(scene, latest.expiry)
    else if (head.timestamp < latest.expiry)
      throw new TaskUsageError(
        `The challenge period runs ${latest.expiry - head.timestamp} s more. Come back then, or use --jump on a development chain.`,
      )
    const { entitlement } = node.balances(channelId, token)
    await untilSettled(actor, { ...ledger, generation: latest.generation })
    console.log(`  ${name} was paid ${formatAmount(entitlement, await unitOf(chain, token))}`)
    return { channelId, paid: entitlement }
  }),
)

/** The node settles by itself once the chain's time has come. */
async function untilSettled(
  { chain }: Actor,
  { generation, ...ledger }: LedgerRef & { readonly generation: number },
): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const { latest } = await chain.view(ledger)
    if (latest.phase === 'open' && latest.generation > generation) return
    if (performance.now() > end)
      throw new TaskUsageError('The settlement was not mined in time. Run "tally settle" again.')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
