import { TallystickError } from '../core/errors.ts'
import type { Address, Hex } from '../core/types.ts'

/** Base of what goes wrong between this program and a chain. */
export abstract class ChainError extends TallystickError {
  /** Whether the same call may work later without anybody changing anything. */
  readonly retryable: boolean = false
}

/** The RPC URL is none. */
export class InvalidRpcUrlError extends ChainError {
  readonly code = 'INVALID_RPC_URL'

  constructor() {
    super('This is not an RPC URL. Give one that starts with http://, https://, ws:// or wss://.')
  }
}

/** Nobody answers at the RPC URL, or not in time. */
export class RpcUnreachableError extends ChainError {
  readonly code = 'RPC_UNREACHABLE'
  override readonly retryable = true
  /** Host and port; paths and keys of the URL stay out of logs. */
  readonly endpoint: string

  constructor(endpoint: string, reason: string, options?: ErrorOptions) {
    super(
      `The chain's RPC at ${endpoint} does not answer (${reason}). Check the URL and that the node is running.`,
      options,
    )
    this.endpoint = endpoint
  }
}

/** Something answers at the RPC URL, but not an Ethereum node. */
export class NotAnRpcError extends ChainError {
  readonly code = 'NOT_AN_RPC'
  readonly endpoint: string

  constructor(endpoint: string, options?: ErrorOptions) {
    super(`${endpoint} answers, but not as an Ethereum JSON-RPC node. Check the URL.`, options)
    this.endpoint = endpoint
  }
}

/** The RPC refused a request that should work. */
export class RpcFailedError extends ChainError {
  readonly code = 'RPC_FAILED'
  override readonly retryable = true
  readonly method: string

  constructor(method: string, reason: string, options?: ErrorOptions) {
    super(`The chain's RPC failed at ${method}: ${reason}. Try again, or use another RPC.`, options)
    this.method = method
  }
}

/** The RPC serves another chain than the one asked for. */
export class WrongNetworkError extends ChainError {
  readonly code = 'WRONG_NETWORK'
  readonly expected: bigint
  readonly actual: bigint

  constructor(expected: bigint, actual: bigint) {
    super(
      `The RPC serves chain ${actual}, not chain ${expected}. Switch the network or give the RPC of chain ${expected}.`,
    )
    this.expected = expected
    this.actual = actual
  }
}

/** No address of the contracts is known for this chain. */
export class UnknownDeploymentError extends ChainError {
  readonly code = 'UNKNOWN_DEPLOYMENT'
  readonly chainId: bigint

  constructor(chainId: bigint) {
    super(
      `No Tallystick contracts are known on chain ${chainId}. Pass their addresses, or deploy them with "npx hardhat tally deploy".`,
    )
    this.chainId = chainId
  }
}

const SHARED: ReadonlySet<string> = new Set(['adjudicator', 'registry'])

/** An address of the contracts has no code, or other code. */
export class MissingContractsError extends ChainError {
  readonly code = 'MISSING_CONTRACTS'
  readonly contract: 'adjudicator' | 'registry' | 'clearing house' | 'house court' | 'app arbiter' | 'token'
  readonly address: Address
  readonly chainId: bigint

  constructor(contract: MissingContractsError['contract'], address: Address, chainId: bigint) {
    const remedy = SHARED.has(contract)
      ? 'Check the address, or deploy with "npx hardhat tally deploy".'
      : 'Check the address and the network.'
    const name = contract === 'token' ? contract : `Tallystick ${contract}`
    super(`There is no ${name} at ${address} on chain ${chainId}. ${remedy}`)
    this.contract = contract
    this.address = address
    this.chainId = chainId
  }
}

/** The store was written against another chain or another adjudicator. */
export class StoreOfAnotherChainError extends ChainError {
  readonly code = 'STORE_OF_ANOTHER_CHAIN'

  constructor(stored: string, actual: string) {
    super(
      `This store belongs to ${stored}, but the RPC serves ${actual}. Use another store, or the RPC the store was made with.`,
    )
  }
}

/** The chain view has no sender, so nothing can be sent. */
export class NoSenderError extends ChainError {
  readonly code = 'NO_SENDER'

  constructor() {
    super('This chain connection can only read. Pass a signer to send transactions.')
  }
}

/** The sender does not hold the money that the call would move. */
export class InsufficientMoneyError extends ChainError {
  readonly code = 'INSUFFICIENT_MONEY'
  readonly account: Address
  readonly asset: Address
  readonly held: bigint
  readonly needed: bigint

  constructor(account: Address, asset: Address, held: bigint, needed: bigint) {
    super(`${account} holds ${held} ${assetName(asset)}, but ${needed} are needed. Send ${needed - held} more to it.`)
    this.account = account
    this.asset = asset
    this.held = held
    this.needed = needed
  }
}

/** The sender cannot pay for gas. Thrown before anything is sent. */
export class InsufficientGasMoneyError extends ChainError {
  readonly code = 'INSUFFICIENT_GAS_MONEY'
  readonly account: Address
  readonly held: bigint
  /** Value and the most that gas may cost. */
  readonly needed: bigint

