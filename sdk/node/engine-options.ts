import type { Chain } from '../chain/chain.ts'
import type { Address, Domain } from '../core/types.ts'
import type { InboundTerms } from '../protocols/inbound.ts'
import type { OpeningPolicy } from '../protocols/opening.ts'
import type { OnionKey } from '../signing/onion-key.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { OwnerWallet } from '../signing/wallet.ts'
import type { Store } from '../storage/store.ts'
import type { Transport } from '../transport/transport.ts'
import type { Clock } from './clock.ts'
import type { ForwardingPolicy } from './hops/policy.ts'
import type { GossipSettings } from './routes/gossip.ts'
import type { RebalanceSettings } from './routes/rebalancer.ts'

/** What an engine is made of: the options of its node with every default in its place. */
export interface EngineOptions {
  readonly domain: Domain
  readonly signer: SessionSigner
  readonly owner: Address
  readonly wallet: OwnerWallet | undefined
  readonly chain: Chain
  readonly store: Store
  readonly transports: readonly Transport[]
  readonly clock: Clock
  readonly policy: OpeningPolicy
  /** Opens the onions that are meant for this node. */
  readonly onionKey: OnionKey | undefined
  readonly forwarding: ForwardingPolicy
  readonly gossip: GossipSettings
  /** What is asked for money of this node in channels, by asset; others are not sold. */
  readonly inbound: ReadonlyMap<Address, InboundTerms>
  readonly rebalance: RebalanceSettings | undefined
  /** Most payments under one signature. */
  readonly maxPerSignature: number
}
