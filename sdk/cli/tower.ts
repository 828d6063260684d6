import type { EthersChain } from '../chain/adapter.ts'
import { connectChain } from '../chain/connect.ts'
import { parseAddress } from '../core/address.ts'
import type { Domain } from '../core/types.ts'
import { sessionSigner } from '../signing/session.ts'
import { openSqlite } from '../storage/sqlite.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { webSocketTransport } from '../transport/websocket.ts'
import { Watchtower } from '../watchtower/tower.ts'
import { type ChainArgs, chainIdOf } from './connect.ts'
import { type DaemonArgs, type Desk, runDaemon, type Service } from './daemon.ts'
import { identityKey, readKey, wholeNumber } from './files.ts'
import { towerMetrics } from './tower-metrics.ts'

/** Options of `tallystick tower`. */
export interface TowerArgs extends ChainArgs, DaemonArgs {
  readonly adjudicator: string
  readonly fromBlock: string
  readonly keyFile: string
  readonly passwordFile?: string
  readonly store: string
  readonly identityFile?: string
  readonly listen: readonly string[]
  readonly margin: string
  readonly delay: string
  readonly days: string
  readonly settle?: boolean
  readonly perClient: string
  readonly ledgers: string
  readonly reserveGas: string
  readonly maxFeePerGas?: string
}

/** Runs a watchtower until it is stopped. */
export async function tower(args: TowerArgs): Promise<void> {
  const options = {
    policy: {
      margin: BigInt(wholeNumber(args.margin, 'margin', 0)),
      delay: BigInt(wholeNumber(args.delay, 'delay', 0)),
      settle: args.settle ?? false,
    },
    term: BigInt(wholeNumber(args.days, 'days', 1)) * 86_400n,
    limits: {
      perClient: wholeNumber(args.perClient, 'per-client', 1),
      total: wholeNumber(args.ledgers, 'ledgers', 1),
    },
  }
  const wallet = await readKey(args.keyFile, args.passwordFile)
  const adjudicator = parseAddress(args.adjudicator)
  const block = wholeNumber(args.fromBlock, 'from-block', 0)
  const reserveGas = BigInt(wholeNumber(args.reserveGas, 'reserve-gas', 0))
  const signer = sessionSigner(identityKey(args.identityFile ?? `${args.store}.identity`))
  const domain: Domain = { chainId: await chainIdOf(args), adjudicator }
  await runDaemon(args, async (desk) => {
    const store = openSqlite(args.store, { identity: { ...domain, signer: signer.address } })
    try {
      const { rpc, confirmations, maxFeePerGas } = args
      const chain = await connectChain({
        rpc,
        store,
        signer: wallet,
        deployment: { adjudicator, block },
        reserveGas,
        ...(maxFeePerGas !== undefined && { maxFeePerGas: BigInt(wholeNumber(maxFeePerGas, 'max-fee-per-gas', 1)) }),
        ...(confirmations !== undefined && { confirmations: wholeNumber(confirmations, 'confirmations', 1) }),
      })
      const metrics = towerMetrics(desk, chain)
      const running = await Watchtower.start({
        ...options,
        chain,
        store,
        signer,
        transports: [tcpTransport({ signer }), webSocketTransport({ signer })],
        listen: args.listen,
        onEvent: metrics.told,
      })
      metrics.follow(running)
      greet(desk, running, chain)
      return serviceOf(running, store, metrics.fault)
    } catch (error) {
      await store.close()
      throw error
    }
  })
}

/** What a client has to know, and an operator to check. */
function greet({ log }: Desk, { address, listening }: Watchtower, chain: EthersChain): void {
  const [towers, account] = [listening.map((where) => ({ tower: address, address: where })), chain.sender]
  log.info({ towers, account, adjudicator: chain.domain.adjudicator }, 'watching')
}

const serviceOf = (
  running: Watchtower,
  store: { close(): Promise<void> },
  fault: () => string | undefined,
): Service => ({
  fault,
  async stop() {
    await running.stop()
    await store.close()
  },
})
