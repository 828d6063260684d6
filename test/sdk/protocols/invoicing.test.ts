import { expect } from 'chai'
import fc from 'fast-check'
import { fromUint, toBytes } from '../../../sdk/core/bytes.ts'
import type { Invoice } from '../../../sdk/core/invoice.ts'
import { shiftPoint } from '../../../sdk/core/points.ts'
import { AMOUNT_BOUND, ZERO_HASH } from '../../../sdk/core/state.ts'
import { COIN, type Hex } from '../../../sdk/core/types.ts'
import {
  assertDeliverable,
  assertPayable,
  type Intention,
  type InvoiceRefusal,
  InvoiceRefusedError,
  promises,
} from '../../../sdk/protocols/invoice-terms.ts'
import {
  GATHERING_TIME,
  type InvoicePart,
  isStale,
  MAX_GATHERING,
  MAX_PARTS,
  openReceivable,
  type PartRefusal,
  type Receivable,
  type ReceivableEffect,
  type ReceivableEvent,
  stepReceivable,
  type Told,
} from '../../../sdk/protocols/invoicing.ts'
import '../core/arbitraries.ts'

const [alice, bob, mallory] = ['aa', 'bb', 'cc'].map((byte) => `0x${byte.repeat(20)}` as const) as [Hex, Hex, Hex]
const MARGIN = 600n
const NOW = 1_000_000n
const DEADLINE = NOW + 10_000n
const id: Hex = `0x${'1d'.repeat(32)}`
const invoice: Invoice = {
  uri: 'pay://hub.example/bob',
  payee: bob,
  payer: COIN,
  asset: COIN,
  amount: 100n,
  partial: false,
  key: `0x${'11'.repeat(32)}`,
  point: '0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
  deadline: NOW + 3_600n,
  memoHash: ZERO_HASH,
  splits: [],
  want: { asset: COIN, amount: 0n },
  onionKey: ZERO_HASH,
  hints: [],
  nonce: 7n,
}
const paymentId = (n: number): Hex => `0x${n.toString(16).padStart(32, '0')}`
const book = (changes: Partial<Invoice> = {}) => openReceivable({ ...invoice, ...changes }, id, [bob])

/** A part with this share of the payment `n`, in mode `plain`. */
const partOf = (
  name: string,
  amount: bigint,
  told: Partial<Told> = {},
  changes: Partial<InvoicePart> = {},
): InvoicePart => ({
  id: name,
  key: invoice.key,
  asset: COIN,
  amount,
  deadline: DEADLINE,
  lock: undefined,
  told: {
    invoice: id,
    paymentId: paymentId(1),
    asset: COIN,
    amount,
    deadline: DEADLINE,
    total: 100n,
    payer: undefined,
    ...told,
  },
  ...changes,
})
/** The node's clock and the chain's show the same, in other units. */
const part = (one: InvoicePart, now = NOW): ReceivableEvent => ({ kind: 'part', part: one, now, at: millis(now) })
const millis = (time: bigint) => Number(time) * 1_000

/** All effects of events in a row, in short, and the book afterwards. */
function run(start: Receivable, ...events: ReceivableEvent[]): { next: Receivable; said: string[] } {
  return events.reduce(
    ({ next, said }, event) => {
      const step = stepReceivable(next, event, MARGIN)
      return { next: step.next, said: [...said, ...step.effects.map(short)] }
    },
    { next: start, said: [] as string[] },
  )
}
const short = (effect: ReceivableEffect): string =>
  effect.kind === 'release'
    ? `release ${effect.parts.map((each) => each.id).join('+')}`
    : `refuse ${effect.part.id}: ${effect.code}`

const refuses = (start: Receivable, one: InvoicePart, code: PartRefusal, now = NOW) => {
  const { next, said } = run(start, part(one, now))
  expect(said).to.deep.equal([`refuse ${one.id}: ${code}`])
  expect(next).to.deep.equal(start)
}

