import { parseAddress } from '../core/address.ts'
import type { Address } from '../core/types.ts'
import { adjudicatorAbi } from './abi.ts'
import { ask, assertCode } from './ask.ts'
import { MissingContractsError, UnknownDeploymentError } from './errors.ts'
import type { Rpc } from './rpc.ts'

/** Where the contracts are on a chain. */
export interface Deployment {
  readonly adjudicator: Address
  /** Block of the deployment, or any earlier one; events are looked for from there on. */
  readonly block?: number
}

/** Deployments that the SDK knows by itself; others are passed by hand. */
export const DEPLOYMENTS: Readonly<Record<string, Deployment>> = {}

/** Checks that the contracts stand where they should. Throws {@link UnknownDeploymentError}, {@link MissingContractsError}. */
export async function findContracts(
  rpc: Rpc,
  deployment: Deployment | undefined,
): Promise<{ adjudicator: Address; registry: Address; firstBlock: number }> {
  const known = deployment ?? DEPLOYMENTS[String(rpc.chainId)]
  if (!known) throw new UnknownDeploymentError(rpc.chainId)
  const adjudicator = parseAddress(known.adjudicator)
  const registry = await registryOf(rpc, adjudicator)
  await assertCode(rpc, 'registry', registry)
  return { adjudicator, registry, firstBlock: known.block ?? 0 }
}

/** An adjudicator is what calls itself Tallystick, version 1, and names its registry. */
async function registryOf(rpc: Rpc, adjudicator: Address): Promise<Address> {
  const view = (name: string) => ask(rpc, adjudicator, adjudicatorAbi, name, [])
  try {
    const [domain, registry] = await Promise.all([view('eip712Domain'), view('registry')])
    if (domain.name === 'Tallystick' && domain.version === '1') return String(registry[0]).toLowerCase() as Address
  } catch (error) {
    if ((error as { code?: string }).code === 'RPC_UNREACHABLE') throw error
  }
  throw new MissingContractsError('adjudicator', adjudicator, rpc.chainId)
}
