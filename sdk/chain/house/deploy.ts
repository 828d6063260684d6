import { ContractFactory, NonceManager, type Signer } from 'ethers'
import { parseAddress } from '../../core/address.ts'
import { type Address, COIN, type Hex } from '../../core/types.ts'
import { assertCode } from '../ask.ts'
import { RpcFailedError } from '../errors.ts'
import { openRpc, type Rpc } from '../rpc.ts'
import { HOUSE_ABI } from './abi.ts'
import type { HouseTerms } from './house-chain.ts'

/** What the contracts compile to: `bytecode` of their artefacts. */
export interface HouseCode {
  readonly house: Hex
  /** Needed where no court is given. */
  readonly court?: Hex
}

/** What a house is to be founded on; a court serves all houses of a chain, and a new one is deployed if none is given. */
export type Founding = Omit<HouseTerms, 'court'> & { readonly court?: Address }

/** A house as it was founded: what `connectHouse` takes. */
export interface FoundedHouse {
  readonly house: Address
  readonly court: Address
  /** Before the foundation. */
  readonly fromBlock: number
}

/**
 * Founds a house from the signer's account, after a look whether registry, court and tokens are contracts.
 * Nothing of it can be changed later; the contract refuses terms that cannot work.
 * @throws MissingContractsError and what the signer throws.
 */
export async function foundHouse(signer: Signer, code: HouseCode, founding: Founding): Promise<FoundedHouse> {
  if (!signer.provider) throw new RpcFailedError('eth_chainId', 'the signer has no provider')
  // A provider that was passed in is the caller's to close.
  const rpc = await openRpc(signer.provider)
  await assertContracts(rpc, founding)
  const fromBlock = await rpc.call((provider) => provider.getBlockNumber())
  // Counts by itself: ethers answers from memory for a quarter of a second, and the second deployment may come before.
  const sender = new NonceManager(signer)
  const court = founding.court ?? (await deploy(sender, [], code.court ?? '0x'))
  await assertCode(rpc, 'house court', court)
  const house = await deploy(sender, HOUSE_ABI, code.house, { ...founding, court })
  await assertCode(rpc, 'clearing house', house)
  return { house, court, fromBlock }
}

async function assertContracts(rpc: Rpc, { registry, court, assets, operator }: Founding): Promise<void> {
  parseAddress(operator)
  await assertCode(rpc, 'registry', parseAddress(registry))
  if (court !== undefined) await assertCode(rpc, 'house court', parseAddress(court))
  for (const asset of assets) if (asset !== COIN) await assertCode(rpc, 'token', parseAddress(asset))
}

async function deploy(signer: Signer, abi: readonly string[], bytecode: Hex, ...args: unknown[]): Promise<Address> {
  const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()).toLowerCase() as Address
}
