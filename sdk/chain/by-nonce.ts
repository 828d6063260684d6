import type { Address, Hex } from '../core/types.ts'
import type { Rpc } from './rpc.ts'

/** The transaction that used up a nonce; `hash` undefined: something else did, such as an EIP-7702 authorisation. */
export interface NonceUse {
  readonly hash: Hex | undefined
  readonly to: Address | undefined
  readonly data: Hex
  readonly value: bigint
  readonly block: number
}

/**
 * Finds what used `nonce` of `account` up to block `latest`, by bisection over the account's nonce. Undefined if nothing did yet.
 * That no receipt is known proves nothing, since an RPC may lag behind itself; the block that holds the nonce does.
 */
export async function findByNonce(
  rpc: Rpc,
  account: Address,
  nonce: number,
  from: number,
  latest: number,
): Promise<NonceUse | undefined> {
  const usedAt = async (block: number): Promise<boolean> =>
    (await rpc.call((provider) => provider.getTransactionCount(account, block))) > nonce
  if (!(await usedAt(latest))) return undefined
  let low = Math.max(from, 0)
  // A reorganisation may have moved it to an earlier block than it was first sent at.
  for (let step = 16; low > 0 && (await usedAt(low)); step *= 2) low = Math.max(low - step, 0)
  let high = latest
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (await usedAt(middle)) high = middle
    else low = middle
  }
  const block = await rpc.call((provider) => provider.getBlock(high, true))
  if (!block) return undefined
  const found = block.prefetchedTransactions.find((tx) => tx.from.toLowerCase() === account && tx.nonce === nonce)
  return {
    hash: found?.hash as Hex | undefined,
    to: found?.to?.toLowerCase() as Address | undefined,
    data: (found?.data ?? '0x') as Hex,
    value: found?.value ?? 0n,
    block: high,
  }
}
