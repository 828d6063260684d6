import { COIN } from '../../core/types.ts'
import { formatAmount, unitOf } from '../amounts.ts'
import { print } from '../facts.ts'
import { action, withActor } from '../run.ts'
import { actorNames, deploymentOf } from '../scene.ts'

interface Args {
  readonly as?: string | undefined
  readonly json: boolean
}

/** Without an actor the deployment and the actors' names; with one its channels, balances and what leaving would cost. */
export default action(async ({ as, json }: Args, scene) => {
  const deployment = deploymentOf(scene)
  if (as === undefined) {
    const facts = { chainId: scene.chainId, folder: scene.folder, ...deployment, actors: actorNames(scene) }
    print(
      facts,
      json,
      Object.entries(facts).map(([key, value]) => `  ${key.padEnd(12)}${value}`),
    )
    return facts
  }
  return withActor(scene, as, async ({ node, chain, name }) => {
    const channels = node.channels()
    const cost = await node.exitCost()
    const wallet = await chain.balance(COIN)
    const lines = [`  ${name}: ${formatAmount(wallet, await unitOf(chain, COIN))} in the account ${chain.sender}`]
    for (const { channelId, peer, ledgers } of channels) {
      lines.push(`  channel ${channelId} with ${peer}`)
      for (const { asset, generation, spendable, receivable, unconfirmed, disputedUntil } of ledgers) {
        const unit = await unitOf(chain, asset)
        const show = (amount: bigint) => formatAmount(amount, unit)
        lines.push(
          `    generation ${generation}: can spend ${show(spendable)}, can receive ${show(receivable)}, unconfirmed ${show(unconfirmed)}`,
        )
        if (disputedUntil !== undefined) lines.push(`    disputed until ${disputedUntil} (chain seconds)`)
      }
    }
    const unit = await unitOf(chain, COIN)
    lines.push(`  leaving without a peer costs about ${formatAmount(cost.exit, unit)} per ledger now`)
    lines.push(
      `  protected minimum ${formatAmount(cost.protectedMinimum, unit)}: a smaller balance is not worth an answer`,
    )
    const facts = { name, account: chain.sender, wallet, channels, ...cost }
    print(facts, json, lines)
    return facts
  })
})
