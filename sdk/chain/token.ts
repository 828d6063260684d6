import { type Address, COIN } from '../core/types.ts'
import { tokenAbi } from './abi.ts'
import { ask } from './ask.ts'
import { ChainError, RpcUnreachableError } from './errors.ts'
import type { Rpc } from './rpc.ts'

/** The asset of a deposit is not a token contract. */
export class NotATokenError extends ChainError {
  readonly code = 'NOT_A_TOKEN'
  readonly asset: Address

  constructor(asset: Address, options?: ErrorOptions) {
    super(`${asset} is not an ERC-20 token on this chain. Check the address and the network.`, options)
    this.asset = asset
  }
}

/** What `account` holds of an asset, the coin included. */
export async function balanceOf(rpc: Rpc, asset: Address, account: Address): Promise<bigint> {
  if (asset === COIN) return rpc.call((provider) => provider.getBalance(account))
  return (await askToken(rpc, asset, 'balanceOf', [account])) as bigint
}

/** How a token calls and divides itself; a token without a symbol is called by its address. Throws {@link NotATokenError}. */
export async function describeToken(rpc: Rpc, asset: Address): Promise<{ symbol: string; decimals: number }> {
  try {
    const [symbol, decimals] = await Promise.all([
      askToken(rpc, asset, 'symbol').then(
        (name) => String(name).slice(0, 32),
        () => asset,
      ),
      askToken(rpc, asset, 'decimals'),
    ])
    return { symbol, decimals: Number(decimals) }
  } catch (error) {
    if (error instanceof RpcUnreachableError) throw error
    throw new NotATokenError(asset, { cause: error })
  }
}

/** What a token's view function answers; throws what ethers throws if it has none such. */
export async function askToken(
  rpc: Rpc,
  asset: Address,
  functionName: string,
  args: readonly unknown[] = [],
): Promise<unknown> {
  const [answer] = await ask(rpc, asset, tokenAbi, functionName, args)
  return answer
}

/** What a token answers; undefined if it has no such function. */
export async function optional(
  rpc: Rpc,
  asset: Address,
  functionName: string,
  args: readonly unknown[] = [],
): Promise<unknown> {
  try {
    return await askToken(rpc, asset, functionName, args)
  } catch (error) {
    if (error instanceof ChainError) throw error
    return undefined
  }
}
