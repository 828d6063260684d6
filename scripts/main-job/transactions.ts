import { Interface, type JsonRpcProvider, type TransactionReceipt, type TransactionResponse } from 'ethers'
import { adjudicatorAbi } from '../../sdk/chain/abi.ts'
import type { Address } from '../../sdk/core/types.ts'

/** A mined transaction, as the chain tells it; nothing here comes from the nodes that sent it. */
export interface Mined {
  readonly from: Address
  /** Undefined: it created a contract. */
  readonly to: Address | undefined
  readonly created: Address | undefined
  readonly block: number
  readonly value: bigint
  /** Name and arguments of the adjudicator's function, or of `approve`. */
  readonly call: { readonly name: string; readonly args: readonly unknown[] } | undefined
  readonly gasUsed: bigint
  /** Wei paid for the gas. */
  readonly fee: bigint
  readonly succeeded: boolean
}

const token = new Interface(['function approve(address spender, uint256 amount)'])

/** All transactions of the blocks `from` to `to`, in order. */
export async function readTransactions(provider: JsonRpcProvider, from: number, to: number): Promise<Mined[]> {
  const mined: Mined[] = []
  for (let number = from; number <= to; number++) {
    const block = await provider.getBlock(number, true)
    for (const transaction of block!.prefetchedTransactions)
      mined.push(describe(transaction, (await provider.getTransactionReceipt(transaction.hash))!))
  }
  return mined
}

function describe(transaction: TransactionResponse, receipt: TransactionReceipt): Mined {
  const { data, value } = transaction
  const call = adjudicatorAbi.parseTransaction({ data, value }) ?? token.parseTransaction({ data, value })
  return {
    from: lower(receipt.from),
    to: receipt.to === null ? undefined : lower(receipt.to),
    created: receipt.contractAddress === null ? undefined : lower(receipt.contractAddress),
    block: receipt.blockNumber,
    value,
    call: call ? { name: call.name, args: [...call.args] } : undefined,
    gasUsed: receipt.gasUsed,
    fee: receipt.fee,
    succeeded: receipt.status === 1,
  }
}

const lower = (address: string): Address => address.toLowerCase() as Address
