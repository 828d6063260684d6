import type { EthersChain } from '../chain/adapter.ts'
import { parseAddress } from '../core/address.ts'
import { type Address, COIN, type Hex, type LedgerRef } from '../core/types.ts'
import { exitCost } from '../node/ledgers/balances.ts'
import { type ChainArgs, withChain } from './connect.ts'
import { readExitFile } from './exit-file.ts'
import { UsageError } from './files.ts'
import { dateOf, formatOf, type Print, printer } from './output.ts'

/** Options of `tallystick inspect`. */
export interface InspectArgs extends ChainArgs {
  readonly file?: string
  readonly channel?: string
  readonly asset?: string
  readonly adjudicator?: string
  readonly json?: boolean
}

/** Shows ledgers as the chain holds them. */
export async function inspect(args: InspectArgs): Promise<void> {
  const print = printer(args.json)
  const { adjudicator, chainId, ledgers } = target(args)
  await withChain(args, { adjudicator }, chainId, undefined, async (chain) => {
    for (const ledger of ledgers) await showLedger(chain, ledger, print)
    const { exit, protectedMinimum, gasPrice } = exitCost(await chain.gasPrice())
    const format = await formatOf(chain, COIN)
    print(
      { event: 'cost', gasPrice, exit, protectedMinimum },
      `Leaving costs about ${format(exit)} a ledger now; protected minimum ${format(protectedMinimum)}.`,
    )
  })
}

interface Target {
  readonly adjudicator: Address
  readonly chainId: bigint | undefined
  readonly ledgers: readonly LedgerRef[]
}

function target({ file, channel, asset, adjudicator }: InspectArgs): Target {
  if (file !== undefined) {
    const { domain, ledgers } = readExitFile(file)
    return { ...domain, ledgers }
  }
  if (channel === undefined || adjudicator === undefined)
    throw new UsageError('Nothing to inspect. Give --file, or --channel with --adjudicator.')
  if (!/^0x[0-9a-fA-F]{64}$/.test(channel))
    throw new UsageError(`"${channel.slice(0, 80)}" is not a channel id: 0x and 64 hex digits. Check --channel.`)
  const ledger = { channelId: channel.toLowerCase() as Hex, asset: asset === undefined ? COIN : parseAddress(asset) }
  return { adjudicator: parseAddress(adjudicator), chainId: undefined, ledgers: [ledger] }
}

/** One ledger: phase, balances at both depths, and what happened to it. */
export async function showLedger(chain: EthersChain, ledger: LedgerRef, print: Print): Promise<void> {
  const { channelId, asset } = ledger
  const [view, events, format] = await Promise.all([chain.view(ledger), chain.history(ledger), formatOf(chain, asset)])
  const { latest, latestBalances, confirmedBalances } = view
  const phase = latest.phase === 'open' ? 'open' : `disputed until ${dateOf(latest.expiry)} by the chain's clock`
  const balances = latestBalances.map((amount, member) => {
    const final = confirmedBalances[member] === amount ? '' : ` (final so far: ${format(confirmedBalances[member]!)})`
    return `    member ${member}: ${format(amount)}${final}`
  })
  const happened = events.map(({ kind, block }) => `    ${dateOf(block.timestamp)} block ${block.number}: ${kind}`)
  print(
    {
      event: 'ledger',
      channelId,
      asset,
      phase: latest.phase,
      generation: latest.generation,
      ...(latest.phase === 'disputed' && { expiry: latest.expiry }),
      latestBalances,
      confirmedBalances,
      events: events.map(({ kind, block, transaction }) => ({ kind, block: block.number, transaction })),
    },
    [
      `Ledger ${channelId} of ${asset === COIN ? 'the coin' : asset}`,
      `  generation ${latest.generation}, ${phase}`,
      ...balances,
      ...happened,
    ].join('\n'),
  )
}
