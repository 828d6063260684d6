import { connectHouse } from '../chain/house/connect-house.ts'
import type { EthersHouse } from '../chain/house/ethers-house.ts'
import { parseAddress } from '../core/address.ts'
import { toBytes } from '../core/bytes.ts'
import type { Domain } from '../core/types.ts'
import { HouseOperator } from '../house/operator/operator.ts'
import { sessionSigner } from '../signing/session.ts'
import { sealFile } from '../storage/seal-file.ts'
import { openSqlite } from '../storage/sqlite.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { webSocketTransport } from '../transport/websocket.ts'
import { chainIdOf } from './connect.ts'
import { type DaemonArgs, type Desk, runDaemon, type Service } from './daemon.ts'
import { readKey, wholeNumber } from './files.ts'
import { type HouseChainArgs, houseOptions } from './house-connection.ts'
import { houseMetrics } from './house-metrics.ts'
import { readLimits } from './limits-file.ts'

/** Options of `tallystick house`. */
export interface HouseArgs extends HouseChainArgs, DaemonArgs {
  readonly keyFile: string
  readonly passwordFile?: string
  readonly store: string
  readonly sealFile?: string
  readonly listen: readonly string[]
  readonly epochSeconds?: string
  readonly limits?: string
  readonly unfunded: string
  readonly connections: string
  readonly perHost: string
  readonly perSecond: string
}

/** Runs the operator of a house until it is stopped. */
export async function house(args: HouseArgs): Promise<void> {
  const limits = {
    unfunded: wholeNumber(args.unfunded, 'unfunded', 0),
    connections: wholeNumber(args.connections, 'connections', 1),
    perSecond: wholeNumber(args.perSecond, 'per-second', 1),
    ...(args.limits !== undefined && { insurance: readLimits(args.limits) }),
    ...(args.epochSeconds !== undefined && { epochSeconds: wholeNumber(args.epochSeconds, 'epoch-seconds', 1) }),
  }
  const wallet = await readKey(args.keyFile, args.passwordFile)
  // What the operator's account signs is what members hold: the chain knows it by no other key.
  const signer = sessionSigner(toBytes(wallet.privateKey, 32))
  const domain: Domain = { chainId: await chainIdOf(args), adjudicator: parseAddress(args.house) }
  await runDaemon(args, async (desk) => {
    const store = openSqlite(args.store, { identity: { ...domain, signer: signer.address } })
    const seal = sealFile(args.sealFile ?? `${args.store}.seal`)
    const close = async () => {
      await store.close()
      await seal.close()
    }
    try {
      const chain = await connectHouse(houseOptions(args, wallet, store))
      const metrics = houseMetrics(desk, chain)
      const doors = doorsOf(limits.connections, wholeNumber(args.perHost, 'per-host', 1))
      const transports = [tcpTransport({ signer, ...doors }), webSocketTransport({ signer, ...doors })]
      const { listen } = args
      const options = { ...limits, chain, store, seal, signer, transports, listen, onEvent: metrics.told }
      const running = await HouseOperator.start(options)
      metrics.follow(running)
      greet(desk, running, chain)
      return serviceOf(running, close, metrics.fault)
    } catch (error) {
      await close()
      throw error
    }
  })
}

/** Who introduces itself counts more strictly: it costs the operator a signature check. */
const doorsOf = (maxConnections: number, maxConnectionsPerHost: number) => ({
  maxConnections,
  maxConnectionsPerHost,
  maxStrangers: Math.max(256, Math.ceil(maxConnections / 8)),
  maxStrangersPerHost: Math.max(32, Math.ceil(maxConnectionsPerHost / 8)),
})

/** What a member has to know, and an operator to check. */
function greet({ log }: Desk, { address, listening }: HouseOperator, { domain, terms }: EthersHouse): void {
  const houses = listening.map((where) => ({ house: domain.adjudicator, operator: address, address: where }))
  log.info({ houses, assets: terms.assets, interval: Number(terms.interval) }, 'clearing')
}

const serviceOf = (running: HouseOperator, close: () => Promise<void>, fault: () => string | undefined): Service => ({
  fault,
  async stop() {
    await running.stop()
    await close()
  },
})
