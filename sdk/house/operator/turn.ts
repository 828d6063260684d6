import type { Entry } from '../../clearing/book.ts'
import { batchDigest, batchProof, batchTree, rootOf } from '../../core/batch.ts'
import { typedDigest } from '../../core/eip712.ts'
import { encodeEnvelope } from '../../core/envelope.ts'
import type { Domain } from '../../core/types.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import type { SignedReceipt, ToldLock } from '../messages.ts'
import type { Op } from './op.ts'
import type { HouseSeat } from './seat.ts'

/** What the operator says in a turn; `use` gets its envelope. */
interface Said {
  readonly digest: Uint8Array
  readonly use: (envelope: Uint8Array) => void
}

/** One turn of the operator: what is done in it is written together, and everything said in it is under one signature. */
export class Turn {
  readonly time: number
  readonly ops: Op[] = []
  /** Who was credited, or needs a receipt, and how many entries were there before. */
  readonly credited = new Map<HouseSeat, number>()
  /** Receipts that were signed, with what is new in each. */
  readonly told: { readonly seat: HouseSeat; readonly entries: readonly Entry[]; readonly receipt: SignedReceipt }[] =
    []
  /** Receipts for locks, by what they were made in. */
  readonly locked = new Map<object, ToldLock[]>()
  /** What was signed over accounts, by what they were made in. */
  readonly countersigned = new Map<object, Uint8Array>()
  /** What to do once all is durable. */
  readonly after: (() => void)[] = []
  readonly #domain: Domain
  readonly #said: Said[] = []

  constructor(domain: Domain, time: number) {
    this.#domain = domain
    this.time = time
  }

  say(structHash: Uint8Array, use: (envelope: Uint8Array) => void): void {
    this.#said.push({ digest: typedDigest(this.#domain, structHash), use })
  }

  /** Signs all that was said, or takes the signature from the log. Empty if nothing was said. */
  sign(signer: Pick<SessionSigner, 'sign'>): Uint8Array {
    if (this.#said.length === 0) return new Uint8Array()
    const tree = batchTree(this.#said.map(({ digest }) => digest))
    const signature = signer.sign(batchDigest(this.#domain, rootOf(tree)))
    for (const [place, { use }] of this.#said.entries())
      use(encodeEnvelope({ kind: 'batched', signature, proof: batchProof(tree, place) }))
    return signature
  }
}
