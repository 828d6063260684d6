import { readFileSync } from 'node:fs'
import {
  BrowserProvider,
  ContractFactory,
  type Eip1193Provider,
  type JsonRpcApiProvider,
  JsonRpcProvider,
} from 'ethers'
import type { Deployment } from '../../chain/deployment.ts'
import type { Address } from '../../core/types.ts'
import { TableError } from './errors.ts'

/** The development chain under a table: unlocked accounts, a clock that can be turned, and the contracts on it. */
export interface Ground {
  /** As it was given: each player has a connection of its own. */
  readonly rpc: string | Eip1193Provider
  readonly provider: JsonRpcApiProvider
  /** Without the first one, which pays for deployments. */
  readonly accounts: readonly Address[]
  readonly deployment: Deployment
}

/** Deploys what apps need. Throws {@link TableError} for a chain that is not there or has too few unlocked accounts. */
export async function prepare(rpc: string | Eip1193Provider, players: number): Promise<Ground> {
  const provider = await connect(rpc)
  try {
    const [deployer, ...accounts] = (await provider.send('eth_accounts', [])) as Address[]
    if (deployer === undefined || accounts.length < players)
      throw new TableError(
        `The chain has ${accounts.length} unlocked accounts besides the deployer's, for ${players} players. Use a chain of Hardhat or anvil.`,
      )
    const deploy = (name: string, ...args: unknown[]) => deployContract(provider, deployer, name, args)
    const registry = await deploy('OutcomeRegistry')
    const [adjudicator, arbiter] = [await deploy('Adjudicator', registry), await deploy('AppArbiter', registry)]
    return { rpc, provider, accounts, deployment: { adjudicator, arbiter, block: 0 } }
  } catch (error) {
    provider.destroy()
    throw error
  }
}

async function connect(rpc: string | Eip1193Provider): Promise<JsonRpcApiProvider> {
  const options = { cacheTimeout: -1, pollingInterval: 50 }
  try {
    // Asked once by hand: ethers would go on asking a chain that is not there.
    const chainId = await chainIdOf(rpc)
    if (typeof rpc === 'string') return new JsonRpcProvider(rpc, chainId, { ...options, staticNetwork: true })
    return new BrowserProvider(rpc, chainId, options)
  } catch (cause) {
    throw new TableError('The chain does not answer. Start anvil or `npx hardhat node`, or give a Hardhat provider.', {
      cause,
    })
  }
}

async function chainIdOf(rpc: string | Eip1193Provider): Promise<number> {
  if (typeof rpc !== 'string') return Number(await rpc.request({ method: 'eth_chainId', params: [] }))
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })
  const answer = await fetch(rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return Number(((await answer.json()) as { result: string }).result)
}

async function deployContract(
  provider: JsonRpcApiProvider,
  from: Address,
  name: string,
  args: readonly unknown[],
): Promise<Address> {
  const { abi, bytecode } = artifactOf(name)
  const contract = await new ContractFactory(abi, bytecode, await provider.getSigner(from)).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()).toLowerCase() as Address
}

/** A contract of this package as it was compiled: beside the SDK in the package, and in a checkout after a build. */
function artifactOf(name: string): { readonly abi: []; readonly bytecode: string } {
  const file = new URL(`../../../artifacts/contracts/${name}.sol/${name}.json`, import.meta.url)
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new TableError(`The compiled ${name} is missing. Install the package again or, in a checkout, build it.`, {
      cause,
    })
  }
}
