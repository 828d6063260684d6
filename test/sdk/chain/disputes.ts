import { type HDNodeWallet, hexlify, randomBytes } from 'ethers'
import { adjudicatorAbi } from '../../../sdk/chain/abi.ts'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { encodeStates } from '../../../sdk/core/calldata.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../../../sdk/core/channel.ts'
import { stateDigest, ZERO_HASH } from '../../../sdk/core/state.ts'
import { type Address, type Channel, COIN, type Domain, type LedgerRef, type State } from '../../../sdk/core/types.ts'
import { sessionSigner, signDirect } from '../../../sdk/signing/session.ts'
import type { TestChain } from './anvil.ts'

/** A channel of two funded accounts that sign and own with the same key, and what can be done to it by hand. */
export interface Pair {
  readonly channel: Channel
  readonly ledger: LedgerRef
  readonly domain: Domain
  /** Sends `deposit` of coins for a member. */
  deposit(member: number, amount: bigint): Promise<void>
  /** Announces, challenges without a state, answers with a state of a lane, settles. */
  announce(): Promise<void>
  challenge(): Promise<void>
  raise(version: bigint): Promise<State>
}

export function pairOf(chain: TestChain): Pair {
  const wallets = [chain.wallet(1), chain.wallet(2)].sort((a, b) =>
    a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1,
  )
  const members = sortMembers(wallets.map(({ address }) => ({ signer: lower(address), owner: lower(address) })))
  const channel: Channel = { period: 3_600, nonce: BigInt(hexlify(randomBytes(16))), members }
  const domain: Domain = { chainId: 31337n, adjudicator: chain.adjudicator }
  const ledger: LedgerRef = { channelId: channelIdOf(domain, channel), asset: COIN }
  const packed = toHex(encodeChannel(channel))
  const [first, second] = wallets as [HDNodeWallet, HDNodeWallet]
  const send = async (name: string, args: readonly unknown[], value = 0n) => {
    const data = adjudicatorAbi.encodeFunctionData(name, args)
    const sent = await first.sendTransaction({ to: chain.adjudicator, data, value, gasLimit: 1_000_000n })
    await chain.provider.send('evm_mine', [])
    const receipt = await chain.provider.getTransactionReceipt(sent.hash)
    if (receipt?.status !== 1) throw new Error(`${name} failed`)
  }
  return {
    channel,
    ledger,
    domain,
    deposit: (member, amount) => send('depositCoin', [ledger.channelId, member], amount),
    announce: () => send('announce', [packed]),
    challenge: () => send('submit', [packed, COIN, '0x00']),
    async raise(version) {
      const state: State = {
        ...ledger,
        generation: 0,
        lane: 0,
        version,
        credits: [-version, version],
        locked: 0n,
        transfersRoot: ZERO_HASH,
      }
      const signature = signDirect(sessionSigner(toBytes(second.privateKey)), stateDigest(domain, state))
      await send('submit', [packed, COIN, toHex(encodeStates([{ state, signatures: [undefined, signature] }]))])
      return state
    },
  }
}

const lower = (address: string): Address => address.toLowerCase() as Address
