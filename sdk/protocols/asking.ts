import type { Ledger } from './ledger.ts'
import type { Ask } from './messages.ts'
import { findLocked, gainOf, InvalidOperationError, restIdOf, satisfies, sharesOf } from './pending.ts'
import { type Asking, type Step, stay } from './step.ts'

// How the payee of a locked transfer asks for its end. Only the writer of a lane writes it, so that no two states can ever
// compete for one version (ADR 0022); what gives the writer money back is taken from it only if its reader asked before.
//
//   payee: ask ─ locked in the peer's lane? ─▶ remember what the peer may do now, send
//   payer: asked ─ still locked in my lane? ─▶ tell; whoever decides writes `resolve`

/** Asks the peer. The same may be asked again; throws `InvalidOperationError` for a wish that contradicts an earlier one. */
export function ask(ledger: Ledger, { id, resolution, proof }: Asking): Step {
  const { channelId, asset, generation, me, asks } = ledger
  const item = findLocked(ledger.peer.pending, id)
  if (!item) throw new InvalidOperationError(`The peer has locked no transfer ${id}.`)
  const message: Ask = { kind: 'ask', channelId, asset, generation, id, resolution, proof }
  const effects = [{ kind: 'send', message }] as const
  // What gives the peer nothing back it may do anyway.
  if (gainOf(1 - me, item.transfer, resolution) === 0n) return { next: ledger, effects }
  const before = asks.get(id)
  if (before && satisfies(resolution, before)) return { next: ledger, effects }
  // The first wish may be fulfilled at any moment, so it can only be widened.
  if (before && !satisfies(before, resolution))
    throw new InvalidOperationError(`The peer may already resolve the transfer ${id} as it was asked first.`)
  return { next: { ...ledger, asks: new Map([...asks, [id, resolution]]) }, effects }
}

/** The peer asks. */
export function asked(ledger: Ledger, { generation, id, resolution, proof }: Ask): Step {
  const item = findLocked(ledger.own.pending, id)
  if (generation !== ledger.generation || !item) return stay(ledger)
  // Asked again while the cancel was on its way: it is done, and nothing is wrong with the peer.
  if (resolution.kind === 'cancel' && resolution.residual === item.transfer.amount) return stay(ledger)
  if (resolution.kind === 'split' && findLocked(ledger.own.pending, restIdOf(id))) return stay(ledger)
  // Also refuses what does not fit the transfer.
  sharesOf(item.transfer, resolution)
  return { next: ledger, effects: [{ kind: 'notify', news: { kind: 'asked', id, resolution, proof } }] }
}
