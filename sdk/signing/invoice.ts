import { toBytes, toHex } from '../core/bytes.ts'
import {
  InvalidInvoiceError,
  type Invoice,
  invoiceDigest,
  memoHashOf,
  type PaymentProof,
  payerDigest,
  type SignedInvoice,
  validateInvoice,
} from '../core/invoice.ts'
import { type OutcomeSource, secretKey } from '../core/outcome.ts'
import { opens } from '../core/points.ts'
import type { Address, Domain, Hex } from '../core/types.ts'
import { verifySignature } from './signature.ts'
import type { SessionSigner } from './signer.ts'

/** Signs an invoice of which `signer` is the payee. Throws {@link InvalidInvoiceError}. */
export function signInvoice(signer: SessionSigner, domain: Domain, invoice: Invoice, memo?: string): SignedInvoice {
  validateInvoice(invoice)
  if (invoice.payee !== signer.address)
    throw new InvalidInvoiceError('payee', `The payee ${invoice.payee} is not the signer ${signer.address}.`)
  const signature = signer.sign(invoiceDigest(domain, invoice))
  return memo === undefined ? { invoice, signature } : { invoice, signature, memo }
}

/** Whether an invoice is valid, signed by its payee for this network, and its memo, if shown, the one that was signed. */
export function verifyInvoice(domain: Domain, { invoice, signature, memo }: SignedInvoice): boolean {
  try {
    validateInvoice(invoice)
  } catch {
    return false
  }
  if (memo !== undefined && toHex(memoHashOf(memo)) !== invoice.memoHash) return false
  return verifySignature(invoiceDigest(domain, invoice), signature, invoice.payee)
}

/** 64 bytes with which `signer` shows the payee that it is the payer of an invoice: for one payment id, so that nobody can reuse it. */
export const signPayer = (signer: SessionSigner, domain: Domain, invoice: Hex, payment: Hex): Uint8Array =>
  signer.sign(payerDigest(domain, invoice, payment))

/** Whether `payer` signed for this payment of this invoice. */
export const verifyPayer = (
  domain: Domain,
  payment: { readonly invoice: Hex; readonly paymentId: Hex; readonly payer: Address; readonly signature: Uint8Array },
): boolean => verifySignature(payerDigest(domain, payment.invoice, payment.paymentId), payment.signature, payment.payer)

/**
 * Whether a receipt proves that the invoice in it was paid: signed by the payee, and the secret behind its key is shown; the scalar
 * behind its point too, if it is there. A receipt without that scalar convinces less: hops may know the secret as well.
 *
 * @param registry The outcome registry that the key was made for.
 */
export function verifyReceipt(domain: Domain, registry: OutcomeSource, receipt: PaymentProof): boolean {
  const { invoice, secret, opening } = receipt
  if (!verifyInvoice(domain, receipt)) return false
  if (secret.length !== 32 || secretKey(registry, secret) !== invoice.key) return false
  return opening === undefined || opens(toBytes(invoice.point, 33), opening)
}
