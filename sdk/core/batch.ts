import { typedDigest, typeHash } from './eip712.ts'
import { TallystickError } from './errors.ts'
import { keccak256 } from './keccak.ts'
import type { Domain } from './types.ts'

export const BATCH_TYPE = 'Batch(bytes32 root)'
/** Levels of a batch's tree at most: about a million digests a signature. */
export const MAX_BATCH_DEPTH = 20

const BATCH_TYPE_HASH = typeHash(BATCH_TYPE)

/** Where a digest stands in a batch: bit k of `path` is set if the node at level k stands right of `siblings[k]`. */
export interface BatchProof {
  readonly path: number
  readonly siblings: readonly Uint8Array[]
}

/** A batch must hold between one and 2^20 digests. */
export class InvalidBatchError extends TallystickError {
  readonly code = 'INVALID_BATCH'
  readonly size: number

  constructor(size: number) {
    super(`A batch holds 1 to ${2 ** MAX_BATCH_DEPTH} digests, not ${size}. Split it.`)
    this.size = size
  }
}

const pair = new Uint8Array(65)
pair[0] = 1

// The leading 1 keeps nodes apart from leaves, which are hashes of 66 bytes that begin with 0x19.
function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  pair.set(left, 1)
  pair.set(right, 33)
  return keccak256(pair)
}

/** The tree's levels, leaves first and the root last; an odd node at the end of a level is taken over as it is. */
export function batchTree(digests: readonly Uint8Array[]): Uint8Array[][] {
  if (digests.length < 1 || digests.length > 2 ** MAX_BATCH_DEPTH) throw new InvalidBatchError(digests.length)
  const levels = [[...digests]]
  for (let level = levels[0]!; level.length > 1; level = levels.at(-1)!) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2)
      above.push(i + 1 < level.length ? node(level[i]!, level[i + 1]!) : level[i]!)
    levels.push(above)
  }
  return levels
}

/** The root of a tree of {@link batchTree}. */
export const rootOf = (tree: readonly (readonly Uint8Array[])[]): Uint8Array => tree.at(-1)![0]!

/** Proves that digest `index` is in the tree. */
export function batchProof(tree: readonly (readonly Uint8Array[])[], index: number): BatchProof {
  const siblings: Uint8Array[] = []
  let path = 0
  let position = index
  for (const level of tree.slice(0, -1)) {
    const sibling = level[position ^ 1]
    if (sibling) {
      if (position & 1) path |= 1 << siblings.length
      siblings.push(sibling)
    }
    position >>= 1
  }
  return { path, siblings }
}

/** The root that this proof leads to from `digest`. */
export function provenRoot(digest: Uint8Array, { path, siblings }: BatchProof): Uint8Array {
  return siblings.reduce((at, sibling, level) => ((path >> level) & 1 ? node(sibling, at) : node(at, sibling)), digest)
}

/** What a signer signs for all digests under `root`: 32 bytes. Sign only roots whose every leaf you built. */
export function batchDigest(domain: Domain, root: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(64)
  bytes.set(BATCH_TYPE_HASH)
  bytes.set(root, 32)
  return typedDigest(domain, keccak256(bytes))
}
