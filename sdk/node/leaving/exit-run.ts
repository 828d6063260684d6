import type { Chain, LedgerView } from '../../chain/chain.ts'
import { toHex } from '../../core/bytes.ts'
import { encodeProof, encodeStates } from '../../core/calldata.ts'
import { encodeChannel, ledgerIdOf } from '../../core/channel.ts'
import { encodeEnvelope } from '../../core/envelope.ts'
import { TallystickError } from '../../core/errors.ts'
import { COIN, type LedgerRef } from '../../core/types.ts'
import { observe } from '../../protocols/disputing.ts'
import { newJoint } from '../../protocols/joint.ts'
import { observeJoint } from '../../protocols/joint-chain.ts'
import { cutLast } from '../../protocols/joint-wishes.ts'
import { blankLane, type Lane, type Ledger, newLedger } from '../../protocols/ledger.ts'
import { pendingOf, type Snapshot } from '../../protocols/pending.ts'
import type { LedgerEffect } from '../../protocols/step.ts'
import { onAbort } from '../abort.ts'
import { decidedLists } from '../chain/calls.ts'
import { isRedeemed, redeem, reservationOf } from '../chain/reserved.ts'
import { ExitFileError, type ExitLedger } from './exit.ts'

/** How far an exit is. */
export interface ExitProgress extends LedgerRef {
  readonly stage: 'empty' | 'disputing' | 'waiting' | 'answering' | 'settling' | 'reserved' | 'done' | 'superseded'
  /** When the dispute can be settled, or everything that is reserved is decided at the latest; chain seconds. */
  readonly expiry?: bigint
}

export interface ExitOptions {
  /** Milliseconds between looks at the chain; default 2,000. */
  readonly pollMs?: number
  readonly onProgress?: (progress: ExitProgress) => void
  readonly signal?: AbortSignal
}

/** The chain counts a state that is newer than the exit file. */
export class NewerStateError extends TallystickError {
  readonly code = 'EXIT_FILE_TOO_OLD'

  constructor() {
    super(
      'The chain counts a newer state than this exit file holds, so only its holder can settle. Use a newer exit file, or wait for the peer.',
    )
  }
}

/**
 * Leaves these ledgers without a node: challenges with their newest states, waits for the challenge period, answers what
 * is older, settles. May be stopped and run again at any time. `chain` needs a sender, who pays for gas.
 * Throws {@link NewerStateError}, chain errors, or the signal's reason.
 */
export async function runExit(ledgers: readonly ExitLedger[], chain: Chain, options: ExitOptions = {}): Promise<void> {
  const outcomes = await Promise.allSettled(ledgers.map((ledger) => exitOne(ledger, chain, options)))
  // One stuck ledger must not keep the others in.
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
}

async function exitOne(
  exit: ExitLedger,
  chain: Chain,
  { pollMs = 2_000, onProgress, signal }: ExitOptions,
): Promise<void> {
  const { channelId, asset, generation } = exit
  let told: ExitProgress['stage'] | undefined
  const tell = (stage: ExitProgress['stage'], expiry?: bigint) => {
    if (stage === told) return
    told = stage
    onProgress?.({ channelId, asset, stage, ...(expiry !== undefined && { expiry }) })
  }
  for (;;) {
    signal?.throwIfAborted()
    const view = await chain.view(exit)
    if (view.confirmed.generation > generation) break
    if (view.latest.generation < generation)
      throw new ExitFileError(
        'EXIT_FILE_OF_ANOTHER_CHAIN',
        `The chain is at generation ${view.latest.generation} of a ledger, before the file's ${generation}. Use an RPC of the same chain that is up to date.`,
      )
    if (isEmpty(view) && view.latest.generation === generation) {
      tell('empty')
      return
    }
    await advance(exit, chain, view, tell, signal)
    await pause(pollMs, signal)
  }
  await redeemAll(exit, chain, { pollMs, ...(signal && { signal }) }, tell)
  tell(told ? 'done' : 'superseded')
}

/** Stays until what the settlement reserved for transfers is divided, if the file knows them. */
async function redeemAll(
  exit: ExitLedger,
  chain: Chain,
  { pollMs, signal }: { readonly pollMs: number; readonly signal?: AbortSignal },
  tell: Tell,
): Promise<void> {
  const { generation, states } = exit
  if (states.every(({ transfers }) => transfers.length === 0)) return
  const stateOf = (lane: number) => states.find(({ state }) => state.lane === lane)
  for (;;) {
    signal?.throwIfAborted()
    const reservation = reservationOf(await chain.history(exit), generation)
    if (!reservation || isRedeemed(reservation)) return
    const { reserves, versions } = reservation
    // Whoever showed a newer state holds the list of what is locked in it.
    if (reserves.some(({ lane }) => stateOf(lane)?.state.version !== versions[lane])) throw new NewerStateError()
    const transfers = versions.map((_, lane) => stateOf(lane)?.transfers ?? [])
    tell('reserved', BigInt(Math.max(...transfers.flat().map(({ deadline }) => Number(deadline)))))
    if (!(await redeem(chain, exit, reservation, transfers, { signal }))) await pause(pollMs, signal)
  }
}

