import { expect } from 'chai'
import { TypedDataEncoder } from 'ethers'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import {
  divideInvoice,
  hashInvoice,
  INVOICE_TYPE,
  InvalidInvoiceError,
  type Invoice,
  invoiceDigest,
  NOTHING_WANTED,
  PAYER_TYPE,
  payerDigest,
  validateInvoice,
} from '../../../sdk/core/invoice.ts'
import { AMOUNT_BOUND, ZERO_HASH } from '../../../sdk/core/state.ts'
import { COIN, type Hex } from '../../../sdk/core/types.ts'
import { bytes32, domain, invoice } from './arbitraries.ts'

const example: Invoice = {
  uri: 'pay://hub.example/alice',
  payee: `0x${'aa'.repeat(20)}`,
  payer: COIN,
  asset: COIN,
  amount: 1_000n,
  partial: false,
  key: `0x${'11'.repeat(32)}`,
  point: '0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
  deadline: 1_900_000_000n,
  memoHash: ZERO_HASH,
  splits: [],
  want: NOTHING_WANTED,
  onionKey: ZERO_HASH,
  hints: [],
  nonce: 7n,
}

const typesOf = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/(\w+)\(([^)]*)\)/g)].map(([, name, fields]) => [
      name!,
      fields!.split(',').map((field) => ({ type: field.split(' ')[0]!, name: field.split(' ')[1]! })),
    ]),
  )
const refuses = (changed: Partial<Record<keyof Invoice, unknown>>, field: keyof Invoice) =>
  expect(() => validateInvoice({ ...example, ...changed } as Invoice), JSON.stringify(Object.keys(changed)))
    .to.throw(InvalidInvoiceError)
    .with.property('field', field)

