import { toHex } from '../core/bytes.ts'
import { encodeChannel } from '../core/channel.ts'
import { type Address, type Channel, COIN, type Hex, type LedgerRef } from '../core/types.ts'
import { adjudicatorAbi, tokenAbi } from './abi.ts'
import type { ChainReceipt, DepositForm, SendOptions } from './chain.ts'
import { CallRefusedError, ChainError, InsufficientMoneyError } from './errors.ts'
import type { Request } from './preflight.ts'
import type { Rpc } from './rpc.ts'
import { askToken, NotATokenError } from './token.ts'

/** What is deposited, and who for. */
export interface DepositOrder {
  readonly ledger: LedgerRef
  readonly member: number
  readonly amount: bigint
}

/** The money cannot reach the adjudicator in this form. None was moved. */
export class DepositFormError extends ChainError {
  readonly code = 'DEPOSIT_FORM'
  readonly form: DepositForm | undefined

  constructor(form: DepositForm | undefined, fact: string, remedy: string) {
    super(`${fact} ${remedy}`)
    this.form = form
  }
}

/** The call that deposits from the sender's coins or allowance, and announces the channel if one is given. */
export function depositRequest(adjudicator: Address, order: DepositOrder, announced?: Channel): Request {
  const { ledger, member, amount } = order
  const { channelId, asset } = ledger
  const coin = asset === COIN
  if (announced) {
    const args = [toHex(encodeChannel(announced)), member, asset, amount]
    return request(adjudicator, 'depositAnnounced', args, coin ? amount : 0n)
  }
  if (coin) return request(adjudicator, 'depositCoin', [channelId, member], amount)
  return request(adjudicator, 'deposit', [channelId, member, asset, amount])
}

/** The call that lets `spender` take exactly `amount`. */
export const approveRequest = (spender: Address, asset: Address, amount: bigint): Request => ({
  functionName: 'approve',
  to: asset,
  data: tokenAbi.encodeFunctionData('approve', [spender, amount]) as Hex,
  value: 0n,
})

/** Lets `spender` take exactly `amount`, no more: the contract has no use for the rest and a thief might. */
export async function approveExactly(
  send: (request: Request, options: SendOptions) => Promise<ChainReceipt>,
  spender: Address,
  { asset, amount, allowance }: { readonly asset: Address; readonly amount: bigint; readonly allowance: bigint },
  options: SendOptions,
): Promise<void> {
  const approve = (value: bigint, name: string) => send(approveRequest(spender, asset, value), stepOf(options, name))
  try {
    await approve(amount, 'approve')
  } catch (error) {
    // Some tokens want an allowance to be zero before it is set again.
    if (allowance === 0n || !(error instanceof CallRefusedError)) throw error
    await approve(0n, 'reset')
    await approve(amount, 'approve')
  }
}

/** A transaction on the way to another one, under its own name. */
export const stepOf = ({ intent, signal }: SendOptions, name: string): SendOptions => ({
  intent: `${intent}/${name}`,
  ...(signal ? { signal } : {}),
})

/** A plain transfer of coins or tokens, as any wallet makes it. */
export function transferRequest(to: Address, asset: Address, amount: bigint): Request {
  const functionName = 'transfer'
  if (asset === COIN) return { functionName, to, data: '0x', value: amount }
  return { functionName, to: asset, data: tokenAbi.encodeFunctionData(functionName, [to, amount]) as Hex, value: 0n }
}

export const announceRequest = (adjudicator: Address, channel: Channel): Request =>
  request(adjudicator, 'announce', [toHex(encodeChannel(channel))])

/** The call that sweeps a member's deposit address into its ledger. */
export const collectRequest = (adjudicator: Address, channel: Channel, member: number, asset: Address): Request =>
  request(adjudicator, 'collect', [[[toHex(encodeChannel(channel)), member, asset, false]]])

/** How much of a token `spender` may take from `account`. Throws if there is less than `amount` of it, or no such token. */
export async function allowanceFor(
  rpc: Rpc,
  account: Address,
  spender: Address,
  { asset, amount }: { readonly asset: Address; readonly amount: bigint },
): Promise<bigint> {
  try {
    const [balance, allowance] = await Promise.all([
      askToken(rpc, asset, 'balanceOf', [account]),
      askToken(rpc, asset, 'allowance', [account, spender]),
    ])
    if ((balance as bigint) < amount) throw new InsufficientMoneyError(account, asset, balance as bigint, amount)
    return allowance as bigint
  } catch (error) {
    if (error instanceof ChainError) throw error
    throw new NotATokenError(asset, { cause: error })
  }
}

/** A call of the adjudicator. */
export const request = (to: Address, functionName: string, args: readonly unknown[], value = 0n): Request => ({
  functionName,
  to,
  data: adjudicatorAbi.encodeFunctionData(functionName, args) as Hex,
  value,
})
