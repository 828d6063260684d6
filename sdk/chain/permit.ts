import { id, Signature, type Signer, TypedDataEncoder } from 'ethers'
import { toBytes, toHex } from '../core/bytes.ts'
import type { TypedMessage } from '../core/eip712.ts'
import type { Address } from '../core/types.ts'
import type { Payer } from './chain.ts'
import { type DepositOrder, request } from './deposit.ts'
import type { Request } from './preflight.ts'
import type { Rpc } from './rpc.ts'
import { optional } from './token.ts'
import { signerError } from './wire.ts'

/** How long a signed deposit may be used, in seconds: long enough for a full mempool. */
export const SIGNED_SECONDS = 3_600n

const PERMIT_TYPES = {
  Permit: [
    { name: 'owner', type: 'address' },
    { name: 'spender', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
}
const PERMIT_TYPE_HASH = id(TypedDataEncoder.from(PERMIT_TYPES).encodeType('Permit'))

/** A sender that pays from its own account. */
export const senderAsPayer = (signer: Signer, address: Address): Payer => ({
  address,
  async signTypedData({ domain, types, message }) {
    try {
      return toBytes(await signer.signTypedData(domain, types, message))
    } catch (error) {
      throw signerError('the deposit', error)
    }
  },
})

/** The deposit with an ERC-2612 permit of the sender; undefined where token or account have none. */
export async function permitRequest(
  rpc: Rpc,
  sender: Payer,
  adjudicator: Address,
  { ledger: { asset, channelId }, member, amount }: DepositOrder,
  now: bigint,
): Promise<Request | undefined> {
  const permit = await signPermit(rpc, sender, adjudicator, { asset, amount }, now)
  return permit && request(adjudicator, 'depositWithPermit', [channelId, member, asset, amount, ...permit])
}

/** Deadline and signature (v, r, s), as contracts take them. */
type Permit = readonly [deadline: bigint, v: number, r: string, s: string]

/** The sender lets a contract take exactly so much, by ERC-2612; undefined where token or account have no permits. */
export async function signPermit(
  rpc: Rpc,
  sender: Payer,
  spender: Address,
  { asset, amount }: { readonly asset: Address; readonly amount: bigint },
  now: bigint,
): Promise<Permit | undefined> {
  // A permit is an account's own signature; accounts with code may sign in ways that tokens do not take.
  if (await hasCode(rpc, sender.address)) return undefined
  const [domain, nonce] = await Promise.all([tokenDomain(rpc, asset), permitNonce(rpc, asset, sender.address)])
  if (!domain || nonce === undefined) return undefined
  const deadline = now + SIGNED_SECONDS
  const message = { owner: sender.address, spender, value: amount, nonce, deadline }
  const signature = await sender.signTypedData({ domain, types: PERMIT_TYPES, primaryType: 'Permit', message })
  const { v, r, s } = Signature.from(toHex(signature))
  return [deadline, v, r, s]
}

export const hasCode = async (rpc: Rpc, account: Address): Promise<boolean> =>
  (await rpc.call((provider) => provider.getCode(account))) !== '0x'

/** The domain under which a token checks signatures, believed only if it hashes to what the token itself uses. */
export async function tokenDomain(rpc: Rpc, asset: Address): Promise<TypedMessage['domain'] | undefined> {
  const [name, separator, version = '1'] = await Promise.all([
    optional(rpc, asset, 'name'),
    optional(rpc, asset, 'DOMAIN_SEPARATOR'),
    optional(rpc, asset, 'version'),
  ])
  const domain = { name: String(name), version: String(version), chainId: rpc.chainId, verifyingContract: asset }
  return TypedDataEncoder.hashDomain(domain) === separator ? domain : undefined
}

/** Undefined if the token has no permits, or those of before ERC-2612, which take other arguments. */
async function permitNonce(rpc: Rpc, asset: Address, owner: Address): Promise<bigint | undefined> {
  const [nonce, typeHash] = await Promise.all([
    optional(rpc, asset, 'nonces', [owner]),
    optional(rpc, asset, 'PERMIT_TYPEHASH'),
  ])
  const isOther = typeHash !== undefined && typeHash !== PERMIT_TYPE_HASH
  return isOther ? undefined : (nonce as bigint | undefined)
}
