import { isError, type Signer, Transaction } from 'ethers'
import type { Hex } from '../core/types.ts'
import { RpcUnreachableError, TransactionRefusedError, UserRejectedError } from './errors.ts'
import type { Fees } from './fees.ts'
import type { Attempt, Entry } from './journal.ts'
import { lastSentence, type Rpc, rpcMessage } from './rpc.ts'

/** What became of a broadcast. `lost`: whether it left is unknown; `poor`: the account cannot pay for it. */
export type Verdict = 'sent' | 'lost' | 'underpriced' | 'poor' | TransactionRefusedError

const UNSUPPORTED = /not (be )?(support|implement|exist|found|available)|unsupported|does not exist|-32601/i
const HARMLESS =
  /already known|already imported|known transaction|nonce.{0,20}too low|nonce has already been used|already exists/i
const UNDERPRICED =
  /underpriced|less than block base fee|fee cap less than|fee too low|too low to replace|gas price too low|too low for the next block|lower than the current base fee/i

/** An attempt at this entry with these fees; undefined if the signer can only send, as browser wallets can. */
export async function signAttempt(
  signer: Signer,
  chainId: bigint,
  entry: Entry,
  fees: Fees,
  block: number,
): Promise<Attempt | undefined> {
  const { functionName, room: _, ...call } = entry.request
  const type = 'gasPrice' in fees ? 0 : 2
  try {
    const raw = (await signer.signTransaction({ ...call, ...fees, nonce: entry.nonce, chainId, type })) as Hex
    return { hash: Transaction.from(raw).hash as Hex, raw, fees, block }
  } catch (error) {
    // Once an attempt of this nonce is out, the signer can sign: this failure is another one.
    if (entry.attempts.length === 0 && !isRejection(error) && UNSUPPORTED.test(rpcMessage(error))) return undefined
    throw signerError(functionName, error)
  }
}

/** Gives a signed attempt to the RPC. */
export async function broadcast(rpc: Rpc, functionName: string, { raw, hash }: Attempt): Promise<Verdict> {
  try {
    await rpc.call((provider) => provider.broadcastTransaction(raw!))
    return 'sent'
  } catch (error) {
    const said = rpcMessage(error)
    if (error instanceof RpcUnreachableError) return 'lost'
    if (HARMLESS.test(said)) return 'sent'
    if (UNDERPRICED.test(said)) return 'underpriced'
    if (isError(error, 'INSUFFICIENT_FUNDS')) return 'poor'
    // A node that mines at once may report the revert of what it mined as an error: then it is known.
    const known = await rpc.call((provider) => provider.getTransaction(hash)).catch(() => undefined)
    if (known === undefined) return 'lost'
    return known === null ? new TransactionRefusedError(functionName, lastSentence(error), { cause: error }) : 'sent'
  }
}

/** Asks a wallet to sign and send; takes as long as its user does. */
export async function askWallet(signer: Signer, { request, nonce, account }: Entry): Promise<Hex> {
  const { functionName: _, room: __, ...call } = request
  const transaction = { ...call, nonce, from: account }
  const plain = signer as Signer & { sendUncheckedTransaction?: (transaction: object) => Promise<string> }
  // ethers' own sendTransaction polls for what it sent; the nonce is watched here anyway.
  if (plain.sendUncheckedTransaction) return (await plain.sendUncheckedTransaction(transaction)) as Hex
  return (await signer.sendTransaction(transaction)).hash as Hex
}

/** What a signer or wallet threw, typed. */
export function signerError(functionName: string, cause: unknown): UserRejectedError | TransactionRefusedError {
  return isRejection(cause)
    ? new UserRejectedError(functionName, { cause })
    : new TransactionRefusedError(functionName, `the signer failed: ${lastSentence(cause)}`, { cause })
}

const isRejection = (error: unknown): boolean =>
  isError(error, 'ACTION_REJECTED') || (error as { code?: unknown })?.code === 4001
