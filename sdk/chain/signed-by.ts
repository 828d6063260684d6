import { hexlify, Interface, recoverAddress } from 'ethers'
import type { Address } from '../core/types.ts'
import { revertOf } from './reverts.ts'
import type { Rpc } from './rpc.ts'

const erc1271 = new Interface(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)'])
/** What a contract answers that agrees. */
const MAGIC = '0x1626ba7e'

/** Whether `account` signed: with its key, or as its contract says (ERC-1271). */
export async function isSignedBy(
  rpc: Rpc,
  account: Address,
  digest: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (recovered(digest, signature) === account) return true
  const data = erc1271.encodeFunctionData('isValidSignature', [digest, signature])
  try {
    const answer = await rpc.call((provider) => provider.call({ to: account, data }))
    return answer.length === 66 && answer.startsWith(MAGIC)
  } catch (error) {
    // A contract may refuse by reverting.
    if (revertOf(error)) return false
    throw error
  }
}

function recovered(digest: Uint8Array, signature: Uint8Array): string | undefined {
  try {
    return recoverAddress(digest, hexlify(signature)).toLowerCase()
  } catch {
    return undefined
  }
}
