import { parseAddress } from '../core/address.ts'
import type { Address } from '../core/types.ts'
import { adjudicatorAbi } from './abi.ts'
import { arbiterAbi } from './apps/abi.ts'
import { ask, assertCode } from './ask.ts'
import { MissingContractsError, UnknownDeploymentError } from './errors.ts'
import type { Rpc } from './rpc.ts'

/** Where the contracts are on a chain. */
export interface Deployment {
  readonly adjudicator: Address
  /** Judge of apps; without it this connection plays none. */
  readonly arbiter?: Address
  /** Block of the deployment, or any earlier one; events are looked for from there on. */
  readonly block?: number
}

/** Deployments that the SDK knows by itself; others are passed by hand. */
export const DEPLOYMENTS: Readonly<Record<string, Deployment>> = {}

/** The contracts of a chain as they were found. */
export interface Contracts {
  readonly adjudicator: Address
  readonly registry: Address
  readonly arbiter: Address | undefined
  readonly firstBlock: number
}

/** Checks that the contracts stand where they should. Throws {@link UnknownDeploymentError}, {@link MissingContractsError}. */
export async function findContracts(rpc: Rpc, deployment: Deployment | undefined): Promise<Contracts> {
  const known = deployment ?? DEPLOYMENTS[String(rpc.chainId)]
  if (!known) throw new UnknownDeploymentError(rpc.chainId)
  const adjudicator = parseAddress(known.adjudicator)
  const registry = await registryOf(rpc, adjudicator)
  await assertCode(rpc, 'registry', registry)
  const arbiter = known.arbiter && parseAddress(known.arbiter)
  if (arbiter) await assertArbiter(rpc, arbiter, registry)
  return { adjudicator, registry, arbiter, firstBlock: known.block ?? 0 }
}

/** An arbiter that records elsewhere than where the adjudicator looks would decide about nothing. */
async function assertArbiter(rpc: Rpc, arbiter: Address, registry: Address): Promise<void> {
  await assertCode(rpc, 'app arbiter', arbiter)
  const [named] = await ask(rpc, arbiter, arbiterAbi, 'registry', [])
  if (String(named).toLowerCase() !== registry) throw new MissingContractsError('app arbiter', arbiter, rpc.chainId)
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
