import type { Signer } from 'ethers'
import type { EthersChain } from '../chain/adapter.ts'
import { connectChain } from '../chain/connect.ts'
import type { Address } from '../core/types.ts'
import { Node } from '../node/node.ts'
import { sessionSigner } from '../signing/session.ts'
import { openSqlite } from '../storage/sqlite.ts'
import type { Store } from '../storage/store.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { webSocketTransport } from '../transport/websocket.ts'
import { chainIdOf } from './connect.ts'
import { type Desk, runDaemon, type Service } from './daemon.ts'
import { identityKey, readKey, wholeNumber } from './files.ts'
import { allowedPeers, assetsOf, type HubConfig, hubConfig, inboundOf, printed, ratesOf } from './hub-config.ts'
import { hubMetrics, timed } from './hub-metrics.ts'

/** Options of `tallystick hub`; what is not here is in the file. */
export interface HubArgs {
  readonly config?: string
  readonly printConfig?: boolean
  readonly fromBlock?: string
  readonly confirmations?: string
}

/** Runs a hub until it is stopped. */
export async function hub({ config: path, printConfig, ...over }: HubArgs): Promise<void> {
  const config = hubConfig(path, {
    ...over,
    fromBlock: over.fromBlock && wholeNumber(over.fromBlock, 'from-block', 0),
    confirmations: over.confirmations && wholeNumber(over.confirmations, 'confirmations', 1),
  })
  if (printConfig) {
    process.stdout.write(printed(config))
    return
  }
  const wallet = await readKey(config.keyFile, config.passwordFile)
  const key = identityKey(config.identityFile ?? `${config.store}.identity`)
  const { address: signer } = sessionSigner(key)
  const identity = { chainId: await chainIdOf({ rpc: config.rpc }), adjudicator: config.adjudicator, signer }
  await runDaemon(daemonArgs(config), async (desk) => {
    const store = timed(openSqlite(config.store, { identity }), desk.metrics)
    try {
      return await serve(config, desk, wallet, key, store)
    } catch (error) {
      await store.close()
      throw error
    }
  })
}

const daemonArgs = ({ metrics, logLevel }: HubConfig) => ({ logLevel, ...(metrics !== undefined && { metrics }) })

async function serve(config: HubConfig, desk: Desk, wallet: Signer, key: Uint8Array, store: Store): Promise<Service> {
  const chain = await connectChain({
    rpc: config.rpc,
    witnesses: config.witnesses,
    store,
    signer: wallet,
    deployment: { adjudicator: config.adjudicator, block: config.fromBlock },
    reserveGas: BigInt(config.reserveGas),
    ...(config.maxFeePerGas !== undefined && { maxFeePerGas: config.maxFeePerGas }),
    ...(config.confirmations !== undefined && { confirmations: config.confirmations }),
  })
  const node = await Node.start({
    key,
    owner: config.owner ?? chain.sender,
    chain,
    store,
    transports: (signer) => {
      const options = { signer, ...receptionOf(config) }
      return [tcpTransport(options), webSocketTransport(options)]
    },
    towers: config.towers.map(({ privacy, ...tower }) => ({ ...tower, ...(privacy && { privacy }) })),
    ...policiesOf(config),
  })
  const fault = hubMetrics(desk, node, chain)
  const listening: string[] = []
  try {
    for (const address of config.listen) listening.push(await node.listen(address))
  } catch (error) {
    await node.stop()
    throw error
  }
  greet(desk, node, chain, listening)
  return {
    fault,
    async stop() {
      // What is on its way is stored and goes on after the next start; most of it ends before.
      await node.drain({ signal: AbortSignal.timeout(1_000 * config.drainSeconds) })
      await node.stop()
      await store.close()
    },
  }
}

const receptionOf = ({ maxConnections, maxConnectionsPerHost, maxStrangersPerHost }: HubConfig) => ({
  maxConnections,
  maxConnectionsPerHost,
  maxStrangersPerHost,
})

function policiesOf(config: HubConfig) {
  const assets = assetsOf(config)
  return {
    inbound: inboundOf(config),
    gossip: { addresses: config.addresses },
    ...(config.rebalance && { rebalance: config.rebalance }),
    forwarding: {
      assets,
      maxParts: config.maxParts,
      maxPackets: config.maxPackets,
      maxStoreLag: config.maxStoreLagMs,
      margin: BigInt(config.margin),
      responseTime: BigInt(config.responseTime),
      maxLock: BigInt(config.maxLock),
      maxSwapLock: BigInt(config.maxSwapLock),
      maxOutcomeLock: BigInt(config.maxOutcomeLock),
      rates: ratesOf(config),
    },
    policy: {
      minPeriod: config.period.least,
      maxPeriod: config.period.most,
      maxUnfundedOfAll: config.maxUnfunded,
      assets: [...assets.keys()],
      peers: config.allowFile === undefined ? undefined : (allowedPeers(config.allowFile) as readonly Address[]),
    },
  }
}

/** What a client has to know, and an operator to check. */
function greet({ log }: Desk, { address, onionKey, owner }: Node, chain: EthersChain, listening: string[]): void {
  const { adjudicator } = chain.domain
  log.info({ hub: address, onionKey, listening, owner, account: chain.sender, adjudicator }, 'serving')
}
