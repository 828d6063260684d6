import { toHex } from '../../core/bytes.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import { validateTransfer } from '../../core/transfer.ts'
import type { Address, Hex, LedgerRef, Leg, Transfer } from '../../core/types.ts'
import { paymentId } from '../../protocols/payments.ts'
import {
  findLocked,
  gainOf,
  InvalidOperationError,
  type Locked,
  PAID_IN_FULL,
  type Resolution,
  satisfies,
} from '../../protocols/pending.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { PaymentPendingError } from '../errors.ts'
import type { OperationOrder } from '../ledgers/operation-queue.ts'
import { freshId } from '../ledgers/queue.ts'
import type { Slot } from '../ledgers/slot.ts'

/** What to lock. */
export interface LockTerms {
  readonly amount: bigint
  /** Chain time in seconds; outcomes recorded later do not count. */
  readonly deadline: bigint
  /** Whom it pays by which outcome; default: the peer, by `key`. */
  readonly legs?: readonly Leg[]
  /** Outcome key of a transfer with one leg. */
  readonly key?: Hex
  /** Member that gets what no leg takes; default: this node. */
  readonly refundTo?: number
  /** 16 bytes; default: random. */
  readonly id?: Hex
  /** For the peer's eyes, at most 4,096 bytes. */
  readonly note?: Uint8Array
  readonly asset?: Address
  readonly signal?: AbortSignal
}

/** How a payer ends a transfer. */
export interface UnlockOptions {
  /** One a leg, from 0 to 1e18; default: all of it to the first leg. */
  readonly values?: readonly bigint[]
  readonly asset?: Address
  readonly signal?: AbortSignal
}

export interface CancelOptions {
  /** What stays locked until the deadline; default: nothing. */
  readonly residual?: bigint
  readonly asset?: Address
  readonly signal?: AbortSignal
}

export const resolutionOf = ({ values }: UnlockOptions): Resolution =>
  values === undefined ? PAID_IN_FULL : { kind: 'unlock', values }

/** A transfer that is locked in a channel. */
export interface LockedTransfer extends LedgerRef {
  /** `out`: in this node's lane. */
  readonly direction: 'in' | 'out'
  readonly id: Hex
  readonly transfer: Transfer
  readonly note: Uint8Array
}

const NO_NOTE = new Uint8Array(0)

/** Locks, unlocks and asks, for users and for payments over several hops. */
export class Transfers {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Locks money; resolves with its id once the peer has acknowledged that. Throws as `pay` does, or `InvalidTransferError`. */
  async lock(slot: Slot, terms: LockTerms): Promise<Hex> {
    const { me } = slot.ledger
    const { amount, deadline, key, refundTo = me, note = NO_NOTE, signal } = terms
    if ((terms.legs === undefined) === (key === undefined))
      throw new InvalidOptionError('legs', 'A transfer is paid by one key or by its legs. Pass `key`, or `legs`.')
    const legs = terms.legs ?? [{ to: 1 - me, key: key! }]
    const transfer: Transfer = { amount, deadline, refundTo, legs }
    validateTransfer(transfer, 2)
    const id = toHex(terms.id === undefined ? freshId() : paymentId(terms.id))
    await this.#write(slot, { kind: 'lock', id, transfer, note }, signal)
    return id
  }

  /** Ends a transfer of this node's own lane; resolves once the peer has acknowledged that. Throws {@link InvalidOperationError}. */
  async resolve(slot: Slot, id: Hex, resolution: Resolution, signal?: AbortSignal): Promise<void> {
    const item = findLocked(slot.ledger.own.pending, id)
    if (!item) throw new InvalidOperationError(`No transfer ${id} is locked here.`)
    const asked = slot.peerAsked.get(id)
    // Once signed it could not be taken back, and the peer would hang up on it for ever.
    if (gainOf(slot.ledger.me, item.transfer, resolution) > 0n && !(asked && satisfies(resolution, asked)))
      throw new InvalidOperationError(`The peer has not asked for what this gives back of the transfer ${id}.`)
    await this.#write(slot, { kind: 'resolve', id, resolution }, signal)
  }

  /** Asks the peer to end a transfer of its lane. Throws {@link InvalidOperationError}. */
  ask(slot: Slot, id: Hex, resolution: Resolution, proof: Uint8Array = NO_NOTE): void {
    this.#engine.dispatch(slot, { kind: 'ask', id, resolution, proof })
  }

  /** What is locked, one's own first. */
  list({ ledger }: Slot): LockedTransfer[] {
    const { channelId, asset, own, peer } = ledger
    const as =
      (direction: 'in' | 'out') =>
      ({ id, transfer, note }: Locked) => ({
        channelId,
        asset,
        direction,
        id,
        transfer,
        note,
      })
    return [...own.pending.items.map(as('out')), ...peer.pending.items.map(as('in'))]
  }

  #write(slot: Slot, operation: OperationOrder['operation'], signal: AbortSignal | undefined): Promise<void> {
    this.#engine.assertRunning()
    signal?.throwIfAborted()
    this.#engine.peers.assertExpected(slot.entry.peer)
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, (reason) => reject(new PaymentPendingError(0n, reason)))
      const fail = (error: unknown) => {
        forget()
        reject(error)
      }
      const signed = (version: bigint) => {
        const acknowledged = () => {
          forget()
          resolve()
        }
        if (slot.ledger.own.acked.version >= version) acknowledged()
        else slot.await({ last: version, resolve: acknowledged, reject: fail })
      }
      slot.operations.push({ operation, signed, reject: fail })
      this.#engine.touch(slot)
    })
  }
}
