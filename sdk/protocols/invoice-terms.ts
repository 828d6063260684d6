import { TallystickError } from '../core/errors.ts'
import type { Invoice } from '../core/invoice.ts'
import { AMOUNT_BOUND } from '../core/state.ts'
import { type Address, COIN } from '../core/types.ts'

// What an invoice allows. The payer asks before it pays, the payee before it takes.

/** Why an invoice is not paid: what a payer and a payee may both find. */
export type InvoiceRefusal =
  | 'INVOICE_PAID'
  | 'INVOICE_CANCELLED'
  | 'INVOICE_EXPIRED'
  | 'INVOICE_OF_ANOTHER_PAYER'
  | 'INVOICE_OF_ANOTHER_PAYEE'
  | 'INVOICE_OVERPAID'
  | 'INVOICE_UNDERPAID'
  | 'INVOICE_WANTS_DELIVERY'
  | 'INVOICE_WANTS_NOTHING'

/** An invoice must not be paid, or not so. */
export class InvoiceRefusedError extends TallystickError {
  readonly code: InvoiceRefusal

  constructor(code: InvoiceRefusal) {
    super(MESSAGES[code])
    this.code = code
  }
}

const MESSAGES: Readonly<Record<InvoiceRefusal, string>> = {
  INVOICE_PAID: 'This invoice is paid, and its secret known. Ask for a new one.',
  INVOICE_CANCELLED: 'The payee cancelled this invoice. Ask for a new one.',
  INVOICE_EXPIRED: 'The deadline of this invoice has passed. Ask for a new one.',
  INVOICE_OF_ANOTHER_PAYER: 'This invoice is for another payer. Ask for one of your own.',
  INVOICE_OF_ANOTHER_PAYEE: 'This invoice was signed by somebody else than the payee. Do not pay it; ask the payee.',
  INVOICE_OVERPAID: 'This is more than the invoice asks for. Pay its amount.',
  INVOICE_UNDERPAID: 'This is less than the invoice takes. Pay its amount.',
  INVOICE_WANTS_NOTHING: 'This invoice promises nothing in return. Pay it with payInvoice.',
  INVOICE_WANTS_DELIVERY:
    'This invoice promises another asset in return. Take it with swapInvoice, which pays against delivery.',
}

/** A way to pay an invoice: by whom, how much in all, at which chain time in seconds. */
export interface Attempt {
  /** Undefined: the payer did not show who it is. */
  readonly payer: Address | undefined
  readonly total: bigint
  readonly now: bigint
}

/** Which of the invoice's own terms an attempt breaks; undefined: none. */
export function refusalOf(invoice: Invoice, { payer, total, now }: Attempt): InvoiceRefusal | undefined {
  if (invoice.payer !== COIN && invoice.payer !== payer) return 'INVOICE_OF_ANOTHER_PAYER'
  if (now > invoice.deadline) return 'INVOICE_EXPIRED'
  if (total <= 0n) return 'INVOICE_UNDERPAID'
  if (invoice.amount === 0n) return total < AMOUNT_BOUND ? undefined : 'INVOICE_OVERPAID'
  if (total > invoice.amount) return 'INVOICE_OVERPAID'
  if (total < invoice.amount && !invoice.partial) return 'INVOICE_UNDERPAID'
  return undefined
}

/** What a payer knows before it pays. */
export interface Intention extends Attempt {
  /** Whom it means to pay, learnt in another way than from the invoice. */
  readonly payee: Address
  /** Whether it paid this invoice, or is paying it: the same key a second time would be a gift to the hops. */
  readonly paid: boolean
}

/** Throws {@link InvoiceRefusedError} unless a payer may take what this invoice, whose signature it has checked, promises in return. */
export function assertDeliverable(invoice: Invoice, attempt: Attempt): void {
  const code = invoice.want.amount === 0n ? 'INVOICE_WANTS_NOTHING' : refusalOf(invoice, attempt)
  if (code) throw new InvoiceRefusedError(code)
}

/** What is swapped for an invoice: paid in one asset, and given in another. */
export interface Delivery {
  readonly paid: Address
  readonly given: Address
  readonly amount: bigint
}

/** Whether an invoice promises this, for all of its amount: no more than it says, since what hops keep of it is the payer's loss. */
export const promises = ({ asset, amount, want }: Invoice, { paid, given, amount: out }: Delivery): boolean =>
  amount > 0n && paid === asset && given === want.asset && given !== paid && out > 0n && out <= want.amount

/** Throws {@link InvoiceRefusedError} unless a payer may pay `total` for this invoice, whose signature it has checked. */
export function assertPayable(invoice: Invoice, intention: Intention): void {
  const code =
    (invoice.payee !== intention.payee && 'INVOICE_OF_ANOTHER_PAYEE') ||
    (intention.paid && 'INVOICE_PAID') ||
    // Paid like any other, it would be paid for nothing.
    (invoice.want.amount > 0n && 'INVOICE_WANTS_DELIVERY') ||
    refusalOf(invoice, intention)
  if (code) throw new InvoiceRefusedError(code)
}