  constructor(account: Address, held: bigint, needed: bigint) {
    super(
      `${account} holds ${held} wei, but up to ${needed} wei are needed with gas. Send at least ${needed - held} wei to it, or use another sender.`,
    )
    this.account = account
    this.held = held
    this.needed = needed
  }
}

/** The sender's account was delegated to code (EIP-7702), which can move its money and its nonce. */
export class DelegatedSenderError extends ChainError {
  readonly code = 'DELEGATED_SENDER'
  readonly account: Address
  readonly delegate: Address

  constructor(account: Address, delegate: Address) {
    super(
      `${account} is delegated to the code at ${delegate}, so its transactions may be held back or drained. Use another sender, end the delegation, or allow it with "allowDelegated".`,
    )
    this.account = account
    this.delegate = delegate
  }
}

/** What a contract said when it refused. */
export interface Revert {
  /** Name of the custom error, `Error` for a text, `Panic` for a panic, undefined if nothing can be decoded. */
  readonly name: string | undefined
  readonly args: Readonly<Record<string, unknown>>
  readonly data: Hex
}

/** The contract refuses this call; nothing was sent. */
export class CallRefusedError extends ChainError {
  readonly code = 'CALL_REFUSED'
  readonly functionName: string
  readonly revert: Revert

  constructor(functionName: string, revert: Revert, explanation: string, options?: ErrorOptions) {
    super(`${functionName} would be refused: ${explanation}`, options)
    this.functionName = functionName
    this.revert = revert
  }
}

/** The transaction was mined and had no effect but its cost. */
export class TransactionRevertedError extends ChainError {
  readonly code = 'TRANSACTION_REVERTED'
  readonly functionName: string
  readonly transaction: Hex
  readonly revert: Revert

  constructor(functionName: string, transaction: Hex, revert: Revert, explanation: string) {
    super(`${functionName} was mined in ${transaction} and refused: ${explanation}`)
    this.functionName = functionName
    this.transaction = transaction
    this.revert = revert
  }
}

/** The RPC does not take this transaction, and nothing of it is pending. */
export class TransactionRefusedError extends ChainError {
  readonly code = 'TRANSACTION_REFUSED'
  readonly functionName: string

  constructor(functionName: string, reason: string, options?: ErrorOptions) {
    super(
      `The chain's RPC does not take the transaction for ${functionName}: ${reason}. Nothing was sent; try again or use another RPC.`,
      options,
    )
    this.functionName = functionName
  }
}

/** The person behind the wallet said no. */
export class UserRejectedError extends ChainError {
  readonly code = 'USER_REJECTED'
  readonly functionName: string

  constructor(functionName: string, options?: ErrorOptions) {
    super(`The wallet's user rejected ${functionName}. Nothing was sent; ask again when the user agrees.`, options)
    this.functionName = functionName
  }
}

/** A wallet was asked to send, and whether it did cannot be found out. */
export class UnknownOutcomeError extends ChainError {
  readonly code = 'UNKNOWN_OUTCOME'
  readonly intent: string
  readonly account: Address
  readonly nonce: number

  constructor(intent: string, account: Address, nonce: number) {
    super(
      `The wallet of ${account} was asked to send "${intent}" and the program ended before the answer. Look at the wallet's activity; if it was not sent, call forget("${intent}") and try again.`,
    )
    this.intent = intent
    this.account = account
    this.nonce = nonce
  }
}

/** Chain time passed the deadline before the transaction was mined. */
export class DeadlinePassedError extends ChainError {
  readonly code = 'DEADLINE_PASSED'
  readonly before: bigint
  readonly now: bigint

  constructor(functionName: string, before: bigint, now: bigint) {
    super(
      `${functionName} had to be mined by ${before}, and the chain's time is ${now}. Plan again from the ledger's new state.`,
    )
    this.before = before
    this.now = now
  }
}

/** A transaction with a deadline is not mined, and its fee may not rise any more. */
export class FeeCeilingError extends ChainError {
  readonly code = 'FEE_CEILING'
  /** Wei per unit of gas that may be offered. */
  readonly ceiling: bigint
  /** What would be offered without the ceiling. */
  readonly wanted: bigint
  /** Chain seconds by which it must be mined. */
  readonly before: bigint

  constructor(functionName: string, ceiling: bigint, wanted: bigint, before: bigint) {
    super(
      `${functionName} must be mined by ${before} and waits: it would take ${wanted} wei per gas, and maxFeePerGas is ${ceiling}. Raise that, and start again.`,
    )
    this.ceiling = ceiling
    this.wanted = wanted
    this.before = before
  }
}

/** The chain connection was stopped. */
export class ChainStoppedError extends ChainError {
  readonly code = 'CHAIN_STOPPED'

  constructor() {
    super('The chain connection is stopped. What was sent is found again at the next start.')
  }
}

const assetName = (asset: Address): string => (/^0x0+$/.test(asset) ? 'wei' : `units of token ${asset}`)
