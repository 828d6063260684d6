import { expect } from 'chai'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { MalformedBytesError } from '../../../sdk/core/codec.ts'
import { InvalidInvoiceError, type SignedInvoice } from '../../../sdk/core/invoice.ts'
import {
  decodeInvoice,
  encodeInvoice,
  InvoiceTextError,
  MAX_INVOICE_TEXT,
  packInvoice,
  unpackInvoice,
} from '../../../sdk/core/invoice-text.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Domain } from '../../../sdk/core/types.ts'
import { domain, invoice } from './arbitraries.ts'

const signature = fc.oneof(...[64, 65].map((size) => fc.uint8Array({ minLength: size, maxLength: size })))
const signed: fc.Arbitrary<SignedInvoice> = fc
  .tuple(invoice, signature, fc.boolean())
  .map(([{ invoice: any, memo }, by, shown]) =>
    memo !== undefined && shown ? { invoice: any, signature: by, memo } : { invoice: any, signature: by },
  )
const here: Domain = { chainId: 1n, adjudicator: `0x${'ad'.repeat(20)}` }
const example = fc.sample(signed, { numRuns: 1, seed: 3 })[0]!
const text = encodeInvoice(here, example)

const unreadable = (bad: string) =>
  expect(() => decodeInvoice(here, bad), bad)
    .to.throw(InvoiceTextError)
    .with.property('code', 'INVOICE_UNREADABLE')