describe('The payee’s book of an invoice', () => {
  it('releases a payment of one part at once, and is paid', () => {
    const { next, said } = run(book(), part(partOf('a', 100n)))
    expect(said).to.deep.equal(['release a'])
    expect(next).to.include({ status: 'paid' })
    expect(next.paid?.parts.map((each) => each.id)).to.deep.equal(['a'])
  })

  it('releases no part before all of them are locked, and then all', () => {
    const three = [partOf('a', 50n), partOf('b', 30n), partOf('c', 20n)]
    const before = run(book(), part(three[0]!), part(three[2]!, NOW + 9n))
    expect(before.said).to.deep.equal([])
    expect(run(before.next, part(three[1]!, NOW + 20n)).said).to.deep.equal(['release a+c+b'])
  })

  it('sends parts back that wait too long for the others', () => {
    const two = run(book(), part(partOf('a', 50n)), part(partOf('b', 30n), NOW + 50n)).next
    expect(run(two, { kind: 'tick', at: millis(NOW) + GATHERING_TIME }).said).to.deep.equal([])
    const late = run(two, { kind: 'tick', at: millis(NOW) + GATHERING_TIME + 1 })
    expect(late.said).to.deep.equal(['refuse a: PARTS_MISSING', 'refuse b: PARTS_MISSING'])
    // Nothing of it counts for a new attempt.
    expect(run(late.next, part(partOf('c', 20n))).said).to.deep.equal([])
    expect(run(late.next, part(partOf('c', 100n))).said).to.deep.equal(['release c'])
  })

  it('takes no second payment, from the same payer or another one', () => {
    const paid = run(book(), part(partOf('a', 100n))).next
    refuses(paid, partOf('b', 100n), 'INVOICE_PAID')
    refuses(paid, partOf('b', 100n, { paymentId: paymentId(2) }), 'INVOICE_PAID')
  })

  it('sends everybody else’s parts back once it is paid', () => {
    const other = partOf('x', 40n, { paymentId: paymentId(2) })
    expect(run(book(), part(other), part(partOf('a', 60n)), part(partOf('b', 40n))).said).to.deep.equal([
      'release a+b',
      'refuse x: INVOICE_PAID',
    ])
  })

  it('S14 refuses more and less than the invoice asks for', () => {
    refuses(book(), partOf('a', 101n, { total: 101n }), 'INVOICE_OVERPAID')
    refuses(book(), partOf('a', 99n, { total: 99n }), 'INVOICE_UNDERPAID')
    refuses(book(), partOf('a', 1n, { total: 0n }), 'INVOICE_UNDERPAID')
    expect(run(book({ partial: true }), part(partOf('a', 99n, { total: 99n }))).said).to.deep.equal(['release a'])
    refuses(book({ partial: true }), partOf('a', 101n, { total: 101n }), 'INVOICE_OVERPAID')
    for (const amount of [1n, AMOUNT_BOUND - 1n])
      expect(run(book({ amount: 0n }), part(partOf('a', amount, { total: amount }))).said).to.deep.equal(['release a'])
    refuses(book({ amount: 0n }), partOf('a', AMOUNT_BOUND, { total: AMOUNT_BOUND }), 'INVOICE_OVERPAID')
  })

  it('refuses parts that come to more than their total, or name different totals or payers', () => {
    const one = run(book(), part(partOf('a', 60n))).next
    refuses(one, partOf('b', 41n), 'PARTS_DISAGREE')
    refuses(one, partOf('b', 10n, { payer: alice }), 'PARTS_DISAGREE')
    const partial = run(book({ partial: true }), part(partOf('a', 60n))).next
    refuses(partial, partOf('b', 10n, { total: 70n }), 'PARTS_DISAGREE')
  })

  it('refuses a part that comes too late for the invoice, or too near its own deadline', () => {
    expect(run(book(), part(partOf('a', 100n), invoice.deadline)).said).to.deep.equal(['release a'])
    refuses(book(), partOf('a', 100n), 'INVOICE_EXPIRED', invoice.deadline + 1n)
    const near = NOW + MARGIN - 1n
    refuses(book(), partOf('a', 100n, { deadline: near }, { deadline: near }), 'DEADLINE_TOO_NEAR')
    const enough = NOW + MARGIN
    expect(run(book(), part(partOf('a', 100n, { deadline: enough }, { deadline: enough }))).said).to.deep.equal([
      'release a',
    ])
  })

  it('releases nothing if one part’s deadline came too near while it waited', () => {
    const enough = NOW + MARGIN
    const first = partOf('a', 60n, { deadline: enough }, { deadline: enough })
    const { next, said } = run(book(), part(first), part(partOf('b', 40n), NOW + 1n))
    expect(said).to.deep.equal(['refuse a: DEADLINE_TOO_NEAR', 'refuse b: DEADLINE_TOO_NEAR'])
    expect(next).to.deep.equal(book())
  })

  it('refuses another payer than the invoice names, and one who does not show who it is', () => {
    const bound = book({ payer: alice })
    refuses(bound, partOf('a', 100n), 'INVOICE_OF_ANOTHER_PAYER')
    refuses(bound, partOf('a', 100n, { payer: mallory }), 'INVOICE_OF_ANOTHER_PAYER')
    expect(run(bound, part(partOf('a', 100n, { payer: alice }))).said).to.deep.equal(['release a'])
    expect(run(book(), part(partOf('a', 100n, { payer: mallory }))).said).to.deep.equal(['release a'])
  })

  it('refuses what is locked for another invoice, key or asset, or for less than was promised', () => {
    const other: Hex = `0x${'99'.repeat(32)}`
    refuses(book(), partOf('a', 100n, { invoice: other }), 'OTHER_INVOICE')
    refuses(book(), partOf('a', 100n, {}, { key: other }), 'OTHER_KEY')
    refuses(book(), partOf('a', 100n, {}, { asset: alice }), 'OTHER_ASSET')
    refuses(book(), partOf('a', 100n, { asset: alice }), 'OTHER_ASSET')
    refuses(book(), partOf('a', 100n, {}, { amount: 99n }), 'LESS_THAN_PROMISED')
    refuses(book(), partOf('a', 100n, {}, { deadline: DEADLINE - 1n }), 'LESS_THAN_PROMISED')
    refuses(book(), partOf('a', 0n), 'LESS_THAN_PROMISED')
  })

  it('S46 takes nothing for a promise but against its delivery, which pays the invoice', () => {
    const offer = book({ want: { asset: mallory, amount: 7n } })
    refuses(offer, partOf('a', 100n), 'INVOICE_WANTS_DELIVERY')
    const { next, said } = run(offer, { kind: 'delivered' })
    expect([next.status, said]).to.deep.equal(['paid', []])
    expect(() => run(next, { kind: 'cancel' })).to.throw(InvoiceRefusedError)
  })

  it('counts what was promised and not what a hop added', () => {
    const generous = partOf('a', 60n, {}, { amount: 100n, deadline: DEADLINE + 1n })
    expect(run(book(), part(generous)).said).to.deep.equal([])
    expect(run(book(), part(generous), part(partOf('b', 40n))).said).to.deep.equal(['release a+b'])
  })

  it('S40 refuses a part whose point is not the invoice’s plus the shares', () => {
    const share = fromUint(5n, 32)
    const point = shiftPoint(toBytes(invoice.point), share)
    expect(run(book(), part(partOf('a', 100n, {}, { lock: { point, share } }))).said).to.deep.equal(['release a'])
    for (const lock of [
      { point, share: fromUint(6n, 32) },
      { point: toBytes(invoice.point), share },
      { point: point.slice(1), share },
      { point, share: new Uint8Array(32) },
    ])
      refuses(book(), partOf('a', 100n, {}, { lock }), 'OTHER_POINT')
  })

  it('takes a limited number of parts and of payments, and still whoever pays at once', () => {
    const parts = Array.from({ length: MAX_PARTS }, (_, i) => part(partOf(`p${i}`, 1n)))
    refuses(run(book(), ...parts).next, partOf('b', 1n), 'TOO_MANY_PARTS')
    const payments = Array.from({ length: MAX_GATHERING }, (_, i) =>
      part(partOf(`q${i}`, 1n, { paymentId: paymentId(i) })),
    )
    const full = run(book(), ...payments).next
    refuses(full, partOf('b', 1n, { paymentId: paymentId(99) }), 'TOO_MANY_PARTS')
    expect(run(full, part(partOf('c', 1n))).said).to.deep.equal([])
    const said = run(full, part(partOf('b', 100n, { paymentId: paymentId(99) }))).said
    expect(said).to.have.length(1 + MAX_GATHERING)
    expect(said[0]).to.equal('release b')
  })

  it('takes nothing more once it is cancelled, and cannot be cancelled once it is paid', () => {
    const { next, said } = run(book(), part(partOf('a', 60n)), { kind: 'cancel' })
    expect(said).to.deep.equal(['refuse a: INVOICE_CANCELLED'])
    refuses(next, partOf('b', 100n), 'INVOICE_CANCELLED')
    expect(run(next, { kind: 'cancel' }).said).to.deep.equal([])
    const paid = run(book(), part(partOf('a', 100n))).next
    expect(() => stepReceivable(paid, { kind: 'cancel' }, MARGIN))
      .to.throw(InvoiceRefusedError)
      .with.property('code', 'INVOICE_PAID')
  })

  it('S1 does the same again for parts that it is shown again, until they are gone', () => {
    const [a, b] = [partOf('a', 60n), partOf('b', 40n)]
    const waiting = run(book(), part(a), part(a))
    expect(waiting.said).to.deep.equal([])
    const paid = run(waiting.next, part(b)).next
    expect(run(paid, part(a), part(b)).said).to.deep.equal(['release a', 'release b'])
    const half = run(paid, { kind: 'gone', id: 'a' })
    expect(half.said).to.deep.equal([])
    expect(run(half.next, part(b)).said).to.deep.equal(['release b'])
    expect(run(half.next, { kind: 'gone', id: 'b' }).next).to.have.nested.property('paid.parts').that.is.empty
  })

  it('forgets a part whose transfer is gone', () => {
    const { next } = run(book(), part(partOf('a', 60n)), { kind: 'gone', id: 'a' })
    expect(next).to.deep.equal(book())
    const two = run(book(), part(partOf('a', 60n)), part(partOf('b', 10n)), { kind: 'gone', id: 'a' }).next
    expect(run(two, part(partOf('c', 90n))).said).to.deep.equal(['release b+c'])
  })

  it('is forgotten a margin after the deadline, unless it is paid or parts of it wait', () => {
    const [until, of] = [invoice.deadline + MARGIN, (one: Receivable, now: bigint) => isStale(one, now, MARGIN)]
    const stepped = (event: ReceivableEvent) => stepReceivable(book(), event, MARGIN).next
    expect([of(book(), until), of(book(), until + 1n)]).to.deep.equal([false, true])
    expect(of(stepped({ kind: 'cancel' }), until + 1n)).to.equal(true)
    expect(of(stepped(part(partOf('a', 40n))), until + 1n)).to.equal(false)
    expect(of(stepped(part(partOf('a', 100n))), until + 1n)).to.equal(false)
  })

  it('is kept by the invoice’s payee alone', () => {
    expect(() => openReceivable(invoice, id, [alice]))
      .to.throw(InvoiceRefusedError)
      .with.property('code', 'INVOICE_OF_ANOTHER_PAYEE')
  })

  it('keeps its promises in any order of events', () => {
    const told = fc.record({ payment: fc.nat(2), total: fc.constantFrom(100n, 100n, 100n, 60n) })
    const event: fc.Arbitrary<ReceivableEvent> = fc.oneof(
      {
        weight: 8,
        arbitrary: fc
          .record({
            name: fc.nat(30),
            amount: fc.constantFrom(20n, 40n, 60n, 100n),
            told,
            now: fc.bigInt(NOW, NOW + 80n),
          })
          .map(({ name, amount, told: { payment, total }, now }) =>
            // One transfer never changes what it says.
            part(
              partOf(`t${name}-${amount}-${payment}-${total}`, amount, { paymentId: paymentId(payment), total }),
              now,
            ),
          ),
      },
      { weight: 1, arbitrary: fc.bigInt(NOW, NOW + 200n).map((now) => ({ kind: 'tick' as const, at: millis(now) })) },
      { weight: 1, arbitrary: fc.constant({ kind: 'cancel' as const }) },
      { weight: 1, arbitrary: fc.nat(30).map((name) => ({ kind: 'gone' as const, id: `t${name}-40-1-100` })) },
    )
    const ends = { paid: 0, cancelled: 0, open: 0 }
    fc.assert(
      fc.property(fc.boolean(), fc.array(event, { maxLength: 25 }), (partial, events) => {
        let now = book({ partial })
        const released = new Map<string, InvoicePart>()
        for (const each of events) {
          let step: ReturnType<typeof stepReceivable>
          try {
            step = stepReceivable(now, each, MARGIN)
          } catch (error) {
            expect(error).to.be.instanceOf(InvoiceRefusedError)
            expect([each.kind, now.status]).to.deep.equal(['cancel', 'paid'])
            continue
          }
          for (const effect of step.effects) {
            if (effect.kind === 'refuse') {
              // What was released is never refused, and what is refused is no longer kept.
              expect(released.has(effect.part.id)).to.equal(false)
              const kept = [...step.next.gathering, ...(step.next.paid ? [step.next.paid] : [])]
              expect(kept.flatMap(({ parts }) => parts.map((one) => one.id))).to.not.include(effect.part.id)
            } else {
              expect(step.next.status).to.equal('paid')
              for (const one of effect.parts) released.set(one.id, one)
            }
          }
          // Once paid or cancelled, always so.
          if (now.status !== 'open') expect(step.next.status).to.equal(now.status)
          now = step.next
          for (const { parts, total } of now.gathering)
            expect(parts.reduce((sum, one) => sum + one.told.amount, 0n) < total).to.equal(true)
        }
        ends[now.status]++
        const all = [...released.values()]
        expect(all.length > 0).to.equal(now.status === 'paid')
        if (all.length === 0) return
        // One payment, whole, for what the invoice takes.
        expect(new Set(all.map((one) => one.told.paymentId)).size).to.equal(1)
        const sum = all.reduce((total, one) => total + one.told.amount, 0n)
        expect(sum).to.equal(all[0]!.told.total)
        expect(sum === 100n || partial).to.equal(true)
      }),
      { numRuns: 500 },
    )
    expect(Math.min(...Object.values(ends))).to.be.greaterThan(20)
  })
})

