import { TallystickError } from '../core/errors.ts'
import type { Address, Domain, Hex } from '../core/types.ts'
import type { Appointment } from './appointment.ts'
import type { Receipt } from './receipt.ts'

/** What this build speaks with towers; another one is refused. */
export const TOWER_PROTOCOL_VERSION = 1

/** What a tower asks for, per month of watching a client's ledgers. */
export interface TowerTerms {
  /** Smallest units of `asset` a month; 0n: nothing. */
  readonly price: bigint
  readonly asset: Address
  /** Session key of the node that takes the payments. */
  readonly payTo: Address
}

/** What a tower tells each client first. */
export interface Offer extends TowerTerms {
  /** Ledgers that it watches for one client at most. */
  readonly ledgers: number
  /** It can read calls between contracts, so that a sealed appointment opens however a challenger calls. */
  readonly traces: boolean
  /** Whether this client may appoint now. */
  readonly paid: boolean
}

/** A payment of `amount` with this `id` to `payTo` pays `months`. */
export interface Quote extends TowerTerms {
  /** 16 bytes. */
  readonly id: Hex
  readonly months: number
  readonly amount: bigint
}

export type RefusalCode =
  /** The client has not paid, or is not one of this tower's. */
  | 'UNPAID'
  /** Watched ledgers of this client, or of all. */
  | 'FULL'
  /** Too many messages; later. */
  | 'SLOW_DOWN'
  /** `held` is at least as high as what was sent. */
  | 'STALE'
  | 'INVALID'
  | 'NOT_HELD'
  /** The tower's own trouble; later. */
  | 'UNAVAILABLE'

export const REFUSAL_CODES: readonly RefusalCode[] = [
  'UNPAID',
  'FULL',
  'SLOW_DOWN',
  'STALE',
  'INVALID',
  'NOT_HELD',
  'UNAVAILABLE',
]

/** First frame in each direction. */
export interface Greeting {
  readonly kind: 'greet'
  readonly protocol: number
  readonly domain: Domain
}

/** Of an appointment, `forget` or `recall`; of a `quote` under a locator of zeros. */
export interface Refusal {
  readonly kind: 'refused'
  readonly locator: Hex
  readonly sequence: bigint
  /** Sequence that the tower holds; 0n: none. */
  readonly held: bigint
  readonly code: RefusalCode
  readonly reason: string
}

/** An appointment with the client's signature over the order that it is. */
export interface SignedAppointment extends Appointment {
  readonly signature: Uint8Array
}

export type TowerMessage =
  | Greeting
  | { readonly kind: 'offer'; readonly offer: Offer }
  | { readonly kind: 'appoint'; readonly appointments: readonly SignedAppointment[] }
  | { readonly kind: 'receipts'; readonly receipts: readonly Omit<Receipt, 'client'>[] }
  | Refusal
  /** Watch it no more: the order of no content; answered by itself. */
  | { readonly kind: 'forget'; readonly locator: Hex; readonly sequence: bigint; readonly signature: Uint8Array }
  /** Show what you hold; answered by `recalled`. */
  | { readonly kind: 'recall'; readonly locator: Hex }
  | { readonly kind: 'recalled'; readonly appointment: Appointment }
  | { readonly kind: 'quote'; readonly months: number }
  | { readonly kind: 'quoted'; readonly quote: Quote }

/** The other side of a conversation between client and tower broke its rules; the connection is closed. */
export class TowerProtocolError extends TallystickError {
  readonly code: 'TOWER_PROTOCOL' | 'TOWER_VERSION' | 'TOWER_OF_ANOTHER_CHAIN'

  constructor(code: TowerProtocolError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}
