import { createBlock } from '@ethereumjs/block'
import { Common, Hardfork, Mainnet } from '@ethereumjs/common'
import { createTxFromRLP } from '@ethereumjs/tx'
import { bytesToHex, createAccount, createAddressFromString, hexToBytes } from '@ethereumjs/util'
import { createVM, runTx, type VM } from '@ethereumjs/vm'
import { Transaction, type TransactionLike } from 'ethers'
import type { Hex } from '../../sdk/core/types.ts'

/** What an EVM says of a transaction. */
export interface Executed {
  readonly ok: boolean
  readonly gasUsed: bigint
  /** Address, topics and data of each. */
  readonly logs: readonly string[]
}

/** All that an EVM keeps of an account: its storage and code by their hashes. */
export interface Kept {
  readonly nonce: bigint
  readonly balance: bigint
  readonly storage: string
  readonly code: string
}

/** A block as JSON-RPC tells it, with its transactions. */
export interface RpcBlock {
  readonly number: Hex
  readonly timestamp: Hex
  readonly baseFeePerGas: Hex
  readonly gasLimit: Hex
  readonly miner: Hex
  readonly mixHash: Hex
  readonly transactions: readonly Readonly<Record<string, Hex>>[]
}

/** EthereumJS: an EVM that shares no line with revm, on which Hardhat and Anvil run. It starts with these balances and nothing else. */
export class SecondEvm {
  readonly #vm: VM

  private constructor(vm: VM) {
    this.#vm = vm
  }

  static async create(chainId: number, balances: ReadonlyMap<string, bigint>): Promise<SecondEvm> {
    const common = new Common({ chain: { ...Mainnet, chainId }, hardfork: Hardfork.Osaka })
    const vm = await createVM({ common })
    for (const [address, balance] of balances)
      await vm.stateManager.putAccount(createAddressFromString(address), createAccount({ balance }))
    return new SecondEvm(vm)
  }

  /** Executes the transactions of a block in its place and time. */
  async execute(block: RpcBlock): Promise<Executed[]> {
    const { common } = this.#vm
    const { number, timestamp, baseFeePerGas, gasLimit, miner, mixHash } = block
    const header = { number, timestamp, baseFeePerGas, gasLimit, coinbase: miner, mixHash }
    const at = createBlock({ header }, { common, setHardfork: false })
    const executed: Executed[] = []
    for (const transaction of block.transactions) {
      const tx = createTxFromRLP(hexToBytes(serialized(transaction)), { common })
      const { receipt, totalGasSpent, execResult } = await runTx(this.#vm, { tx, block: at })
      executed.push({
        ok: execResult.exceptionError === undefined,
        gasUsed: totalGasSpent,
        logs: receipt.logs.map(([address, topics, data]) =>
          logLine(bytesToHex(address), topics.map(bytesToHex), bytesToHex(data)),
        ),
      })
    }
    return executed
  }

  async kept(address: string): Promise<Kept> {
    const account = await this.#vm.stateManager.getAccount(createAddressFromString(address))
    const { nonce, balance, storageRoot, codeHash } = account ?? createAccount({})
    return { nonce, balance, storage: bytesToHex(storageRoot), code: bytesToHex(codeHash) }
  }
}

export const logLine = (address: string, topics: readonly string[], data: string): string =>
  `${address.toLowerCase()} ${topics.join(',')} ${data}`

/** The signed bytes of a transaction that JSON-RPC tells field by field. */
function serialized(transaction: Readonly<Record<string, Hex>>): Hex {
  const { hash, to, type, nonce, gas, value, input, chainId, r, s, v } = transaction
  const { maxFeePerGas, maxPriorityFeePerGas } = transaction
  const fields = { to, type: Number(type), nonce: Number(nonce), gasLimit: gas, value, data: input, chainId }
  const signature = { r, s, v: Number(v) }
  const whole = Transaction.from({ ...fields, maxFeePerGas, maxPriorityFeePerGas, signature } as TransactionLike)
  if (whole.hash !== hash) throw new Error(`Transaction ${hash} was not put together again: ${whole.hash}.`)
  return whole.serialized as Hex
}
