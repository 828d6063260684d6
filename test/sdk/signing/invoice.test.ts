import { expect } from 'chai'
import { Wallet } from 'ethers'
import fc from 'fast-check'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import {
  hashInvoice,
  InvalidInvoiceError,
  type Invoice,
  memoHashOf,
  type PaymentProof,
} from '../../../sdk/core/invoice.ts'
import { secretKey } from '../../../sdk/core/outcome.ts'
import { addScalars, lockPoints, pointOf, subtractScalar } from '../../../sdk/core/points.ts'
import type { Address, Domain } from '../../../sdk/core/types.ts'
import { signInvoice, signPayer, verifyInvoice, verifyPayer, verifyReceipt } from '../../../sdk/signing/invoice.ts'
import { sessionSigner } from '../../../sdk/signing/session.ts'
import { invoiceMessage } from '../../../sdk/signing/typed-data.ts'
import { invoice } from '../core/arbitraries.ts'

const here: Domain = { chainId: 1n, adjudicator: `0x${'ad'.repeat(20)}` }
const there: Domain = { ...here, chainId: 2n }
const registry = { chainId: 1n, condition: `0x${'5e'.repeat(20)}` as const }
const bob = sessionSigner(new Uint8Array(32).fill(7))
const mallory = sessionSigner(new Uint8Array(32).fill(8))
const secret = new Uint8Array(32).fill(0x5e)
const z = new Uint8Array(32).fill(0x2a)
const base: Invoice = {
  ...fc.sample(invoice, { numRuns: 1, seed: 1 })[0]!.invoice,
  payee: bob.address,
  key: secretKey(registry, secret),
  point: toHex(pointOf(z)),
  memoHash: toHex(memoHashOf('tea')),
}
const signed = signInvoice(bob, here, base, 'tea')

describe('Signing invoices', () => {
  it('makes what verifies here, and nowhere else', () => {
    expect(verifyInvoice(here, signed)).to.equal(true)
    expect(verifyInvoice(there, signed)).to.equal(false)
    expect(verifyInvoice({ ...here, adjudicator: bob.address }, signed)).to.equal(false)
  })

  it('S14 counts for no other amount, payee, memo, or any other field', () => {
    let differing = 0
    fc.assert(
      fc.property(
        invoice,
        fc.constantFrom(...(Object.keys(base) as (keyof Invoice)[])),
        ({ invoice: other }, field) => {
          const changed = { ...base, [field]: other[field] }
          const same = toHex(hashInvoice(changed)) === toHex(hashInvoice(base))
          expect(verifyInvoice(here, { invoice: changed, signature: signed.signature }), field).to.equal(same)
          if (!same) differing++
        },
      ),
    )
    expect(differing).to.be.greaterThan(50)
    expect(verifyInvoice(here, { ...signed, memo: 'coffee' })).to.equal(false)
    expect(verifyInvoice(here, { invoice: base, signature: signed.signature })).to.equal(true)
  })

  it('C14 takes no signature of anybody else, or damaged in any byte', () => {
    const forged = { ...base, payee: mallory.address }
    expect(verifyInvoice(here, { ...signed, signature: signInvoice(mallory, here, forged).signature })).to.equal(false)
    fc.assert(
      fc.property(fc.nat(63), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const signature = signed.signature.with(at, signed.signature[at]! ^ mask)
        expect(verifyInvoice(here, { ...signed, signature })).to.equal(false)
      }),
    )
    for (const size of [0, 63, 66])
      expect(verifyInvoice(here, { ...signed, signature: new Uint8Array(size) })).to.equal(false)
  })

  it('takes an owner’s wallet as well as a session key', async () => {
    const owner = new Wallet(`0x${'77'.repeat(32)}`)
    const own = { ...base, payee: owner.address.toLowerCase() as Address }
    const { domain, types, message } = invoiceMessage(here, own)
    const signature = toBytes(await owner.signTypedData(domain, types, message))
    expect(verifyInvoice(here, { invoice: own, signature })).to.equal(true)
  })

  it('refuses to sign for another payee, or what is not valid', () => {
    expect(() => signInvoice(mallory, here, base))
      .to.throw(InvalidInvoiceError)
      .with.property('field', 'payee')
    expect(() => signInvoice(bob, here, { ...base, amount: -1n })).to.throw(InvalidInvoiceError)
    expect(verifyInvoice(here, { ...signed, invoice: { ...base, amount: -1n } })).to.equal(false)
  })

  it('shows who pays, for one payment of one invoice', () => {
    const [id, payment] = [base.key, `0x${'33'.repeat(16)}`] as const
    const proof = {
      invoice: id,
      paymentId: payment,
      payer: mallory.address,
      signature: signPayer(mallory, here, id, payment),
    }
    expect(verifyPayer(here, proof)).to.equal(true)
    expect(verifyPayer(there, proof)).to.equal(false)
    expect(verifyPayer(here, { ...proof, payer: bob.address })).to.equal(false)
    expect(verifyPayer(here, { ...proof, paymentId: `0x${'34'.repeat(16)}` })).to.equal(false)
    expect(verifyPayer(here, { ...proof, invoice: base.memoHash })).to.equal(false)
  })
})

describe('Proof of payment', () => {
  const shares = [3, 4, 5].map((byte) => new Uint8Array(32).fill(byte))
  // What the payer gets from the first hop, less its own share, is the payee's z.
  const first = subtractScalar(subtractScalar(addScalars(z, ...shares), shares[2]!), shares[1]!)
  const receipt: PaymentProof = { ...signed, secret, opening: subtractScalar(first, shares[0]!) }

  it('proves to anybody that the invoice was paid', () => {
    expect(lockPoints(pointOf(z), shares).map(toHex)[0]).to.equal(toHex(pointOf(first)))
    expect(verifyReceipt(here, registry, receipt)).to.equal(true)
    const { opening: _, ...secretOnly } = receipt
    expect(verifyReceipt(here, registry, secretOnly)).to.equal(true)
  })

  it('proves nothing with another secret, scalar, registry, network or signature', () => {
    const not = (changed: Partial<PaymentProof>) =>
      expect(verifyReceipt(here, registry, { ...receipt, ...changed }), Object.keys(changed)[0]).to.equal(false)
    not({ secret: secret.with(0, 1) })
    not({ secret: secret.slice(1) })
    not({ opening: first })
    not({ opening: new Uint8Array(32) })
    not({ opening: new Uint8Array(31) })
    not({ signature: mallory.sign(new Uint8Array(32)) })
    not({ invoice: { ...base, amount: base.amount + 1n } })
    not({ invoice: { ...base, point: '0x00' } })
    not({ memo: 'coffee' })
    expect(verifyReceipt(there, registry, receipt)).to.equal(false)
    expect(verifyReceipt(here, { ...registry, chainId: 2n }, receipt)).to.equal(false)
  })
})
