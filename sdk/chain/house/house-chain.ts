import type { Account, HouseLock, Receipt } from '../../clearing/account.ts'
import type { Answer, Challenge, Claim, Demand, Proof, Statement } from '../../clearing/dispute.ts'
import type { Epoch } from '../../clearing/epoch.ts'
import type { Limits } from '../../clearing/limits.ts'
import type { Posting } from '../../clearing/posting.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Address, Domain, Hex, Member } from '../../core/types.ts'
import type { ChainReceipt, Head, SendOptions } from '../chain.ts'
import type { ShownLeaf } from './shown-leaf.ts'

/** What a house is founded on, for ever. Times in seconds. */
export interface HouseTerms {
  readonly operator: Address
  readonly court: Address
  readonly registry: Address
  /** One to four; zero stands for the coin. Everything else names an asset by its place here. */
  readonly assets: readonly Address[]
  /** The longest time from one commit to the next. */
  readonly interval: bigint
  /** How long an epoch can be challenged. */
  readonly window: bigint
  /** How long answers may take after that, how much longer for each challenge, and how long at most. */
  readonly answerTime: bigint
  readonly answerTimeEach: bigint
  readonly answerTimeMost: bigint
}

/** What the house says in one block. */
export interface HouseFacts {
  readonly head: Head
  readonly lastCommitted: bigint
  /** The last epoch that the house has noted as final. */
  readonly finalized: bigint
  /** The last one that is final by the clock of `head`, noted or not. */
  readonly final: bigint
  readonly postingCount: bigint
  /** Whether deposits and commits are taken. */
  readonly isRunning: boolean
  /** Whether it has halted for good and members can exit. */
  readonly isSettled: boolean
}

/** The house at two depths. */
export interface HouseState {
  readonly latest: HouseFacts
  /** Taken N confirmations deep. */
  readonly confirmed: HouseFacts
}

/** What the house keeps of an epoch. */
export interface EpochStatus {
  readonly committedAt: bigint
  /** All challenges ever made to it, and those that nobody has answered. */
  readonly challenges: number
  readonly open: number
  /** Chain times before which challenges and answers are taken. */
  readonly challengeUntil: bigint
  readonly answerUntil: bigint
}

/** A posting with who posted it. */
export interface Posted {
  readonly posting: Posting
  readonly identity: Member
}

/** A commit as it stands in the chain; epoch 0 was never committed and stands in the block of the foundation, or a later one. */
export interface CommittedEpoch {
  readonly epoch: Epoch
  readonly committedAt: bigint
}

/** A challenge to the house; the court knows it by `id`. */
export interface Demanded {
  readonly id: Hex
  readonly demand: Demand
}

/** Where an event stands in the chain. */
export interface Place {
  readonly block: Head
  readonly logIndex: number
  readonly transaction: Hex
}

/**
 * What the follower tells. All but `demanded` are N confirmations deep, and told in the chain's order; demands are told as soon as they are
 * seen, once per block that they stand in. `halted`, `settled` and `rewound` follow from the state and have no transaction.
 */
export type HouseEvent =
  | (Place & Posted & { readonly kind: 'posted' })
  | (Place & CommittedEpoch & { readonly kind: 'committed' })
  | (Place & { readonly kind: 'finalized'; readonly number: bigint })
  | (Place & Demanded & { readonly kind: 'demanded' })
  | (Place & { readonly kind: 'answered'; readonly id: Hex; readonly epoch: bigint })
  | (Place & { readonly kind: 'convicted'; readonly by: Address })
  /** What left in a final epoch was paid to the owners of these members. */
  | (Place & { readonly kind: 'collected'; readonly epoch: bigint; readonly indices: readonly number[] })
  /** Somebody claimed for this member what the stake insures. */
  | (Place & { readonly kind: 'insured'; readonly index: number; readonly member: Hex })
  | { readonly kind: 'halted' | 'settled'; readonly block: Head }
  /** The chain was reorganised deeper than N: everything is told anew, from the first event on. */
  | { readonly kind: 'rewound'; readonly block: Head }

/** Contracts in which money may wait for its owner. */
export type HouseVault = 'house' | 'court' | 'stake'

/** The port to the contracts of one house; the one adapter wraps ethers. Every send awaits its receipt and is idempotent by its intent. */
export interface HouseChain {
  readonly terms: HouseTerms
  readonly stake: Address
  /** For EIP-712: the house is the verifying contract. */
  readonly domain: Domain
  /** Who sends; throws NoSenderError where this connection can only read. */
  readonly sender: Address
  readonly confirmations: number

  /** Waited for; what it throws makes the event come again. Told at least once, also over restarts: the place is stored afterwards. */
  onEvent: (event: HouseEvent) => Promise<void> | void
  /** At each new block, after its events. */
  onState: (state: HouseState) => void
  /** The view is stale, or fresh again. */
  onHealth: (healthy: boolean, reason?: string) => void
  /** A typed error before it hurts: the sender runs out of gas money. */
  onAlarm: (error: Error) => void
  /** Follows from where the last run ended. `since`: tells again all confirmed events from this block on. */
  start(since?: number): Promise<void>
  stop(): Promise<void>

