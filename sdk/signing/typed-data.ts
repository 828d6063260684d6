import type { Claim } from '../core/claim.ts'
import { DOMAIN_NAME, DOMAIN_VERSION } from '../core/eip712.ts'
import type { ChannelId, Domain, State, Withdrawal } from '../core/types.ts'

/** A typed message in the shape that wallets take (EIP-712); `types` is without `EIP712Domain`, as ethers wants it. */
export interface TypedMessage {
  readonly domain: { name: string; version: string; chainId: bigint; verifyingContract: string }
  readonly types: Record<string, { name: string; type: string }[]>
  readonly primaryType: string
  readonly message: Record<string, unknown>
}

const fields = (text: string) =>
  text.split(',').map((field) => {
    const [type, name] = field.split(' ') as [string, string]
    return { name, type }
  })

const TYPES = {
  State: fields(
    'bytes32 channelId,address asset,uint16 generation,uint8 lane,uint64 version,int256[] credits,uint256 locked,bytes32 transfersRoot',
  ),
  Part: fields('uint8 member,uint256 amount,address to,bytes32 toChannel,uint8 toMember'),
  Withdrawal: fields(
    'bytes32 channelId,address asset,uint16 generation,uint16 seq,Part[] parts,bool closing,uint64 validUntil,uint64 dispute',
  ),
  Claim: fields('address asset,address owner,address to,uint256 amount,uint256 nonce,uint64 validUntil'),
  Revoke: fields('bytes32 channelId'),
}

function typed(
  domain: Domain,
  primaryType: keyof typeof TYPES,
  message: object,
  ...further: (keyof typeof TYPES)[]
): TypedMessage {
  return {
    domain: {
      name: DOMAIN_NAME,
      version: DOMAIN_VERSION,
      chainId: domain.chainId,
      verifyingContract: domain.adjudicator,
    },
    types: Object.fromEntries([primaryType, ...further].map((name) => [name, TYPES[name]])),
    primaryType,
    message: { ...message },
  }
}

/** A state as typed data; session keys sign its digest directly, this is for checks and inspection. */
export const stateMessage = (domain: Domain, state: State): TypedMessage => typed(domain, 'State', state)

/** What an owner's wallet shows and signs to consent to a withdrawal. */
export const withdrawalMessage = (domain: Domain, withdrawal: Withdrawal): TypedMessage =>
  typed(domain, 'Withdrawal', withdrawal, 'Part')

/** What an owner's wallet shows and signs to have a claim executed by anyone. */
export const claimMessage = (domain: Domain, claim: Claim): TypedMessage => typed(domain, 'Claim', claim)

/** What an owner's wallet shows and signs to revoke its session key in a channel. */
export const revokeMessage = (domain: Domain, channelId: ChannelId): TypedMessage =>
  typed(domain, 'Revoke', { channelId })
