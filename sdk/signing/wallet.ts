import type { Signer } from 'ethers'
import { parseAddress } from '../core/address.ts'
import { toBytes } from '../core/bytes.ts'
import type { TypedMessage } from '../core/eip712.ts'
import { TallystickError } from '../core/errors.ts'
import type { Address } from '../core/types.ts'

/** The port to an owner's wallet, asked rarely: withdrawals, claims, revocations. The owner may be a contract (ERC-1271). */
export interface OwnerWallet {
  readonly address: Address
  /** The owner's signature: 65 bytes of an account, anything that the contract accepts of a contract wallet. */
  signTypedData(message: TypedMessage): Promise<Uint8Array>
}

/** The part of EIP-1193 that is needed. */
export interface Eip1193Provider {
  request(request: { method: string; params?: readonly unknown[] }): Promise<unknown>
}

/** The wallet did not sign; `rejected` says that its user declined. */
export class WalletError extends TallystickError {
  readonly code = 'WALLET'
  readonly rejected: boolean

  constructor(message: string, options: { rejected: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.rejected = options.rejected
  }
}

const REJECTED: readonly unknown[] = [4001, 'ACTION_REJECTED']

async function ask<T>(what: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (cause) {
    const rejected = REJECTED.includes((cause as { code?: unknown } | undefined)?.code)
    const message = rejected
      ? `The request to ${what} was declined in the wallet. Ask again and confirm it there.`
      : `The wallet could not ${what}. Check that it is connected, unlocked and on the right chain, then try again.`
    throw new WalletError(message, { rejected, cause })
  }
}

/** An owner wallet from any ethers signer. */
export async function ethersWallet(signer: Signer): Promise<OwnerWallet> {
  const address = (await ask('give its address', () => signer.getAddress())).toLowerCase() as Address
  return {
    address,
    signTypedData: ({ domain, types, message }) =>
      ask('sign', async () => toBytes(await signer.signTypedData(domain, types, message))),
  }
}

/**
 * An owner wallet from an EIP-1193 provider, such as `window.ethereum`.
 * @param owner The account to use; without it the wallet is asked for its accounts and the first one is taken.
 * @throws {@link WalletError}; an InvalidAddressError if that account is no address.
 */
export async function eip1193Wallet(provider: Eip1193Provider, owner?: Address): Promise<OwnerWallet> {
  const address = parseAddress(owner ?? (await firstAccount(provider)))
  return {
    address,
    signTypedData: (message) =>
      ask('sign', async () => {
        const params = [address, JSON.stringify(withDomainType(message), decimal)]
        return toBytes(String(await provider.request({ method: 'eth_signTypedData_v4', params })))
      }),
  }
}

async function firstAccount(provider: Eip1193Provider): Promise<string> {
  // Accounts that are connected already come without a pop-up, and from development nodes, which know only this method.
  for (const method of ['eth_accounts', 'eth_requestAccounts']) {
    const accounts = await ask('give its accounts', () => provider.request({ method }))
    const first: unknown = Array.isArray(accounts) ? accounts[0] : undefined
    if (typeof first === 'string') return first
  }
  throw new WalletError('The wallet has no account for this page. Connect one, then try again.', { rejected: false })
}

const DOMAIN_FIELDS = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
]

const withDomainType = (message: TypedMessage) => ({
  ...message,
  types: { EIP712Domain: DOMAIN_FIELDS.filter(({ name }) => name in message.domain), ...message.types },
})

// JSON has no bigints; wallets take decimal strings for every integer.
const decimal = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value)