  /** As of the last look, which follows a receipt a moment later; before `start` as of now. */
  state(): Promise<HouseState>
  /** Undefined: there is no such epoch, as of the newest block. */
  epochStatus(number: bigint): Promise<EpochStatus | undefined>
  isFailed(number: bigint): Promise<boolean>
  /** From its event, checked against the house's own hash; undefined: not committed, as of the newest block. */
  epoch(number: bigint): Promise<CommittedEpoch | undefined>
  /** Postings from `from` on as of the confirmed head, each checked by the chain of hashes. Reads all of them. */
  postings(from?: bigint): Promise<readonly Posted[]>
  /** Challenges to an epoch that nobody has answered, as of the newest block. */
  openDemands(epoch: bigint): Promise<readonly Demanded[]>
  /** The leaf that a transaction showed to the court; undefined: none, or not by a call of the court itself. Nothing in it is checked. */
  leafShownIn(transaction: Hex): Promise<ShownLeaf | undefined>
  /** What a member has deposited for life, and wants to have withdrawn, N confirmations deep. */
  standing(member: Hex, asset: number): Promise<{ readonly deposited: bigint; readonly requested: bigint }>
  /** What the registry holds, N confirmations deep; `recordedAt` 0n means nothing. */
  outcomes(keys: readonly Hex[]): Promise<readonly Outcome[]>
  secretOf(key: Hex): Promise<Hex | undefined>
  /** What failed payouts and bonds left for `owner`. */
  claimable(vault: HouseVault, asset: Address, owner: Address): Promise<bigint>
  staked(asset: number): Promise<bigint>
  /** What limits may add up to: the stake less what the operator wants back, confirmed and as of the newest block, whichever is less. */
  backing(asset: number): Promise<bigint>
  /** What `account` (default: the sender) holds outside of the house. */
  balance(asset: Address, account?: Address): Promise<bigint>
  /** What a challenge to this epoch costs at the newest block; asked in the name of the sender. */
  bondFor(epoch: bigint): Promise<bigint>

  /** From the sender's account. Tokens are allowed for exactly the amount: by a permit (ERC-2612) in the same transaction, or approved first. */
  deposit(identity: Member, asset: number, amount: bigint, options: SendOptions): Promise<ChainReceipt>
  /** The sender, which must be the owner, wants `target` withdrawn for life. */
  request(signer: Address, asset: number, target: bigint, options: SendOptions): Promise<ChainReceipt>
  /** `posting`: the one at the cut of `next`; none if the cut is zero. */
  commit(previous: Epoch, next: Epoch, posting: Posting | undefined, options: SendOptions): Promise<ChainReceipt>
  advance(most: number, options: SendOptions): Promise<ChainReceipt>
  /** `path`: by `tallyPaths` for all claims, which ascend by index. */
  collect(epoch: Epoch, claims: readonly Claim[], path: readonly Hex[], options: SendOptions): Promise<ChainReceipt>
  exit(epoch: Epoch, claims: readonly Claim[], path: readonly Hex[], options: SendOptions): Promise<ChainReceipt>
  exitLock(exit: LockExit, options: SendOptions): Promise<ChainReceipt>
  refund(epoch: Epoch, posted: Posted, options: SendOptions): Promise<ChainReceipt>
  /** Sends twice the bond; what is too much comes back at once. */
  challenge(challenge: Challenge, options: SendOptions): Promise<ChainReceipt>
  answer(answer: Answer, options: SendOptions): Promise<ChainReceipt>
  /** The bond of a challenge that nobody answered in time, to who made it. */
  reclaim(demand: Demand, options: SendOptions): Promise<ChainReceipt>
  /** All that waits for the sender in a vault, to any address. */
  claim(vault: HouseVault, asset: Address, to: Address, options: SendOptions): Promise<ChainReceipt>
  /** Records a secret in the registry, where locks under its key look; anybody may. */
  reveal(secret: Hex, options: SendOptions): Promise<ChainReceipt>
  convict(one: Statement, other: Statement, options: SendOptions): Promise<ChainReceipt>
  addStake(asset: number, amount: bigint, options: SendOptions): Promise<ChainReceipt>
  /** D7, after a halt: asks the stake for what the receipt says beyond the last final epoch. */
  claimInsured(claim: InsuredClaim, options: SendOptions): Promise<ChainReceipt>
  /** Lowers a claim by a later account that the member signed. */
  lowerInsured(identity: Member, account: Account, signature: Hex, options: SendOptions): Promise<ChainReceipt>
  /** Pays a claim, to the owner, when it can be lowered no more. */
  payInsured(index: number, identity: Member, options: SendOptions): Promise<ChainReceipt>
  /** Forgets an intent whose outcome is unknown, after the user has looked; see UnknownOutcomeError. */
  forget(intent: string): Promise<void>
}

/** What a member was credited with after `epoch`, the last final one. `proof`: its leaf there, `limits`: its limits there. */
export interface InsuredClaim {
  readonly epoch: Epoch
  readonly proof: Proof
  readonly limits: Limits
  readonly receipt: Receipt
  /** The operator's. */
  readonly signature: Hex
}

/** A lock that was undecided in the last final epoch; `proof`: the payer's leaf, `statusPath`: in its statuses as they were then. */
export interface LockExit {
  readonly epoch: Epoch
  readonly proof: Proof
  readonly payer: Member
  readonly payee: Member
  readonly position: number
  readonly lock: HouseLock
  readonly statusPath: readonly Hex[]
}
