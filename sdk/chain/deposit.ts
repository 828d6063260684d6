import { Signature, type Signer, TypedDataEncoder } from 'ethers'
import { toHex } from '../core/bytes.ts'
import { encodeChannel } from '../core/channel.ts'
import { type Address, type Channel, COIN, type Hex, type LedgerRef } from '../core/types.ts'
import { adjudicatorAbi, tokenAbi } from './abi.ts'
import { ChainError, InsufficientMoneyError } from './errors.ts'
import type { Request } from './preflight.ts'
import type { Rpc } from './rpc.ts'

/** The asset of a deposit is not a token contract. */
export class NotATokenError extends ChainError {
  readonly code = 'NOT_A_TOKEN'
  readonly asset: Address

  constructor(asset: Address, options?: ErrorOptions) {
    super(`${asset} is not an ERC-20 token on this chain. Check the address and the network.`, options)
    this.asset = asset
  }
}

/** What is deposited, and who for. */
export interface DepositOrder {
  readonly ledger: LedgerRef
  readonly member: number
  readonly amount: bigint
  /** Announces the channel in the same transaction. */
  readonly channel?: Channel | undefined
}

/** How long a permit may be used after it was signed: long enough for a full mempool. */
const PERMIT_SECONDS = 3_600n
const PERMIT_TYPES = {
  Permit: [
    { name: 'owner', type: 'address' },
    { name: 'spender', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
}

/** The call that deposits from the sender's coins or allowance. */
export function depositRequest(adjudicator: Address, { ledger, member, amount, channel }: DepositOrder): Request {
  const { channelId, asset } = ledger
  const coin = asset === COIN
  if (channel) {
    const args = [toHex(encodeChannel(channel)), member, asset, amount]
    return request(adjudicator, 'depositAnnounced', args, coin ? amount : 0n)
  }
  if (coin) return request(adjudicator, 'depositCoin', [channelId, member], amount)
  return request(adjudicator, 'deposit', [channelId, member, asset, amount], 0n)
}

/** The call that lets the adjudicator take exactly `amount`. */
export const approveRequest = (adjudicator: Address, asset: Address, amount: bigint): Request => ({
  functionName: 'approve',
  to: asset,
  data: tokenAbi.encodeFunctionData('approve', [adjudicator, amount]) as Hex,
  value: 0n,
})

/** How much of a token the adjudicator may take from `account`. Throws if there is less than `amount` of it, or no such token. */
export async function allowanceFor(
  rpc: Rpc,
  account: Address,
  adjudicator: Address,
  { ledger: { asset }, amount }: DepositOrder,
): Promise<bigint> {
  try {
    const [balance, allowance] = await Promise.all([
      ask(rpc, asset, 'balanceOf', [account]),
      ask(rpc, asset, 'allowance', [account, adjudicator]),
    ])
    if ((balance as bigint) < amount) throw new InsufficientMoneyError(account, asset, balance as bigint, amount)
    return allowance as bigint
  } catch (error) {
    if (error instanceof ChainError) throw error
    throw new NotATokenError(asset, { cause: error })
  }
}

/** The deposit with an ERC-2612 permit instead of an allowance; undefined where token or signer have none. */
export async function permitRequest(
  rpc: Rpc,
  signer: Signer,
  adjudicator: Address,
  { ledger, member, amount, channel }: DepositOrder,
  now: bigint,
): Promise<Request | undefined> {
  // The contract has no form that both announces and takes a permit.
  if (channel) return undefined
  const { asset, channelId } = ledger
  const owner = await signer.getAddress()
  const code = await rpc.call((provider) => provider.getCode(owner))
  // A permit is an account's own signature; accounts with code may sign in ways that tokens do not take.
  if (code !== '0x') return undefined
  const domain = await permitDomain(rpc, asset)
  if (!domain) return undefined
  const nonce = await ask(rpc, asset, 'nonces', [owner])
  const deadline = now + PERMIT_SECONDS
  const message = { owner, spender: adjudicator, value: amount, nonce, deadline }
  const { v, r, s } = Signature.from(await signer.signTypedData(domain, PERMIT_TYPES, message))
  return request(adjudicator, 'depositWithPermit', [channelId, member, asset, amount, deadline, v, r, s], 0n)
}

interface PermitDomain {
  readonly name: string
  readonly version: string
  readonly chainId: bigint
  readonly verifyingContract: Address
}

/** The token's domain, believed only if it hashes to what the token itself uses. */
async function permitDomain(rpc: Rpc, asset: Address): Promise<PermitDomain | undefined> {
  try {
    const [name, separator, version] = await Promise.all([
      ask(rpc, asset, 'name', []),
      ask(rpc, asset, 'DOMAIN_SEPARATOR', []),
      ask(rpc, asset, 'version', []).catch(() => '1'),
      ask(rpc, asset, 'nonces', [asset]),
    ])
    const domain = { name: String(name), version: String(version), chainId: rpc.chainId, verifyingContract: asset }
    return TypedDataEncoder.hashDomain(domain) === separator ? domain : undefined
  } catch (error) {
    if (error instanceof ChainError) throw error
    return undefined
  }
}

async function ask(rpc: Rpc, asset: Address, functionName: string, args: readonly unknown[]): Promise<unknown> {
  const data = tokenAbi.encodeFunctionData(functionName, args)
  const answer = await rpc.call((provider) => provider.call({ to: asset, data }))
  return tokenAbi.decodeFunctionResult(functionName, answer)[0]
}

const request = (to: Address, functionName: string, args: readonly unknown[], value: bigint): Request => ({
  functionName,
  to,
  data: adjudicatorAbi.encodeFunctionData(functionName, args) as Hex,
  value,
})
