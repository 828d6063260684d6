import type { Signer } from 'ethers'
import { InvalidOptionError } from '../core/errors.ts'
import type { Store } from '../storage/store.ts'
import type { Deployment } from './deployment.ts'
import type { RpcSource } from './rpc.ts'

/** What `connectChain` needs, and what can be chosen. */
export interface ChainOptions {
  /** A URL, any ethers provider, or an EIP-1193 wallet. */
  readonly rpc: RpcSource
  /** Remembers the scan's position and what was sent; the node's own store. */
  readonly store: Store
  /** Sends and pays for transactions: any ethers signer. Without one the chain can only be read. */
  readonly signer?: Signer
  /** Steps in for calls that anybody may send when `signer` cannot pay. */
  readonly spareSigner?: Signer
  /** Where the contracts are, if the SDK does not know the chain. */
  readonly deployment?: Deployment
  /** Refuses to work on any other chain. */
  readonly chainId?: bigint
  /** Blocks until something counts as final, its own block included; default 1 on development chains, else 12. */
  readonly confirmations?: number
  /** Other RPCs to compare with: if they disagree, the view counts as stale. */
  readonly witnesses?: readonly RpcSource[]
  /** Milliseconds between looks at the chain where the RPC does not announce blocks; default 100 on development chains, else 2,000. */
  readonly pollMs?: number
  /** Milliseconds without a good answer after which the view counts as stale; default 10,000 on development chains, else 30,000. */
  readonly staleMs?: number
  /** Milliseconds without a new block after which the view counts as stale; default 180,000, on development chains never. */
  readonly silentMs?: number
  /** Milliseconds that one request may take; default 10,000. */
  readonly timeoutMs?: number
  /** Sends also from an account that is delegated to code (EIP-7702). */
  readonly allowDelegated?: boolean
  /** Alarm when the sender cannot pay for this much gas; default 500,000. */
  readonly reserveGas?: bigint
  /**
   * Wei per unit of gas that are never exceeded; default: no limit, the fee of what has a deadline rises until it is mined. With one, an
   * answer or a reveal may come too late: `FEE_CEILING` is the alarm then. A wallet that sends by itself sets its own fees.
   */
  readonly maxFeePerGas?: bigint
}

/** Throws {@link InvalidOptionError}: a depth or a time that is none would show as a chain that never answers. */
export function assertOptions(options: ChainOptions): void {
  const { confirmations = 1, deployment } = options
  if (!Number.isInteger(confirmations) || confirmations < 1)
    throw new InvalidOptionError(
      'confirmations',
      `${confirmations} confirmations are none. Choose a whole number from 1 on.`,
    )
  if (options.maxFeePerGas !== undefined && options.maxFeePerGas < 1n)
    throw new InvalidOptionError(
      'maxFeePerGas',
      `With ${options.maxFeePerGas} wei per gas nothing is mined. Name more, or none.`,
    )
  const block = deployment?.block ?? 0
  if (!Number.isInteger(block) || block < 0)
    throw new InvalidOptionError('deployment', `There is no block ${block}. Name the one of the deployment, or none.`)
  for (const option of ['pollMs', 'staleMs', 'silentMs', 'timeoutMs'] as const)
    if (!((options[option] ?? 1) > 0))
      throw new InvalidOptionError(option, `${option} of ${options[option]} ms is no time. Choose one above zero.`)
}
