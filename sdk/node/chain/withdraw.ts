import { bytesToHex, randomBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from '../../core/bytes.ts'
import { ZERO_HASH } from '../../core/state.ts'
import { type Address, type ChannelId, COIN, type WithdrawalPart } from '../../core/types.ts'
import { InvalidWithdrawalError, validateWithdrawal } from '../../core/withdrawal.ts'
import { type BlockedCode, BlockedError, entitlement } from '../../protocols/solvency.ts'
import { MAX_VALIDITY, WithdrawalPendingError } from '../../protocols/withdrawing.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import type { Slot } from '../ledgers/slot.ts'
import { assertOwnerReachable } from './calls.ts'

/** Where the money goes and for how long. */
export interface WithdrawOptions {
  /** Default: the chain's coin. */
  readonly asset?: Address
  /** Default: this member's owner. Another address needs the owner as sender of the transaction. */
  readonly to?: Address
  /** Pays into another channel instead, for its member `toMember`. */
  readonly toChannel?: ChannelId
  readonly toMember?: number
  /** Chain seconds within which it must be executed; default 3,600, at most 86,400. */
  readonly validFor?: number
  /** Ends the waiting. What the peer has agreed to by then may still be executed. */
  readonly signal?: AbortSignal
}

const VALID_FOR = 3_600

/** What passes by itself or with the next block. */
const PASSING: ReadonlySet<BlockedCode> = new Set([
  'AWAITING_CONFIRMATIONS',
  'PEER_NOT_SYNCED',
  'CHAIN_VIEW_STALE',
  'GENERATION_CHANGING',
])

class TryAgain extends Error {}

/** Takes the withdrawals of users. */
export class Withdrawing {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Pays `amount` out, or with undefined everything to both; resolves when that is final. */
  async withdraw(slot: Slot, amount: bigint | undefined, options: WithdrawOptions): Promise<void> {
    const target = targetOf(slot, options)
    for (;;) {
      options.signal?.throwIfAborted()
      this.#engine.assertRunning()
      this.#engine.peers.assertExpected(slot.entry.peer)
      await this.#engine.desk.refresh(slot)
      if (amount === undefined && isEmpty(slot)) return
      try {
        await this.#attempt(slot, amount, target, options.signal)
        return
      } catch (error) {
        const passing =
          error instanceof TryAgain ||
          error instanceof WithdrawalPendingError ||
          (error instanceof BlockedError && PASSING.has(error.code))
        if (!passing) throw error
      }
      await this.#engine.lookout.pause(slot, options.signal)
    }
  }

  async #attempt(
    slot: Slot,
    amount: bigint | undefined,
    { validFor, to, toChannel, toMember }: Target,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    assertOwnerReachable(slot, { to, toChannel, toMember }, this.#engine.caller)
    const id = bytesToHex(randomBytes(16))
    const closing = amount === undefined
    const validUntil = (slot.ledger.facts?.head.timestamp ?? 0n) + validFor
    const request = { id, closing, amount: amount ?? 0n, to, toChannel, toMember, validUntil }
    const done = new Promise<void>((resolve, reject) => {
      this.#engine.news.await(id, {
        resolve,
        reject: (error, again) => reject(again ? new TryAgain(undefined, { cause: error }) : error),
      })
    })
    let forget = () => {}
    try {
      this.#engine.dispatch(slot, { kind: 'withdraw', request })
      const aborted = new Promise<never>((_, reject) => {
        forget = onAbort(signal, (reason) => {
          if (!this.#engine.halted) this.#engine.dispatch(slot, { kind: 'abandon', id })
          reject(reason)
        })
      })
      await Promise.race([done, aborted])
    } finally {
      forget()
      this.#engine.news.forget(id)
    }
  }
}

interface Target extends Pick<WithdrawalPart, 'to' | 'toChannel' | 'toMember'> {
  readonly validFor: bigint
}

/** Checked before anything is promised: what does not fit a message or a record would stop the node. */
function targetOf(
  { ledger }: Slot,
  { validFor = VALID_FOR, to = COIN, toChannel = ZERO_HASH, toMember = 0 }: WithdrawOptions,
): Target {
  if (!Number.isInteger(validFor) || validFor < 1 || validFor > Number(MAX_VALIDITY))
    throw new InvalidWithdrawalError(
      'validUntil',
      `A withdrawal can be valid for 1 to ${MAX_VALIDITY} seconds, not ${validFor}. Choose a time within that.`,
    )
  const target = { to, toChannel: toHex(toBytes(toChannel, 32)), toMember }
  const { channelId, asset, generation, me: member } = ledger
  const parts = [{ member, amount: 1n, ...target }]
  validateWithdrawal({ channelId, asset, generation, seq: 0, parts, closing: false, validUntil: 0n, dispute: 0n })
  return { ...target, validFor: BigInt(validFor) }
}

/** Nothing is there to be paid out. */
function isEmpty({ ledger }: Slot): boolean {
  const { facts } = ledger
  if (!facts) return false
  const held = [...facts.latestBalances, ...facts.confirmedBalances].some((balance) => balance !== 0n)
  return !held && entitlement(ledger, 0) === 0n && entitlement(ledger, 1) === 0n
}
