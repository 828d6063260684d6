import { MalformedBytesError } from '../core/codec.ts'
import { InvalidTransferError } from '../core/transfer.ts'
import { ask, asked } from './asking.ts'
import { dispute, observe, shown } from './disputing.ts'
import type { Ledger, Terms } from './ledger.ts'
import { type LedgerMessage, PeerViolationError, type Updates } from './messages.ts'
import { InvalidOperationError } from './pending.ts'
import { acknowledge, ackSigned, read } from './reading.ts'
import { type LedgerEvent, type Step, stay } from './step.ts'
import { connected, disconnected, remind, synced } from './syncing.ts'
import { abandon, consented, consentSigned, proposed, refused, withdraw } from './withdrawing.ts'
import { acked, updateSigned, write } from './writing.ts'

/**
 * What a ledger becomes after `event`, and what is to be done. Pure. Throws for a caller's misuse (the ledger is then
 * unchanged); a peer's misbehaviour is a `violation` effect.
 */
export function stepLedger(ledger: Ledger, event: LedgerEvent, terms: Terms): Step {
  switch (event.kind) {
    case 'write':
      return write(ledger, event, terms)
    case 'ask':
      return ask(ledger, event)
    case 'acknowledge':
      return acknowledge(ledger, terms)
    case 'signed':
      if (event.what === 'update') return updateSigned(ledger, event.signature)
      return event.what === 'ack' ? ackSigned(ledger, event.signature) : consentSigned(ledger, event.signature)
    case 'message':
      return hear(ledger, event.message, terms)
    case 'connected':
      return connected(ledger)
    case 'disconnected':
      return disconnected(ledger)
    case 'remind':
      return remind(ledger)
    case 'facts':
      return observe(ledger, event)
    case 'fresh':
      return stay({ ...ledger, fresh: event.fresh })
    case 'shown':
      return shown(ledger, event)
    case 'withdraw':
      return withdraw(ledger, event)
    case 'abandon':
      return abandon(ledger, event)
    case 'revoked':
      return stay({ ...ledger, revoked: true })
    case 'dispute':
      return dispute(ledger)
  }
}

/** What operations of a peer can be. */
const UNFIT = [MalformedBytesError, InvalidOperationError, InvalidTransferError]

function hear(ledger: Ledger, message: LedgerMessage, terms: Terms): Step {
  try {
    return answer(ledger, message, terms)
  } catch (error) {
    if (error instanceof PeerViolationError) return { next: ledger, effects: [{ kind: 'violation', error }] }
    if (!UNFIT.some((kind) => error instanceof kind)) throw error
    const cause = new PeerViolationError('its operations cannot be read or do not fit its lane', { cause: error })
    return { next: ledger, effects: [{ kind: 'violation', error: cause }] }
  }
}

function answer(ledger: Ledger, message: LedgerMessage, terms: Terms): Step {
  switch (message.kind) {
    case 'updates':
      return hearUpdates(ledger, message, terms)
    case 'sync':
      return synced(ledger, message, terms)
    case 'ask':
      return asked(ledger, message)
    case 'propose':
      return proposed(ledger, message, terms)
    case 'consent':
      return consented(ledger, message, terms)
    case 'refuse':
      return refused(ledger, message)
  }
}

/** The acknowledgement comes first: the sender may spend in these updates what it acknowledges with them. */
function hearUpdates(ledger: Ledger, message: Updates, terms: Terms): Step {
  if (message.generation !== ledger.generation || !message.ack) return read(ledger, message, terms)
  const first = acked(ledger, message.ack, terms)
  const second = read(first.next, message, terms)
  return { next: second.next, effects: [...first.effects, ...second.effects] }
}