describe('A payer before it pays', () => {
  const intention: Intention = { payer: alice, payee: bob, total: 100n, now: NOW, paid: false }
  const refused = (code: InvoiceRefusal, changed: Partial<Intention>, terms: Partial<Invoice> = {}) =>
    expect(() => assertPayable({ ...invoice, ...terms }, { ...intention, ...changed }))
      .to.throw(InvoiceRefusedError)
      .with.property('code', code)

  it('may pay what the invoice asks for', () => {
    assertPayable(invoice, intention)
    assertPayable({ ...invoice, payer: alice }, intention)
    assertPayable({ ...invoice, amount: 0n }, { ...intention, total: 5n })
    assertPayable({ ...invoice, partial: true }, { ...intention, total: 5n })
  })

  it('S14 is stopped before it pays another amount, a second time, too late, or for somebody else', () => {
    refused('INVOICE_OVERPAID', { total: 101n })
    refused('INVOICE_UNDERPAID', { total: 99n })
    refused('INVOICE_UNDERPAID', { total: 0n }, { amount: 0n })
    refused('INVOICE_PAID', { paid: true })
    refused('INVOICE_EXPIRED', { now: invoice.deadline + 1n })
    refused('INVOICE_OF_ANOTHER_PAYER', {}, { payer: mallory })
    refused('INVOICE_OF_ANOTHER_PAYEE', { payee: mallory })
    refused('INVOICE_WANTS_DELIVERY', {}, { want: { asset: mallory, amount: 1n } })
  })

  it('S46 may take what an invoice promises for all of its amount, and no more of it, nor anything else', () => {
    const offer = { ...invoice, want: { asset: mallory, amount: 7n } }
    const attempt = { payer: alice, total: 100n, now: NOW }
    assertDeliverable(offer, attempt)
    const codeOf = (terms: Partial<Invoice>, now = NOW) =>
      expect(() => assertDeliverable({ ...offer, ...terms }, { ...attempt, now })).to.throw(InvoiceRefusedError)
    codeOf({ want: { asset: COIN, amount: 0n } }).with.property('code', 'INVOICE_WANTS_NOTHING')
    codeOf({ payer: bob }).with.property('code', 'INVOICE_OF_ANOTHER_PAYER')
    codeOf({}, invoice.deadline + 1n).with.property('code', 'INVOICE_EXPIRED')
    const delivery = { paid: offer.asset, given: mallory, amount: 7n }
    for (const amount of [1n, 7n]) expect(promises(offer, { ...delivery, amount })).to.equal(true)
    for (const wrong of [{ amount: 8n }, { amount: 0n }, { given: alice }, { paid: alice }, { paid: mallory }])
      expect(promises(offer, { ...delivery, ...wrong })).to.equal(false)
    expect(promises({ ...offer, amount: 0n }, delivery)).to.equal(false)
    expect(promises(invoice, { ...delivery, given: COIN, amount: 0n })).to.equal(false)
  })
})
