import { Reader, Writer } from '../../core/codec.ts'
import type { Store } from '../../storage/store.ts'
import type { EpochProof } from '../messages.ts'
import { putProof, readProof } from '../wire-seat.ts'

// What leaves in an epoch is paid by its leaf, however late its member comes for it: so leaf and path are kept until the chain shows it paid.

const hex = (value: bigint | number): string => value.toString(16).padStart(16, '0')
const prefixOf = (index: number): string => `house/left/${hex(index)}/`
const keyOf = (index: number, epoch: bigint): string => prefixOf(index) + hex(epoch)

/** Leaves of which something left and was not paid yet, of all epochs. */
export class LeftLeaves {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Durable when it resolves. */
  keep(proofs: readonly EpochProof[]): Promise<void> {
    const bytes = (proof: EpochProof) => putProof(new Writer(1_024), proof).finish()
    return this.#store.commit(proofs.map((one) => ({ key: keyOf(one.index, one.epoch), value: bytes(one) })))
  }

  async at(index: number, epoch: bigint): Promise<EpochProof | undefined> {
    const bytes = await this.#store.get(keyOf(index, epoch))
    return bytes && readProof(new Reader(bytes))
  }

  /** In which epochs something left that this member was not paid. */
  async epochsOf(index: number): Promise<readonly bigint[]> {
    const epochs: bigint[] = []
    for await (const [key] of this.#store.list(prefixOf(index))) epochs.push(BigInt(`0x${key.slice(-16)}`))
    return epochs
  }

  /** The chain has paid these. */
  forget(epoch: bigint, indices: readonly number[]): Promise<void> {
    return this.#store.commit(indices.map((index) => ({ key: keyOf(index, epoch), value: null })))
  }
}
