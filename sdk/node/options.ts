import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Chain } from '../chain/chain.ts'
import { parseAddress } from '../core/address.ts'
import { toBytes, toUint } from '../core/bytes.ts'
import { InvalidOptionError } from '../core/errors.ts'
import type { Address, Hex } from '../core/types.ts'
import type { InboundTerms } from '../protocols/inbound.ts'
import { DEFAULT_POLICY, type OpeningPolicy } from '../protocols/opening.ts'
import { MAX_BATCH } from '../protocols/payments.ts'
import { keyring } from '../signing/keyring.ts'
import { type OnionKey, onionKey } from '../signing/onion-key.ts'
import { sessionSigner } from '../signing/session.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { OwnerWallet } from '../signing/wallet.ts'
import type { Store } from '../storage/store.ts'
import type { Transport } from '../transport/transport.ts'
import type { TowerSpec } from '../watchtower/spec.ts'
import { type Clock, systemClock } from './clock.ts'
import type { EngineOptions } from './engine-options.ts'
import { MissingKeyError } from './errors.ts'
import { DEFAULT_FORWARDING, type ForwardingPolicy, parseRates } from './hops/policy.ts'
import type { GossipSettings } from './routes/gossip.ts'
import type { RebalanceSettings } from './routes/rebalancer.ts'

/** What a node is made of. */
export interface NodeOptions {
  /** Words or bytes from which the session key and the nonces of channels follow. Give this, `key` or `signer`. */
  readonly seed?: string | Uint8Array
  /** A session key of 32 bytes. */
  readonly key?: Hex | Uint8Array
  readonly signer?: SessionSigner
  /** Receives every payout of channels opened from now on; an account or a contract. */
  readonly owner: string
  /** The owner's wallet: asked only when money is to go elsewhere than to the owner, and the owner does not send itself. */
  readonly wallet?: OwnerWallet
  readonly chain: Chain
  readonly store: Store
  /** How peers are reached; a function is given the session key, which they must prove to hold. */
  readonly transports?: readonly Transport[] | ((signer: SessionSigner) => readonly Transport[])
  /** Addresses to listen on. */
  readonly listen?: readonly string[]
  /** The key that opens onions; default: it follows from `seed` or `key`. Without one no payments are carried or received over hops. */
  readonly onionKey?: OnionKey
  /** What this node asks for carrying payments of others. */
  readonly forwarding?: Partial<ForwardingPolicy>
  /** What is told of this node and its channels, and how much of others is kept. */
  readonly gossip?: GossipSettings
  /** Watchtowers that answer while this node is offline. They are dialled under other keys, so `transports` must be a function. */
  readonly towers?: readonly TowerSpec[]
  /** What this node asks for money of its own in channels of its peers, by asset (lower case); default: none is sold. */
  readonly inbound?: ReadonlyMap<Address, InboundTerms>
  /** Moves this node's money to where it is needed, by payments to itself; default: not by itself. */
  readonly rebalance?: RebalanceSettings
  /** Which channels this node agrees to. */
  readonly policy?: Partial<OpeningPolicy>
  /** Most payments under one signature; default 4,096. */
  readonly maxPerSignature?: number
  readonly clock?: Clock
  /** Milliseconds between reminders, looks at the chain and attempts to dial; default 1,000. */
  readonly tick?: number
}

const ONION = utf8ToBytes('Tallystick onion key of a session key')

/** What a node is built from. */
export interface NodeParts {
  readonly engine: EngineOptions
  /** Nonces of the channels that it opens. */
  readonly nonce: (index: number) => bigint
  readonly tick: number
}

/** Options with every default in its place. Throws `InvalidOptionError` or `MissingKeyError`. */
export function partsOf(options: NodeOptions): NodeParts {
  const { chain, store, wallet, clock = systemClock, maxPerSignature = 4_096, tick = 1_000, transports = [] } = options
  if (!Number.isInteger(maxPerSignature) || maxPerSignature < 1 || maxPerSignature > MAX_BATCH)
    throw new InvalidOptionError(
      'maxPerSignature',
      `One signature can stand for 1 to ${MAX_BATCH} payments, not ${maxPerSignature}. Choose a number within that.`,
    )
  if (!(tick > 0 && tick < 2 ** 31))
    throw new InvalidOptionError('tick', `A tick of ${tick} ms is none. Choose a time such as 1000.`)
  const { signer, nonce, onion } = identityOf(options)
  const policy = { ...DEFAULT_POLICY, ...options.policy }
  const engine: EngineOptions = {
    domain: chain.domain,
    signer,
    owner: parseAddress(options.owner),
    wallet,
    chain,
    store,
    transports: typeof transports === 'function' ? transports(signer) : transports,
    clock,
    onionKey: options.onionKey ?? onion,
    forwarding: forwardingOf(options.forwarding),
    inbound: options.inbound ?? new Map(),
    rebalance: options.rebalance,
    policy: { ...policy, assets: policy.assets?.map(parseAddress), peers: policy.peers?.map(parseAddress) },
    gossip: options.gossip ?? {},
    maxPerSignature,
  }
  return { engine, nonce, tick }
}

function forwardingOf(given: Partial<ForwardingPolicy> = {}): ForwardingPolicy {
  const policy = { ...DEFAULT_FORWARDING, ...given, rates: parseRates(given.rates ?? []) }
  const { margin, maxSwapLock } = policy
  if ((policy.rates.length > 0 || policy.onSwap) && maxSwapLock <= margin)
    throw new InvalidOptionError(
      'maxSwapLock',
      `No swap can be locked for up to ${maxSwapLock} seconds with a margin of ${margin}. Raise maxSwapLock or lower margin.`,
    )
  return policy
}

/** How a node makes the transports by which it dials its towers. Throws `InvalidOptionError`. */
export function towerTransports({ transports }: NodeOptions): (signer: SessionSigner) => readonly Transport[] {
  if (typeof transports === 'function') return transports
  throw new InvalidOptionError(
    'transports',
    'Towers are dialled under keys of their own. Pass transports as a function of the signer, or no towers.',
  )
}

function identityOf({ seed, key, signer, chain }: NodeOptions): {
  signer: SessionSigner
  nonce: (index: number) => bigint
  onion: OnionKey | undefined
} {
  if ([seed, key, signer].filter((given) => given !== undefined).length !== 1) throw new MissingKeyError()
  const random = () => toUint(randomBytes(16))
  if (signer) return { signer, nonce: random, onion: undefined }
  if (key !== undefined) {
    const bytes = typeof key === 'string' ? toBytes(key, 32) : key
    return { signer: sessionSigner(bytes), nonce: random, onion: onionKey(hkdf(sha256, bytes, undefined, ONION, 32)) }
  }
  const keys = keyring(seed!)
  return { signer: keys.signer(), nonce: (index) => keys.channelNonce(chain.domain, index), onion: keys.onionKey() }
}
