import type { Interface, Result } from 'ethers'
import type { Address } from '../core/types.ts'
import { MissingContractsError } from './errors.ts'
import type { Rpc } from './rpc.ts'

/** What a contract's view function answers, now or as of a block. Throws what ethers throws if it has none such. */
export async function ask(
  rpc: Rpc,
  to: Address,
  abi: Interface,
  functionName: string,
  args: readonly unknown[],
  block?: number,
): Promise<Result> {
  const data = abi.encodeFunctionData(functionName, args)
  const call = { to, data, ...(block === undefined ? {} : { blockTag: block }) }
  return abi.decodeFunctionResult(functionName, await rpc.call((provider) => provider.call(call)))
}

/** Throws {@link MissingContractsError} where no code stands. */
export async function assertCode(
  rpc: Rpc,
  contract: MissingContractsError['contract'],
  address: Address,
): Promise<void> {
  const code = await rpc.call((provider) => provider.getCode(address))
  if (code === '0x') throw new MissingContractsError(contract, address, rpc.chainId)
}
