import type { Address } from '../core/types.ts'
import type { Store } from '../storage/store.ts'
import { EthersChain } from './adapter.ts'
import { findContracts } from './deployment.ts'
import { StoreOfAnotherChainError, WrongNetworkError } from './errors.ts'
import { assertOptions, type ChainOptions } from './options.ts'
import { openRpc, type Rpc } from './rpc.ts'

/**
 * Connects to a chain: checks the network and the contracts, and that the store belongs to them. Nothing is watched before `start`.
 * @throws ChainError of many kinds, each saying what to do.
 * @example
 * ```ts
 * const chain = await connectChain({ rpc: 'http://127.0.0.1:8545', store, signer: new Wallet(key), deployment })
 * await chain.start()
 * ```
 */
export async function connectChain(options: ChainOptions): Promise<EthersChain> {
  assertOptions(options)
  const opened: Rpc[] = []
  try {
    for (const source of [options.rpc, ...(options.witnesses ?? [])]) {
      const rpc = await openRpc(source, options.timeoutMs)
      opened.push(rpc)
      const expected = options.chainId ?? opened[0]!.chainId
      if (rpc.chainId !== expected) throw new WrongNetworkError(expected, rpc.chainId)
    }
    const [rpc, ...witnesses] = opened as [Rpc, ...Rpc[]]
    const contracts = await findContracts(rpc, options.deployment)
    await claimStore(options.store, rpc, `adjudicator ${contracts.adjudicator}`)
    const signers = [options.signer, options.spareSigner].filter((signer) => signer !== undefined)
    const accounts = await Promise.all(
      signers.map(async (signer) => ({ signer, account: (await signer.getAddress()).toLowerCase() as Address })),
    )
    return new EthersChain(options, rpc, witnesses, contracts, accounts)
  } catch (error) {
    for (const rpc of opened) rpc.close()
    throw error
  }
}

/** A store belongs to one adjudicator, or to one house, on one chain, from its first use on. */
export async function claimStore(store: Store, rpc: Rpc, contract: string): Promise<void> {
  const genesis = await rpc.call((provider) => provider.getBlock(0))
  const actual = `${contract} on chain ${rpc.chainId} (genesis ${genesis?.hash?.slice(0, 10) ?? 'unknown'})`
  const stored = await store.get('chain/domain')
  if (!stored) return store.commit([{ key: 'chain/domain', value: new TextEncoder().encode(actual) }])
  const text = new TextDecoder().decode(stored)
  if (text !== actual) throw new StoreOfAnotherChainError(text, actual)
}