const isEmpty = ({ latest, latestBalances }: LedgerView): boolean =>
  latest.phase === 'open' && latestBalances.every((balance) => balance === 0n)

type Tell = (stage: ExitProgress['stage'], expiry?: bigint) => void

async function advance(
  exit: ExitLedger,
  chain: Chain,
  view: LedgerView,
  tell: Tell,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { latest } = view
  if (latest.generation !== exit.generation) return
  const send = (functionName: string, packed: Uint8Array, before: bigint) =>
    chain.send(
      {
        to: 'adjudicator',
        functionName,
        args: [toHex(encodeChannel(exit.channel)), exit.asset, toHex(packed)],
      },
      {
        intent: `exit/${functionName}/${ledgerIdOf(exit)}/${exit.generation}/${before}`,
        ...(before > 0n && { before }),
        ...(signal && { signal }),
      },
    )
  if (latest.phase === 'open') {
    tell('disputing')
    await send('submit', packedStates(exit, [0, 1]), 0n)
    return
  }
  for (const effect of effectsOf(exit, view)) {
    if (effect.kind === 'lookup') throw new NewerStateError()
    if (effect.kind === 'settle') {
      tell('settling')
      const states = effect.states.map(({ state }) => state)
      const lists = await decidedLists(effect.states, view.head.timestamp, (keys) => chain.outcomes(keys))
      await send('settle', encodeProof(effect.base, states, lists), 0n)
      return
    }
    if (effect.kind === 'submit') {
      tell('answering', latest.expiry)
      await send(
        'submit',
        packedStates(
          exit,
          effect.states.map(({ state }) => state.lane),
        ),
        latest.expiry,
      )
    }
  }
  tell('waiting', latest.expiry)
}

function packedStates({ states }: ExitLedger, lanes: readonly number[]): Uint8Array {
  return encodeStates(
    states
      .filter(({ state }) => lanes.includes(state.lane))
      .map(({ state, signatures }) => ({
        state,
        signatures: signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature })),
      })),
  )
}

/** What the running dispute needs, by what the file holds. */
function effectsOf(exit: ExitLedger, view: LedgerView): readonly LedgerEffect[] {
  const { channel, generation } = exit
  if (channel.members.length === 2) return observe(ledgerOf(exit), { facts: view }).effects
  const held = exit.states[0]
  const blank = newJoint(exit, 0, channel.members.length, generation)
  const { state, transfers = [], signatures = [] } = held ?? {}
  const complete = state ? { ...blank.complete, state, signatures, pending: pendingOf(transfers) } : blank.complete
  const terms = {
    domain: { chainId: 0n, adjudicator: COIN },
    channel,
    verify: () => false,
    net: cutLast,
    patience: 0,
    limit: 0,
  }
  const { effects } = observeJoint({ ...blank, complete, fresh: true }, view, terms)
  const due = effects.flatMap((effect): LedgerEffect[] => {
    const states = (one: Snapshot | undefined) =>
      one ? [{ state: one.state, pending: one.pending, signature: EMPTY }] : []
    if (effect.kind === 'submit') return [{ ...effect, states: states(effect.round) }]
    return effect.kind === 'settle' ? [{ ...effect, states: states(effect.counted) }] : []
  })
  const isOver = view.latest.phase === 'disputed' && view.head.timestamp >= view.latest.expiry
  if (isOver && due.length === 0) throw new NewerStateError()
  return due
}

const EMPTY = new Uint8Array()

/** The ledger as member 0 would know it. */
function ledgerOf(exit: ExitLedger): Ledger {
  const lane = (index: number): Lane => {
    const found = exit.states.find(({ state }) => state.lane === index)
    if (!found) return blankLane(exit, exit.generation, index)
    const { state, transfers, signatures } = found
    const pending = pendingOf(transfers)
    const ends = { newest: state, pending, acked: state, ackedPending: pending }
    return { ...ends, signature: signatures[index]!, ack: signatures[1 - index]! }
  }
  return { ...newLedger(exit, 0), generation: exit.generation, own: lane(0), peer: lane(1), fresh: true }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      forget()
      resolve()
    }
    const timer = setTimeout(end, ms)
    const forget = onAbort(signal, end)
  })
}
