import type { Wallet } from 'ethers'
import type { HouseOptions } from '../chain/house/options.ts'
import { parseAddress } from '../core/address.ts'
import type { Store } from '../storage/store.ts'
import type { ChainArgs } from './connect.ts'
import { wholeNumber } from './files.ts'

/** What daemons are told about a house and the account that sends to it. */
export interface HouseChainArgs extends ChainArgs {
  readonly house: string
  readonly fromBlock: string
  readonly reserveGas: string
  readonly maxFeePerGas?: string
}

/** What `connectHouse` takes. Throws a UsageError. */
export function houseOptions(args: HouseChainArgs, signer: Wallet, store: Store): HouseOptions {
  const { rpc, confirmations, maxFeePerGas } = args
  return {
    rpc,
    store,
    signer,
    house: parseAddress(args.house),
    fromBlock: wholeNumber(args.fromBlock, 'from-block', 0),
    reserveGas: BigInt(wholeNumber(args.reserveGas, 'reserve-gas', 0)),
    ...(maxFeePerGas !== undefined && { maxFeePerGas: BigInt(wholeNumber(maxFeePerGas, 'max-fee-per-gas', 1)) }),
    ...(confirmations !== undefined && { confirmations: wholeNumber(confirmations, 'confirmations', 1) }),
  }
}
