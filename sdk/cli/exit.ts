import type { EthersChain } from '../chain/adapter.ts'
import { type Address, COIN } from '../core/types.ts'
import type { ExitLedger } from '../node/leaving/exit.ts'
import { type ExitProgress, runExit } from '../node/leaving/exit-run.ts'
import { exitCost } from '../node/ledgers/balances.ts'
import { type ChainArgs, withChain } from './connect.ts'
import { readExitFile } from './exit-file.ts'
import { readKey } from './files.ts'
import { dateOf, formatOf, type Print, printer } from './output.ts'

/** Options of `tallystick exit`. */
export interface ExitArgs extends ChainArgs {
  readonly file: string
  readonly keyFile: string
  readonly passwordFile?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

const STAGES: Readonly<Record<ExitProgress['stage'], string>> = {
  empty: 'holds nothing: nothing to do',
  disputing: 'starting the dispute',
  waiting: 'waiting for the end of the challenge period',
  answering: 'the peer showed an old state: answering with a newer one',
  settling: 'settling',
  reserved: 'settled; what is locked in transfers is paid out once they are decided',
  done: 'settled and paid out',
  superseded: 'was settled before',
}

/** Leaves with an exit file, a key and an RPC alone. */
export async function exit(args: ExitArgs): Promise<void> {
  const { domain, ledgers } = readExitFile(args.file)
  const wallet = await readKey(args.keyFile, args.passwordFile)
  const print = printer(args.json)
  const deployment = { adjudicator: domain.adjudicator }
  await withChain(args, deployment, domain.chainId, wallet, async (chain) => {
    for (const ledger of ledgers) await describe(chain, ledger, print)
    await showCost(chain, ledgers.length, print)
    if (args.dryRun) return
    await leave(chain, ledgers, print)
    for (const asset of new Set(ledgers.map(({ asset }) => asset))) await claim(chain, asset, ledgers, print)
  })
}

async function describe(chain: EthersChain, ledger: ExitLedger, print: Print): Promise<void> {
  const { channelId, asset, states } = ledger
  const view = await chain.view(ledger)
  const format = await formatOf(chain, asset)
  const payouts = ledger.channel.members.map(({ owner }, member) => {
    const credits = states.reduce((sum, { state }) => sum + state.credits[member]!, 0n)
    return { owner, amount: view.latestBalances[member]! + credits }
  })
  const lines = payouts.map(({ owner, amount }) => `    ${format(amount)} for ${owner}`)
  print(
    { event: 'ledger', channelId, asset, payouts },
    [`Ledger ${channelId}, by the file's states:`, ...lines].join('\n'),
  )
}

async function showCost(chain: EthersChain, count: number, print: Print): Promise<void> {
  const { exit, protectedMinimum, gasPrice } = exitCost(await chain.gasPrice())
  const [cost, held] = [exit * BigInt(count), await chain.balance(COIN)]
  const format = await formatOf(chain, COIN)
  print(
    { event: 'cost', gasPrice, exit: cost, protectedMinimum, account: chain.sender, held },
    `Leaving costs about ${format(cost)} now; ${chain.sender} holds ${format(held)}.\n` +
      `Protected minimum: ${format(protectedMinimum)}. A smaller balance is not worth defending.`,
  )
}

async function leave(chain: EthersChain, ledgers: readonly ExitLedger[], print: Print): Promise<void> {
  const stop = new AbortController()
  const interrupt = () => stop.abort(new Error('Interrupted. Run the same command again to go on.'))
  process.once('SIGINT', interrupt)
  try {
    const onProgress = ({ channelId, asset, stage, expiry }: ExitProgress) => {
      const until = expiry === undefined ? '' : ` (${dateOf(expiry)} by the chain's clock)`
      print(
        { event: 'progress', channelId, asset, stage, expiry },
        `${channelId.slice(0, 10)}: ${STAGES[stage]}${until}`,
      )
    }
    const pollMs = chain.development ? 100 : 2_000
    await runExit(ledgers, chain, { signal: stop.signal, pollMs, onProgress })
  } finally {
    process.off('SIGINT', interrupt)
  }
}

/** A payout that its owner could not be given waits in the contract: this account's is fetched, of others it is said. */
async function claim(chain: EthersChain, asset: Address, ledgers: readonly ExitLedger[], print: Print): Promise<void> {
  const format = await formatOf(chain, asset)
  const owners = new Set(ledgers.flatMap(({ channel }) => channel.members.map(({ owner }) => owner)))
  for (const owner of owners) {
    const amount = await chain.claimable(asset, owner)
    if (amount === 0n) continue
    const own = owner === chain.sender
    if (own) {
      const call = { to: 'adjudicator', functionName: 'claim', args: [asset, owner] } as const
      await chain.send(call, { intent: `claim/${asset}/${owner}/${amount}` })
    }
    const how = own ? 'was claimed' : 'waits for its owner, who alone can claim it'
    print({ event: own ? 'claimed' : 'claimable', asset, owner, amount }, `${format(amount)} of ${owner} ${how}.`)
  }
}
