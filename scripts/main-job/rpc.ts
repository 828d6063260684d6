import { JsonRpcProvider, Network } from 'ethers'

/** Anvil's and Hardhat's chain id. */
export const CHAIN_ID = 31_337n

/** A provider that remembers nothing: an automined block changes balances and nonces within the same moment. */
export function openProvider(url: string): JsonRpcProvider {
  const network = Network.from(CHAIN_ID)
  return new JsonRpcProvider(url, network, { cacheTimeout: -1, staticNetwork: network, batchMaxCount: 1 })
}