describe('Invoice', () => {
  it('S16 has the digest that ethers computes', () => {
    fc.assert(
      fc.property(domain, invoice, (where, { invoice: any }) => {
        const eip712 = {
          name: 'Tallystick',
          version: '1',
          chainId: where.chainId,
          verifyingContract: where.adjudicator,
        }
        expect(toHex(hashInvoice(any))).to.equal(TypedDataEncoder.hashStruct('Invoice', typesOf(INVOICE_TYPE), any))
        expect(toHex(invoiceDigest(where, any))).to.equal(
          TypedDataEncoder.hash(eip712, typesOf(INVOICE_TYPE), { ...any }),
        )
      }),
    )
  })

  it('S16 has a payer’s digest that ethers computes', () => {
    fc.assert(
      fc.property(domain, bytes32, bytes32, (where, id, long) => {
        const payment = long.slice(0, 34) as Hex
        const eip712 = {
          name: 'Tallystick',
          version: '1',
          chainId: where.chainId,
          verifyingContract: where.adjudicator,
        }
        expect(toHex(payerDigest(where, id, payment))).to.equal(
          TypedDataEncoder.hash(eip712, typesOf(PAYER_TYPE), { invoice: id, payment }),
        )
      }),
    )
  })

  it('is valid as its fields allow', () => {
    validateInvoice(example)
    fc.assert(fc.property(invoice, ({ invoice: any }) => validateInvoice(any)))
  })

  it('has another digest if any field changes', () => {
    const others: Partial<Invoice>[] = [
      { uri: 'pay://hub.example/bob' },
      { payee: `0x${'ab'.repeat(20)}` },
      { payer: `0x${'ab'.repeat(20)}` },
      { asset: `0x${'ab'.repeat(20)}` },
      { amount: 1_001n },
      { partial: true },
      { key: `0x${'12'.repeat(32)}` },
      { point: '0x0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798' },
      { deadline: 1_900_000_001n },
      { memoHash: `0x${'12'.repeat(32)}` },
      { splits: [{ to: example.payee, share: 1n }] },
      { splits: [{ to: example.payee, share: 2n }] },
      { want: { asset: COIN, amount: 1n } },
      { onionKey: example.key },
      { hints: [{ onionKey: example.key, channelId: example.key }] },
      { nonce: 8n },
    ]
    const digests = [example, ...others.map((other) => ({ ...example, ...other }))].map((each) =>
      toHex(hashInvoice(each)),
    )
    expect(new Set(digests).size).to.equal(digests.length)
  })

  it('is refused with a payment address that is none, too long, or readable in two ways', () => {
    for (const uri of [
      '',
      'pay://',
      'http://hub.example',
      'pay://hub example',
      'pay://hüb.example',
      'pay://a\n',
      `pay://${'a'.repeat(250)}`,
    ])
      refuses({ uri }, 'uri')
    validateInvoice({ ...example, uri: `pay://${'a'.repeat(249)}` })
  })

  it('is refused with addresses, keys or points that are not in their one form', () => {
    for (const bad of [
      '0xAA',
      `0x${'AA'.repeat(20)}`,
      `0x${'aa'.repeat(19)}`,
      'aa'.repeat(21),
      `0x${'gg'.repeat(20)}`,
      undefined,
      5,
    ])
      for (const field of ['payee', 'payer', 'asset'] as const) refuses({ [field]: bad }, field)
    for (const bad of ['0x', `0x${'AA'.repeat(32)}`, `0x${'aa'.repeat(31)}`, null])
      for (const field of ['key', 'memoHash', 'onionKey'] as const) refuses({ [field]: bad }, field)
    for (const bad of [
      `0x${'00'.repeat(33)}`,
      `0x04${'11'.repeat(32)}`,
      `0x02${'ff'.repeat(32)}`,
      `${example.point}00`,
    ])
      refuses({ point: bad }, 'point')
    refuses({ payee: COIN }, 'payee')
    refuses({ key: ZERO_HASH }, 'key')
  })

  it('is refused with numbers out of bounds', () => {
    for (const amount of [-1n, AMOUNT_BOUND, 5, undefined]) refuses({ amount }, 'amount')
    for (const deadline of [0n, -1n, 1n << 64n, 1_900_000_000]) refuses({ deadline }, 'deadline')
    for (const nonce of [-1n, 1n << 128n, 7]) refuses({ nonce }, 'nonce')
    refuses({ amount: 0n, partial: true }, 'partial')
    refuses({ partial: 1 }, 'partial')
    validateInvoice({ ...example, amount: 0n })
    validateInvoice({ ...example, partial: true })
  })

  it('is refused with splits out of order, of nothing, or of more than there is', () => {
    const split = (byte: string, share: bigint) => ({ to: `0x${byte.repeat(20)}`, share })
    const half = 5n * 10n ** 17n
    for (const splits of [
      [split('22', 1n), split('11', 1n)],
      [split('11', 1n), split('11', 1n)],
      [split('00', 1n)],
      [split('11', 0n)],
      [split('11', half), split('22', half), split('33', 1n)],
      [split('11', 2n * half + 1n)],
      Array.from({ length: 17 }, (_, i) => split((i + 16).toString(16), 1n)),
    ])
      refuses({ splits }, 'splits')
    validateInvoice({ ...example, splits: [split('11', half), split('22', half)] as Invoice['splits'] })
  })

  it('is refused if it wants an asset without an amount, or hints at a way to nowhere', () => {
    refuses({ want: { asset: example.payee, amount: 0n } }, 'want')
    refuses({ want: { asset: COIN, amount: AMOUNT_BOUND } }, 'want')
    const hint = { onionKey: example.key, channelId: example.key }
    refuses({ hints: [hint] }, 'hints')
    refuses({ onionKey: example.key, hints: [hint, hint, hint, hint, hint] }, 'hints')
    refuses({ onionKey: example.key, hints: [{ ...hint, channelId: '0x11' }] }, 'hints')
    validateInvoice({ ...example, onionKey: example.key, hints: [hint, hint, hint, hint] })
  })

  it('S41 divides an amount to the last unit', () => {
    fc.assert(
      fc.property(invoice, fc.bigInt(0n, AMOUNT_BOUND), ({ invoice: any }, amount) => {
        const parts = divideInvoice(any, amount)
        expect(parts.reduce((sum, part) => sum + part.amount, 0n)).to.equal(amount)
        expect(parts.map(({ to }) => to)).to.deep.equal([...any.splits.map(({ to }) => to), any.payee])
        expect(parts.every((part) => part.amount >= 0n)).to.equal(true)
      }),
    )
    const third = { to: `0x${'11'.repeat(20)}` as const, share: 333_333_333_333_333_333n }
    expect(divideInvoice({ ...example, splits: [third] }, 100n).map(({ amount }) => amount)).to.deep.equal([33n, 67n])
  })
})
