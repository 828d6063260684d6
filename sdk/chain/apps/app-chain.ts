import type { Instance, SignedMove, Standing } from '../../core/app.ts'
import type { OutcomeSource } from '../../core/outcome.ts'
import type { Address, Domain, Hex } from '../../core/types.ts'
import type { ChainReceipt, SendOptions } from '../sending.ts'

/** What stands of an instance on chain. */
export interface StandingInstance extends Standing {
  /** Since when, chain time in seconds. */
  readonly since: bigint
  /** An agreed state must be newer than this. */
  readonly base: number
}

/** What the newest block says of an instance. */
export interface AppStatus {
  readonly standing: StandingInstance | undefined
  /** What the registry holds for each seat, in parts of 1e18: nothing is left to judge. undefined: it holds nothing yet. */
  readonly values: readonly bigint[] | undefined
  /** Since when it holds them, chain time in seconds; 0n: it holds nothing yet. */
  readonly recordedAt: bigint
}

/** An agreed state with an envelope of every seat; undefined: the seat is that of the account that sends. */
export interface AgreedState {
  readonly version: number
  readonly state: Uint8Array
  readonly envelopes: readonly (Uint8Array | undefined)[]
}

/** The port to the arbiter of apps; the one adapter shares sender, heads and RPCs with the chain's own. Every send awaits its receipt. */
export interface AppChain {
  /** For EIP-712: the arbiter is the verifying contract. */
  readonly domain: Domain
  /** For outcome keys and ids of instances: the chain id when the arbiter was deployed. */
  readonly source: OutcomeSource

  /** Calls `listener` with ids of instances about which the arbiter said something in a new block, or no longer says it after a reorganisation. */
  watch(listener: (ids: readonly Hex[]) => void): () => void
  /** As of one block. What stands comes from its event and is checked against the arbiter's word. */
  status(instance: Instance): Promise<AppStatus>
  /** Whether the app's code stands at its address. */
  isDeployed(app: Address): Promise<boolean>

  deploy(initCode: Uint8Array, options: SendOptions): Promise<ChainReceipt>
  submit(
    instance: Instance,
    agreed: AgreedState,
    moves: readonly SignedMove[],
    options: SendOptions,
  ): Promise<ChainReceipt>
  move(
    instance: Instance,
    standing: Standing,
    moves: readonly SignedMove[],
    options: SendOptions,
  ): Promise<ChainReceipt>
  conclude(instance: Instance, standing: Standing, options: SendOptions): Promise<ChainReceipt>
  /** By a state that all seats have signed as the final one. */
  agree(instance: Instance, agreed: Omit<AgreedState, 'version'>, options: SendOptions): Promise<ChainReceipt>
}
