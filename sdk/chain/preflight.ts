import { JsonRpcApiProvider, type Provider, type TransactionRequest, ZeroAddress } from 'ethers'
import { toBytes } from '../core/bytes.ts'
import { decodeChannel } from '../core/channel.ts'
import type { Hex } from '../core/types.ts'
import { type Address, COIN } from '../core/types.ts'
import { adjudicatorAbi } from './abi.ts'
import {
  CallRefusedError,
  type ChainError,
  DelegatedSenderError,
  InsufficientGasMoneyError,
  InsufficientMoneyError,
} from './errors.ts'
import { type FeeMarket, type Fees, lowerTo, offerFees, priceCap, type Urgency } from './fees.ts'
import { explainRevert, revertOf } from './reverts.ts'
import { asChainError, type Rpc, rpcMessage } from './rpc.ts'

/** An encoded call. */
export interface Request {
  readonly functionName: string
  readonly to: Address
  readonly data: Hex
  readonly value: bigint
  /** Gas to give beyond the estimate, for what is paid in the block and not when it is estimated. */
  readonly room?: bigint | undefined
}

/** EIP-7825: more gas than this no transaction may ask for. */
const GAS_CEILING = 1n << 24n
const DELEGATION = '0xef0100'
/** Calls that pay members, whose code decides how much gas that takes. */
const PAYING: ReadonlySet<string> = new Set(['withdraw', 'settle', 'redeem'])
/** Gas that a payee can take in the block and not when it is estimated: all that a push gives it, and that its money is then kept. */
export const PUSHED = { coin: 80_000n, token: 230_000n } as const

/** What the chain asks for at the moment. */
export async function readMarket(rpc: Rpc): Promise<FeeMarket> {
  const { gasPrice, maxFeePerGas, maxPriorityFeePerGas } = await rpc.call((provider) => provider.getFeeData())
  if (maxFeePerGas === null || maxPriorityFeePerGas === null)
    return { baseFee: undefined, priority: 0n, gasPrice: gasPrice ?? 0n }
  // ethers offers twice the base fee and the priority; the base fee itself is not among its answers.
  return {
    baseFee: (maxFeePerGas - maxPriorityFeePerGas) / 2n,
    priority: maxPriorityFeePerGas,
    gasPrice: gasPrice ?? maxFeePerGas,
  }
}

/** Whom an account with this code is delegated to (EIP-7702), if it is. */
export const delegateOf = (code: string): Address | undefined =>
  code.startsWith(DELEGATION) ? `0x${code.slice(DELEGATION.length)}` : undefined

/** Throws what stands in the way of sending `request` before anything is signed: the contract, the money, the account itself. */
export async function preflight(
  rpc: Rpc,
  account: Address,
  request: Request,
  urgency: Urgency,
  allowDelegated: boolean,
): Promise<{ gasLimit: bigint; fees: Fees }> {
  const [code, balance, market, estimate] = await Promise.all([
    rpc.call((provider) => provider.getCode(account)),
    rpc.call((provider) => provider.getBalance(account)),
    readMarket(rpc),
    estimateGas(rpc, account, request),
  ])
  const delegate = delegateOf(code)
  if (delegate && !allowDelegated) throw new DelegatedSenderError(account, delegate)
  if (balance < request.value) throw new InsufficientMoneyError(account, COIN, balance, request.value)
  if (typeof estimate !== 'bigint') throw estimate
  // A quarter more: another transaction may come first and make storage colder or a list longer.
  const plain = estimate + estimate / 4n + 10_000n
  const wanted = plain + payeesRoom(request)
  const offer = offerFees(market, urgency)
  // Who cannot set so much money aside may still pay payees that take what they seemed to.
  const roomy = balance < request.value + wanted * priceCap(offer) ? plain : wanted
  const gasLimit = roomy < GAS_CEILING || estimate > GAS_CEILING ? roomy : GAS_CEILING
  return { gasLimit, fees: affordable(account, balance, request.value, gasLimit, offer, leastCap(market)) }
}

/** What members may take beyond the estimate: one that tells an estimate from a block could else make each payment to all run out of gas. */
function payeesRoom({ functionName, data, room }: Request): bigint {
  if (room !== undefined) return room
  if (!PAYING.has(functionName)) return 0n
  const [channel, asset] = adjudicatorAbi.decodeFunctionData(functionName, data)
  const { members } = decodeChannel(toBytes(channel as string))
  return BigInt(members.length) * (asset === ZeroAddress ? PUSHED.coin : PUSHED.token)
}

/** `fees`, lowered to what the account can pay but not below `least`. Throws {@link InsufficientGasMoneyError}. */
export function affordable(
  account: Address,
  balance: bigint,
  value: bigint,
  gasLimit: bigint,
  fees: Fees,
  least: bigint,
): Fees {
  if (balance >= value + gasLimit * priceCap(fees)) return fees
  const cap = balance > value ? (balance - value) / gasLimit : 0n
  if (balance < value || cap < least) throw new InsufficientGasMoneyError(account, balance, value + gasLimit * least)
  return lowerTo(fees, cap)
}

/** The least cap that a transaction mined in the next blocks needs: the base fee and two rises of it. */
const leastCap = ({ baseFee, priority, gasPrice }: FeeMarket): bigint =>
  baseFee === undefined ? gasPrice : baseFee + baseFee / 4n + priority

/**
 * On the newest block. Left to themselves some nodes estimate on their pending one, where a transaction of somebody else that may never be
 * mined could make ours look superfluous.
 */
async function estimateOnLatest(provider: Provider, transaction: TransactionRequest): Promise<bigint> {
  if (!(provider instanceof JsonRpcApiProvider)) return provider.estimateGas(transaction)
  return BigInt(await provider.send('eth_estimateGas', [provider.getRpcTransaction(transaction), 'latest']))
}

/** Gas, or why it cannot be known; money is looked at first, so the reason is returned instead of thrown. */
async function estimateGas(rpc: Rpc, account: Address, request: Request): Promise<bigint | ChainError> {
  const { functionName, room: _, ...call } = request
  try {
    return await rpc.call((provider) => estimateOnLatest(provider, { ...call, from: account }))
  } catch (error) {
    if (/insufficient funds|insufficient balance|enough funds/i.test(rpcMessage(error))) {
      const balance = await rpc.call((provider) => provider.getBalance(account))
      return new InsufficientGasMoneyError(account, balance, request.value + 1n)
    }
    const revert = revertOf(error)
    if (revert) return new CallRefusedError(functionName, revert, explainRevert(revert), { cause: error })
    return asChainError('eth_estimateGas', error)
  }
}
