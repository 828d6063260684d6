import type { TransactionReceipt } from 'ethers'
import type { Hex } from '../core/types.ts'
import type { ChainReceipt } from './chain.ts'
import { RpcFailedError, TransactionRevertedError } from './errors.ts'
import type { Attempt, Entry } from './journal.ts'
import { decodeRevert, explainRevert, revertOf } from './reverts.ts'
import type { Rpc } from './rpc.ts'

/** The receipt of whichever attempt was mined. */
export async function findReceipt(rpc: Rpc, attempts: readonly Attempt[]): Promise<TransactionReceipt | undefined> {
  for (const { hash } of attempts.toReversed()) {
    const receipt = await rpc.call((provider) => provider.getTransactionReceipt(hash))
    if (receipt) return receipt
  }
  return undefined
}

/** A receipt with what the port tells of its block. */
export async function chainReceipt(rpc: Rpc, receipt: TransactionReceipt): Promise<ChainReceipt> {
  const block = await rpc.call((provider) => provider.getBlock(receipt.blockHash))
  if (!block) throw new RpcFailedError('eth_getBlockByHash', `block ${receipt.blockNumber} is missing`)
  const mined = { number: block.number, hash: block.hash as Hex, timestamp: BigInt(block.timestamp) }
  return { transaction: receipt.hash as Hex, block: mined, gasUsed: receipt.gasUsed }
}

/** Why a mined transaction had no effect. */
export async function revertReason(
  rpc: Rpc,
  { account, request }: Entry,
  receipt: TransactionReceipt,
): Promise<TransactionRevertedError> {
  const { functionName, room: _, ...call } = request
  // Asked again of the block before: what else is in its own block does not count for most reasons.
  const again = { ...call, from: account, blockTag: receipt.blockNumber - 1 }
  const answer = await rpc.call((provider) => provider.call(again)).catch(revertOf)
  const revert = typeof answer === 'object' ? answer : decodeRevert('0x')
  return new TransactionRevertedError(functionName, receipt.hash as Hex, revert, explainRevert(revert))
}
