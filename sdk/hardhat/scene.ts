import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrowserProvider, type Eip1193Provider, type JsonRpcSigner } from 'ethers'
import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'
import type { Deployment } from '../chain/deployment.ts'
import { RpcUnreachableError, UnknownDeploymentError } from '../chain/errors.ts'
import { lastSentence } from '../chain/rpc.ts'
import type { Address } from '../core/types.ts'

/** The network that tasks act on, and the folder that remembers what they did there. */
export interface Scene {
  readonly hre: HardhatRuntimeEnvironment
  readonly provider: BrowserProvider
  /** The same network as an EIP-1193 provider. */
  readonly wallet: Eip1193Provider
  readonly chainId: bigint
  /** `.tallystick/<chain id>-<start of the genesis hash>`: a restarted development chain gets a folder of its own. */
  readonly folder: string
}

/** What `deploy` writes down. */
export interface SavedDeployment extends Deployment {
  readonly registry: Address
  readonly block: number
  readonly token?: Address
  /** Of clearing houses. */
  readonly court?: Address
}

/** Connects to the network chosen with `--network`. */
export async function openScene(hre: HardhatRuntimeEnvironment): Promise<Scene> {
  const connection = await hre.network.getOrCreate()
  const wallet = connection.provider as Eip1193Provider
  const provider = new BrowserProvider(wallet, undefined, { cacheTimeout: -1, pollingInterval: 100 })
  try {
    // Asked by hand first: ethers would retry a failing network for ever.
    const chainId = BigInt((await wallet.request({ method: 'eth_chainId', params: [] })) as string)
    const genesis = (await wallet.request({ method: 'eth_getBlockByNumber', params: ['0x0', false] })) as {
      hash: string
    }
    const folder = join(hre.config.paths.root, '.tallystick', `${chainId}-${genesis.hash.slice(2, 10)}`)
    return { hre, provider, wallet, chainId, folder }
  } catch (cause) {
    provider.destroy()
    throw new RpcUnreachableError(`network "${connection.networkName}"`, lastSentence(cause), { cause })
  }
}

/** The contracts that `deploy` put there. Throws {@link UnknownDeploymentError}. */
export function deploymentOf({ folder, chainId }: Scene): SavedDeployment {
  const saved = readSaved(folder)
  if (!saved) throw new UnknownDeploymentError(chainId)
  return saved
}

export function readSaved(folder: string): SavedDeployment | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'deployment.json'), 'utf8')) as SavedDeployment
  } catch {
    return undefined
  }
}

export function saveDeployment({ folder }: Scene, deployment: SavedDeployment): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'deployment.json'), `${JSON.stringify(deployment, undefined, 2)}\n`)
}

/** What actors are called; other folders do not begin with a letter. */
export const ACTOR_NAME = /^[a-z][a-z0-9-]{0,31}$/

/** Names of the actors that exist here. */
export function actorNames({ folder }: Scene): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.flatMap((entry) => (entry.isDirectory() && ACTOR_NAME.test(entry.name) ? [entry.name] : []))
  } catch {
    return []
  }
}

/** The network's accounts, in their configured order. */
export async function accountsOf({ wallet }: Scene): Promise<Address[]> {
  const accounts = (await wallet.request({ method: 'eth_accounts', params: [] })) as string[]
  return accounts.map((account) => account.toLowerCase() as Address)
}

export const signerOf = ({ provider }: Scene, account: Address): Promise<JsonRpcSigner> => provider.getSigner(account)
