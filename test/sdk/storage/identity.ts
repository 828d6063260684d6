import type { StoreIdentity } from '../../../sdk/storage/identity.ts'

export const identity: StoreIdentity = {
  chainId: 31337n,
  adjudicator: '0x00000000000000000000000000000000000000ad',
  signer: '0x000000000000000000000000000000000000a11c',
}
