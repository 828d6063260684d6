import type { TypedMessage } from '../core/eip712.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Address, Channel, ChannelId, Domain, Hex, LedgerRef, LedgerWord } from '../core/types.ts'
import type { AppChain } from './apps/app-chain.ts'
import type { ChainReceipt, Head, SendOptions } from './sending.ts'

export type { ChainReceipt, Head, SendOptions } from './sending.ts'

/** What the adjudicator said about a ledger in one block. An announcement is about all assets, and names the coin. */
export interface ChainEvent extends LedgerRef {
  readonly kind: 'announced' | 'deposited' | 'withdrawn' | 'challenged' | 'raised' | 'settled' | 'reserved' | 'redeemed'
  readonly block: Head
  readonly logIndex: number
  readonly transaction: Hex
  /** Word 0, or the pair's word for a deposit; zero where the event has none. */
  readonly word: bigint
  /**
   * What else it tells: `member` of a deposit (not of coins for members 0 and 1, whose word shows it), `base` of a challenge, `lanes` (words, zero: not shown) of a raise,
   * `owner, signer, channel` of an announcement, `generation, reserves` of reserved and `generation, payouts` of redeemed money.
   */
  readonly args: Readonly<Record<string, unknown>>
}

/** A ledger at two depths: what counts for oneself (confirmed) and what is visible at all (latest). */
export interface LedgerView extends LedgerRef {
  readonly head: Head
  /** The newest block that counts as final; `confirmed` was taken at it. A withdrawal has expired when its time is after `validUntil`. */
  readonly confirmedHead: Head
  /** Taken N confirmations deep: only this may be spent. */
  readonly confirmed: LedgerWord
  readonly latest: LedgerWord
  /** Balances of all members, at either depth; for a disputed ledger those of the word before the dispute. */
  readonly confirmedBalances: readonly bigint[]
  readonly latestBalances: readonly bigint[]
  /** `[openWord, laneWord...]` of a running dispute. */
  readonly base: readonly bigint[]
  /** Lane words recorded by answers and checkpoints of this generation. */
  readonly lanes: readonly bigint[]
}

/** What the registry holds at two depths. */
export interface Survey {
  readonly head: Head
  readonly confirmedHead: Head
  readonly latest: readonly Outcome[]
  readonly confirmed: readonly Outcome[]
}

/** A transaction to the adjudicator or the registry; `abi` names the function, `args` its arguments in ABI order. */
export interface ChainCall {
  readonly to: 'adjudicator' | 'registry'
  readonly functionName: string
  readonly args: readonly unknown[]
  readonly value?: bigint
}

/**
 * How the money of a deposit reaches the adjudicator.
 *
 * | form | transactions of the sender | what the payer does |
 * |---|---|---|
 * | `allowance` | approval of exactly the amount, deposit | is the sender |
 * | `permit` | one | is the sender, and signs an ERC-2612 permit |
 * | `permit2` | one | signs; has approved Permit2 once (the sender does so by itself) |
 * | `authorization` | one | signs an EIP-3009 authorization |
 * | `address` | plain transfer to the deposit address, collection | is the sender |
 */
export type DepositForm = 'allowance' | 'permit' | 'permit2' | 'authorization' | 'address'

/** The account whose tokens a deposit takes. It signs and need not hold gas money; an `OwnerWallet` is one. */
export interface Payer {
  readonly address: Address
  signTypedData(message: TypedMessage): Promise<Uint8Array>
}

/** How money is brought in. */
export interface DepositOptions extends SendOptions {
  /** Default: what takes the sender the fewest transactions. Another payer signs: an authorization, or else Permit2. */
  readonly by?: DepositForm | undefined
  /** Whose tokens are taken; default: the sender's. */
  readonly payer?: Payer | undefined
  /** Needed to announce it, and to deposit by its deposit address. */
  readonly channel?: Channel | undefined
  /** Announces the channel as well. */
  readonly announce?: boolean | undefined
}

/** Forms that need nothing but a signature of the payer. */
export type SignedForm = 'permit2' | 'authorization'

/** A deposit that the payer signed. */
export interface SignedDeposit extends LedgerRef {
  readonly form: SignedForm
  readonly member: number
  readonly amount: bigint
  readonly payer: Address
  /** 32 random bytes: Permit2's nonce, or the salt from which an authorization's nonce follows. */
  readonly nonce: Hex
  /** The last second, in chain time, in which it can be executed. */
  readonly validUntil: bigint
  readonly signature: Hex
}

export interface SigningOptions {
  /** Default: an authorization where the token has them, else Permit2. */
  readonly by?: SignedForm | undefined
  /** Chain seconds within which it can be executed; default 3,600, at most 2,592,000. */
  readonly validFor?: number | undefined
}

