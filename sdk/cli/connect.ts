import type { Signer } from 'ethers'
import type { EthersChain } from '../chain/adapter.ts'
import { connectChain } from '../chain/connect.ts'
import type { Deployment } from '../chain/deployment.ts'
import { openRpc } from '../chain/rpc.ts'
import { memoryStore } from '../storage/memory.ts'
import { wholeNumber } from './files.ts'

/** What every command is told about the chain. */
export interface ChainArgs {
  readonly rpc: string
  readonly confirmations?: string
}

/** The id of the chain behind an RPC. */
export async function chainIdOf({ rpc }: ChainArgs): Promise<bigint> {
  const opened = await openRpc(rpc)
  opened.close()
  return opened.chainId
}

/** Runs `use` with a chain connection that forgets everything afterwards: all a command needs is on the chain. */
export async function withChain<T>(
  { rpc, confirmations }: ChainArgs,
  deployment: Deployment,
  chainId: bigint | undefined,
  signer: Signer | undefined,
  use: (chain: EthersChain) => Promise<T>,
): Promise<T> {
  const chain = await connectChain({
    rpc,
    store: memoryStore(),
    deployment,
    ...(chainId !== undefined && { chainId }),
    ...(signer && { signer }),
    ...(confirmations !== undefined && { confirmations: wholeNumber(confirmations, 'confirmations', 1) }),
  })
  chain.onAlarm = (error) => console.error(`warning: ${error.message}`)
  chain.onHealth = (healthy, reason) =>
    console.error(healthy ? 'The chain answers again.' : `warning: the view of the chain is stale: ${reason}`)
  try {
    await chain.start()
    return await use(chain)
  } finally {
    await chain.stop()
  }
}
