import type { BaseContract } from 'ethers'
import { network } from 'hardhat'
import { encodeState, encodeWithdrawal } from '../../sdk/core/calldata.ts'
import type { State, Withdrawal } from '../../sdk/core/types.ts'

export const { ethers, networkHelpers } = await network.create()

/** Calls views of a contract by name. */
export const views =
  (contract: BaseContract) =>
  (name: string, ...args: unknown[]) =>
    contract.getFunction(name).staticCall(...args)

/** Where outcomes are read, as any adjudicator would. */
export const registry = await ethers.deployContract('OutcomeRegistry')
export const harnessContract = await ethers.deployContract('ParityHarness')
/** Calls the contracts' own functions by name. */
export const harness = views(harnessContract)

/** The harness where a vector's adjudicator stands: channel ids bind the address. */
export async function harnessAt(address: string) {
  await ethers.provider.send('hardhat_setCode', [address, await ethers.provider.getCode(harnessContract)])
  return views(await ethers.getContractAt('ParityHarness', address))
}

/** A packed state as the contracts read it: fields, struct hash, lane word. */
export const readState = (state: State) =>
  harness('state', encodeState(state), state.channelId, state.asset, state.generation)

/** The contracts' hash of a packed withdrawal; `targets`: channels that it shows. */
export const hashOfWithdrawal = (withdrawal: Withdrawal, at = harness, targets = new Map()) => {
  const base = withdrawal.dispute === 0n ? [] : [1n, 2n]
  const packed = encodeWithdrawal(withdrawal, [], base, targets)
  return at(
    'withdrawalHash',
    packed,
    32 * base.length,
    withdrawal.channelId,
    withdrawal.asset,
    withdrawal.generation,
    1n,
  )
}