/** The port to the chain; the one adapter wraps ethers. */
export interface Chain {
  readonly domain: Domain
  /** Sender of this node's transactions. */
  readonly sender: Address
  head(): Promise<Head>
  /**
   * Watches this ledger (idempotent). Every change of its view, reorgs included, calls `onView`; every event calls
   * `onEvent` once per block it is in, before the view that it leads to. What is watched before `start` also gets the
   * events since the last run, some of them again.
   */
  watch(ledger: LedgerRef): void
  unwatch(ledger: LedgerRef): void
  onView: (view: LedgerView) => void
  onEvent: (event: ChainEvent) => void
  /** Called when the chain view is stale (RPC silent or lagging) and again when it is fresh. */
  onHealth: (healthy: boolean, reason?: string) => void
  /** Called with a typed error before it hurts: the sender runs out of gas money, its account was delegated. */
  onAlarm: (error: Error) => void
  view(ledger: LedgerRef): Promise<LedgerView>
  /**
   * Sends one transaction through the one nonce owner, bumping its fee until it is mined; `intent` makes it idempotent
   * across restarts: the same intent is never sent twice.
   */
  send(call: ChainCall, options: SendOptions): Promise<ChainReceipt>
  /** Deposits for a member, from the sender's account or from that of a payer who signs. Throws `DepositFormError`. */
  deposit(ledger: LedgerRef, member: number, amount: bigint, options: DepositOptions): Promise<ChainReceipt>
  /** Lets a payer sign a deposit that anybody can send, with {@link relayDeposit}. Nothing is sent. Throws `DepositFormError`. */
  signDeposit(
    ledger: LedgerRef,
    member: number,
    amount: bigint,
    options: SigningOptions & { readonly payer: Payer },
  ): Promise<SignedDeposit>
  /** Sends a deposit that somebody signed, and pays for its gas. */
  relayDeposit(deposit: SignedDeposit, options: SendOptions): Promise<ChainReceipt>
  /** Where any wallet can pay for a member by plain transfer. */
  depositAddress(channelId: ChannelId, member: number): Promise<Address>
  /** Sweeps a member's deposit address into the ledger of this asset, and all coins there into that of the coin. */
  collect(channel: Channel, member: number, asset: Address, options: SendOptions): Promise<ChainReceipt>
  /** What `account` (default: the sender) holds outside of channels. */
  balance(asset: Address, account?: Address): Promise<bigint>
  /** Wei that one unit of gas costs now; shows what an exit would cost. */
  gasPrice(): Promise<bigint>
  /** What failed payouts left for `owner`. */
  claimable(asset: Address, owner: Address): Promise<bigint>
  /** The arbiter of apps, where one was named. */
  readonly apps?: AppChain
  /** The registry that the adjudicator asks. */
  readonly registry: Address
  /** The newest and the newest final block, and the outcomes under these keys as of either; `recordedAt` 0n means none. */
  survey(keys: readonly Hex[]): Promise<Survey>
  /** The outcomes under these keys, taken N confirmations deep; `recordedAt` 0n means none. */
  outcomes(keys: readonly Hex[]): Promise<readonly { readonly value: bigint; readonly recordedAt: bigint }[]>
  /** The secret that was revealed under a key, of 32 bytes; undefined: none was. */
  secretOf(key: Hex): Promise<Hex | undefined>
  /** Whether `account` signed this digest: with its key, or as a contract says (ERC-1271). */
  isSignedBy(account: Address, digest: Uint8Array, signature: Uint8Array): Promise<boolean>
  /** Every event of a ledger so far, oldest first, read from the chain anew. */
  history(ledger: LedgerRef): Promise<readonly ChainEvent[]>
  /** Channels announced with this owner (recovery from seed and chain). */
  announced(owner: Address): Promise<readonly { readonly channelId: ChannelId; readonly channel: Channel }[]>
  start(): Promise<void>
  stop(): Promise<void>
}

/** What a watchtower asks of the chain beyond {@link Chain}: disputes about channels it was told nothing of. */
export interface DisputeFeed {
  /** Set before `start`: hears every dispute that begins, of any channel, once per block it is in. Also of those since the last run. */
  onDispute: ((event: ChainEvent) => void) | undefined
  /**
   * The channel that an event names by its id, as the calldata or the trace of a transaction shows it; undefined if none does. Throws when the
   * RPC does not answer.
   */
  channelOf(event: Pick<ChainEvent, 'channelId' | 'transaction'>): Promise<Channel | undefined>
  /** Whether calls between contracts can be read, so that no channel in dispute stays hidden. */
  canTrace(): Promise<boolean>
}
