import { parseAddress } from '../../core/address.ts'
import type { Address } from '../../core/types.ts'
import { ask, assertCode } from '../ask.ts'
import { claimStore } from '../connect.ts'
import { MissingContractsError, WrongNetworkError } from '../errors.ts'
import { assertOptions } from '../options.ts'
import { openRpc, type Rpc } from '../rpc.ts'
import { houseAbi } from './abi.ts'
import { EthersHouse } from './ethers-house.ts'
import type { HouseTerms } from './house-chain.ts'
import type { FoundHouse } from './house-reader.ts'
import type { HouseOptions } from './options.ts'

/**
 * Connects to a house: checks the network and the contracts, and that the store belongs to them. Nothing is followed before `start`.
 * @throws ChainError of many kinds, each saying what to do.
 * @example
 * ```ts
 * const house = await connectHouse({ rpc: 'http://127.0.0.1:8545', store, signer: new Wallet(key), house: address })
 * house.onEvent = async (event) => console.log(event.kind)
 * await house.start()
 * ```
 */
export async function connectHouse(options: HouseOptions): Promise<EthersHouse> {
  const house = parseAddress(options.house)
  const { fromBlock: block = 0, signer } = options
  assertOptions({ ...options, deployment: { adjudicator: house, block } })
  const rpc = await openRpc(options.rpc, options.timeoutMs)
  try {
    const { chainId } = options
    if (chainId !== undefined && rpc.chainId !== chainId) throw new WrongNetworkError(chainId, rpc.chainId)
    const found = await findHouse(rpc, house, block)
    await claimStore(options.store, rpc, `house ${house}`)
    const account = signer && ((await signer.getAddress()).toLowerCase() as Address)
    return new EthersHouse(options, rpc, found, account)
  } catch (error) {
    rpc.close()
    throw error
  }
}

/** A house is what calls itself Tallystick, version 1, and names its court and its terms. */
async function findHouse(rpc: Rpc, house: Address, firstBlock: number): Promise<FoundHouse> {
  const view = (name: string, ...args: readonly unknown[]) => ask(rpc, house, houseAbi, name, args)
  const address = (value: unknown) => String(value).toLowerCase() as Address
  try {
    const [domain, [rules], [court], [stake], [interval], [window]] = await Promise.all([
      view('eip712Domain'),
      view('rules'),
      view('court'),
      view('stake'),
      view('interval'),
      view('window'),
    ])
    if (domain.name !== 'Tallystick' || domain.version !== '1')
      throw new MissingContractsError('clearing house', house, rpc.chainId)
    const places = Array.from({ length: Number(rules.assets) }, (_, place) => place)
    const assets = await Promise.all(places.map(async (place) => address((await view('assetAt', place))[0])))
    const { answerTime, answerTimeEach, answerTimeMost } = rules
    const times = { interval, window, answerTime, answerTimeEach, answerTimeMost } as Record<string, bigint>
    const [operator, registry] = [address(rules.operator), address(rules.registry)]
    const terms = { operator, registry, court: address(court), assets, ...times } as unknown as HouseTerms
    await assertCode(rpc, 'house court', terms.court)
    await assertCode(rpc, 'registry', terms.registry)
    return { house, stake: address(stake), terms, firstBlock }
  } catch (error) {
    if ((error as { code?: string }).code === 'RPC_UNREACHABLE') throw error
    if (error instanceof MissingContractsError) throw error
    throw new MissingContractsError('clearing house', house, rpc.chainId)
  }
}
