import { toHex } from '../../../sdk/core/bytes.ts'
import { keccak256 } from '../../../sdk/core/keccak.ts'
import type { Address, ChannelId } from '../../../sdk/core/types.ts'
import { Node, type NodeOptions } from '../../../sdk/node/node.ts'
import { sessionSigner } from '../../../sdk/signing/session.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { type MemoryNetwork, memoryTransport } from '../../../sdk/transport/memory.ts'
import { ModelChain, type ModelView } from './model-chain.ts'

export const keyOf = (name: string): Uint8Array => keccak256(new TextEncoder().encode(`key of ${name}`))
export const ownerOf = (name: string): Address =>
  toHex(keccak256(new TextEncoder().encode(`owner of ${name}`)).subarray(12))
export const signerOf = (name: string) => sessionSigner(keyOf(name))

/** A chain and a network in memory on which named actors meet. */
export class World {
  readonly chain: ModelChain
  readonly network: MemoryNetwork = new Map()
  readonly nodes: Node[] = []

  constructor(confirmations = 1) {
    this.chain = new ModelChain(confirmations)
  }

  /** Starts the node of an actor, who listens at `memory:<name>`. */
  async start(name: string, options: Partial<NodeOptions> & { store?: Store; chain?: ModelView } = {}): Promise<Node> {
    const node = await Node.start({
      key: keyOf(name),
      owner: ownerOf(name),
      chain: this.chain.connect(ownerOf(name)),
      store: memoryStore(),
      transports: (signer) => [memoryTransport({ signer, network: this.network })],
      listen: [`memory:${name}`],
      tick: 20,
      ...options,
    })
    this.nodes.push(node)
    return node
  }

  /** Alice and bob in one channel, each with `amount` in it. */
  async pair(amount = 1_000_000n): Promise<{ alice: Node; bob: Node; channelId: ChannelId }> {
    const alice = await this.start('alice')
    const bob = await this.start('bob')
    const channelId = await alice.open('memory:bob')
    await Promise.all([alice.deposit(channelId, amount), bob.deposit(channelId, amount)])
    return { alice, bob, channelId }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }
}

/** Why a promise was rejected. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => new Error('It was not rejected.'),
    (reason: unknown) => reason,
  )
}
