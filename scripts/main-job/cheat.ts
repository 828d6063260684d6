import { Contract, type Signer } from 'ethers'
import { adjudicatorAbi } from '../../sdk/chain/abi.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeStates } from '../../sdk/core/calldata.ts'
import { encodeChannel } from '../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import type { Address, Channel, LedgerRef, State } from '../../sdk/core/types.ts'
import { ledgerKey } from '../../sdk/node/keys.ts'
import { decodeLedger } from '../../sdk/protocols/record.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { JobError } from './errors.ts'

/** A state that both have signed, and that its keeper means to show when better ones exist. */
export interface KeptState {
  readonly state: State
  /** The honest peer's. */
  readonly signature: Uint8Array
}

/** Milliseconds between looks at the store, and how many: the newest acknowledgement is written within a moment. */
const LOOK = 50
const LOOKS = 200

/** Takes the last state of one's own lane that the peer has signed out of the store, as a thief of one's own backup. */
export async function keepState(store: Store, ledger: LedgerRef): Promise<KeptState> {
  for (let looks = 0; looks < LOOKS; looks++) {
    const record = await store.get(ledgerKey(ledger))
    // What stands before the ledger is its number in the store.
    const own = record && decodeLedger(record.subarray(4), ledger).own
    if (own && own.acked.version > 0n && own.acked.version === own.newest.version)
      return { state: own.acked, signature: own.ack }
    await new Promise((resolve) => setTimeout(resolve, LOOK))
  }
  throw new JobError('There is no state to cheat with: the peer has acknowledged no payment.')
}

/** Shows the chain a kept state as if it were the newest. The sender is a member, so its own signature is not needed. */
export async function showState(
  owner: Signer,
  adjudicator: Address,
  channel: Channel,
  { state, signature }: KeptState,
): Promise<void> {
  const peer = encodeEnvelope({ kind: 'direct', signature })
  const signatures = state.lane === 0 ? [undefined, peer] : [peer, undefined]
  const contract = new Contract(adjudicator, adjudicatorAbi, owner)
  const states = toHex(encodeStates([{ state, signatures }]))
  const sent = await contract.getFunction('submit')(toHex(encodeChannel(channel)), state.asset, states)
  await sent.wait()
}
