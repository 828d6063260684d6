import type { Address, LedgerRef, State } from '../../core/types.ts'
import { applyOperations, decodeOperations } from '../../protocols/operations.ts'
import { type Payment, paymentsOf } from '../../protocols/payments.ts'
import { NOTHING_LOCKED, type Snapshot } from '../../protocols/pending.ts'
import { decodeEntry, type HistoryEntry } from '../../protocols/record.ts'
import type { Store } from '../../storage/store.ts'
import { historyKey, laneHistory, ledgerHistory, parseHistoryKey } from '../keys.ts'

/** A payment as it is listed: what the two sides agreed on, and when this node recorded it. */
export interface ListedPayment extends Payment, LedgerRef {
  readonly direction: 'in' | 'out'
  readonly peer: Address
  readonly generation: number
  /** Of the lane of the member who paid. */
  readonly version: bigint
  /** Position within the version. */
  readonly index: number
  /** Milliseconds since 1970. */
  readonly time: number
}

/** Where a lane's history is. */
export interface LaneRef {
  readonly number: number
  readonly generation: number
  readonly lane: number
}

/** The entries of a lane from version `from` on, without a gap. */
export async function* readLane(
  store: Store,
  { number, generation, lane }: LaneRef,
  from: bigint,
): AsyncGenerator<{ readonly version: bigint; readonly entry: HistoryEntry }> {
  let next = from
  const prefix = laneHistory(number, generation, lane)
  for await (const [key, bytes] of store.list(prefix, historyKey(number, generation, lane, from - 1n))) {
    const { version } = parseHistoryKey(key)
    if (version !== next++) return
    yield { version, entry: decodeEntry(bytes) }
  }
}

/** Every payment of a ledger: generation by generation, first those of lane 0, then those of lane 1. */
export async function* readPayments(
  store: Store,
  ledger: LedgerRef & { readonly number: number; readonly me: number; readonly peer: Address },
): AsyncGenerator<ListedPayment> {
  const { channelId, asset, peer } = ledger
  for await (const [key, bytes] of store.list(ledgerHistory(ledger.number))) {
    const { generation, lane, version } = parseHistoryKey(key)
    const { time, operations } = decodeEntry(bytes)
    const direction = lane === ledger.me ? 'out' : 'in'
    let index = 0
    for (const operation of decodeOperations(operations)) {
      if (operation.kind !== 'pay') continue
      for (const payment of paymentsOf(operation.batch))
        yield { ...payment, channelId, asset, peer, direction, generation, version, index: index++, time }
    }
  }
}

/** A lane at `version`, replayed from its history; undefined if that has a gap. */
export async function snapshotAt(
  store: Store,
  lane: LaneRef,
  blank: State,
  version: bigint,
): Promise<Snapshot | undefined> {
  let at: Snapshot = { state: blank, pending: NOTHING_LOCKED }
  for await (const { entry } of readLane(store, lane, 1n)) {
    if (at.state.version === version) break
    at = applyOperations(at, decodeOperations(entry.operations))
  }
  return at.state.version === version ? at : undefined
}