describe('Invoice text', () => {
  it('S16 says the same after it was written and read, in capitals and in small letters', () => {
    fc.assert(
      fc.property(domain, signed, (where, any) => {
        const written = encodeInvoice(where, any)
        expect(written).to.match(/^TALLY1[A-Z0-9]+$/)
        expect(decodeInvoice(where, written)).to.deep.equal(any)
        expect(decodeInvoice(where, written.toLowerCase())).to.deep.equal(any)
      }),
    )
  })

  it('fits a QR code, whatever is in it', () => {
    const most: SignedInvoice = {
      invoice: {
        ...example.invoice,
        uri: `pay://${'a'.repeat(249)}`,
        payer: example.invoice.payee,
        memoHash: ZERO_HASH,
        splits: Array.from({ length: 16 }, (_, i) => ({
          to: `0x${(i + 16).toString(16).repeat(20)}`,
          share: 6n * 10n ** 16n,
        })),
        want: { asset: example.invoice.payee, amount: 2n ** 106n - 1n },
        onionKey: example.invoice.key,
        hints: Array.from({ length: 4 }, () => ({ onionKey: example.invoice.key, channelId: example.invoice.key })),
        nonce: 2n ** 128n - 1n,
      },
      signature: new Uint8Array(65),
    }
    // A memo of 256 bytes is 224 bytes longer than its hash.
    expect(encodeInvoice({ ...here, chainId: 2n ** 256n - 1n }, most).length + 400).to.be.lessThan(MAX_INVOICE_TEXT)
    const usual: SignedInvoice = {
      invoice: {
        ...example.invoice,
        uri: 'pay://hub.example/alice',
        amount: 10n ** 18n,
        deadline: 1_900_000_000n,
        memoHash: ZERO_HASH,
        splits: [],
        hints: [],
      },
      signature: new Uint8Array(64),
    }
    expect(encodeInvoice(here, usual).length).to.be.lessThan(600)
  })

  it('S15 is refused with any character changed, and in mixed case', () => {
    const letters = 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'
    fc.assert(
      fc.property(fc.integer({ min: 6, max: text.length - 1 }), fc.nat(31), (at, letter) => {
        const changed = text.slice(0, at) + letters[letter] + text.slice(at + 1)
        if (changed === text) return
        unreadable(changed)
      }),
      { numRuns: 300 },
    )
    unreadable(text.slice(0, 60).toLowerCase() + text.slice(60))
    unreadable(`tally1${text.slice(6)}`)
    unreadable(`TALLY1${text.slice(6).toLowerCase()}`)
  })

  it('S15 is refused cut short, lengthened, with another prefix, or as something else', () => {
    for (const bad of [
      '',
      'TALLY1',
      text.slice(0, -1),
      `${text}Q`,
      ` ${text}`,
      `${text}\n`,
      text.replace('TALLY1', 'TALLY11'),
      text.replace('TALLY1', 'LNBC1'),
      // The one-character flaw of bech32 without the m.
      `${text.slice(0, -1)}Q${text.at(-1)}`,
      'tally1ıİ',
      `TALLY1${'Q'.repeat(5_000)}`,
    ])
      unreadable(bad)
    for (const bad of [undefined, null, 5, {}]) unreadable(bad as unknown as string)
  })

  it('C4 is refused on another chain or with another adjudicator, which the error names', () => {
    const elsewhere = [
      { ...here, chainId: 2n },
      { ...here, adjudicator: `0x${'ae'.repeat(20)}` as const },
    ]
    for (const where of elsewhere)
      expect(() => decodeInvoice(where, text))
        .to.throw(InvoiceTextError)
        .that.deep.includes({ code: 'INVOICE_OF_ANOTHER_NETWORK', found: here })
    expect(decodeInvoice({ ...here, adjudicator: `0x${'AD'.repeat(20)}` }, text)).to.deep.equal(example)
  })

  it('S15 is refused as damaged bytes, or has the one form that writing it gives', () => {
    const damaged = fc.tuple(signed, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([any, at, value]) => {
      const good = packInvoice(here, any)
      return good.with(at % good.length, value).slice(0, at % 4 === 0 ? at % good.length : undefined)
    })
    let read = 0
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 400 })), (bytes) => {
        let found: SignedInvoice
        try {
          found = unpackInvoice(here, bytes)
        } catch (error) {
          expect([MalformedBytesError, InvoiceTextError, InvalidInvoiceError]).to.include((error as Error).constructor)
          return
        }
        read++
        expect(toHex(packInvoice(here, found))).to.equal(toHex(bytes))
      }),
      { numRuns: 500 },
    )
    expect(read).to.be.greaterThan(50)
  })

  it('S16 is refused in a second form: a zero where nothing should stand', () => {
    const plain: SignedInvoice = {
      invoice: { ...example.invoice, payer: `0x${'00'.repeat(20)}`, memoHash: ZERO_HASH },
      signature: new Uint8Array(64),
    }
    const bytes = packInvoice(here, plain)
    const at = 1 + 2 + 20 + 1 + plain.invoice.uri.length + 20
    const doubled = Uint8Array.of(...bytes.slice(0, at), 1, ...new Uint8Array(20), ...bytes.slice(at + 1))
    expect(bytes[at]).to.equal(0)
    expect(() => unpackInvoice(here, doubled)).to.throw(MalformedBytesError, 'not in its one form')
  })

  it('is not written with a memo that was not signed, or a signature of another size', () => {
    const writes = (any: SignedInvoice) => expect(() => encodeInvoice(here, any)).to.throw(InvalidInvoiceError)
    const bare = { invoice: example.invoice, signature: new Uint8Array(64) }
    writes({ ...bare, memo: 'something else' }).with.property('field', 'memo')
    writes({ ...bare, memo: '\ud800' }).with.property('field', 'memo')
    writes({ ...bare, memo: 'é'.repeat(129) }).with.property('field', 'memo')
    writes({ ...bare, signature: new Uint8Array(63) }).with.property('field', 'signature')
    writes({ ...bare, invoice: { ...example.invoice, amount: -1n } }).with.property('field', 'amount')
  })

  it('S15 reads a version of the future as unreadable', () => {
    expect(() => unpackInvoice(here, packInvoice(here, example).with(0, 2))).to.throw(InvoiceTextError, 'version 2')
  })
})
