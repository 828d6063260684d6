import { expect } from 'chai'
import fc from 'fast-check'
import { WHOLE } from '../../../sdk/core/outcome.ts'
import { laneWordOf, validateState } from '../../../sdk/core/state.ts'
import { MAX_TRANSFERS, transfersRoot } from '../../../sdk/core/transfer.ts'
import type { Hex, Transfer } from '../../../sdk/core/types.ts'
import { decodeOperations, encodeOperations, type Operation } from '../../../sdk/protocols/operations.ts'
import { PAID_IN_FULL, type Resolution } from '../../../sdk/protocols/pending.ts'
import {
  decodeEntry,
  decodeLedger,
  encodeEntry,
  encodeLedger,
  readBack,
  restoreLedger,
} from '../../../sdk/protocols/record.ts'
import { entitlement, spendable } from '../../../sdk/protocols/solvency.ts'
import type { LedgerEffect } from '../../../sdk/protocols/step.ts'
import { facts, link, NOW, pair, REF, request, type Side, settlePayment } from './sides.ts'

const KEY: Hex = `0x${'5e'.repeat(32)}`
const NO_BYTES = new Uint8Array(0)
const id = (index: number): Hex => `0x${index.toString(16).padStart(32, '0')}`

/** A hash lock from member 0 to member 1. */
const transfer = (amount: bigint, over: Partial<Transfer> = {}): Transfer => ({
  amount,
  deadline: NOW + 3_600n,
  refundTo: 0,
  legs: [{ to: 1, key: KEY }],
  ...over,
})
const lock = (index: number, amount: bigint, over: Partial<Transfer> = {}): Operation => ({
  kind: 'lock',
  id: id(index),
  transfer: transfer(amount, over),
  note: NO_BYTES,
})
const resolve = (index: number, resolution: Resolution): Operation => ({ kind: 'resolve', id: id(index), resolution })
const CANCEL: Resolution = { kind: 'cancel', residual: 0n }

describe('locked transfers', () => {
  let alice: Side
  let bob: Side
  beforeEach(() => {
    ;[alice, bob] = pair()
  })

  /** Alice writes, bob takes it in and acknowledges. */
  function agree(...operations: Operation[]): void {
    bob.hear(alice.write(...operations).updates)
    expect(bob.violation).to.equal(undefined)
    alice.hear(bob.feed({ kind: 'acknowledge' }).updates)
  }
  const asks = (index: number, resolution: Resolution) =>
    alice.hear(bob.feed({ kind: 'ask', id: id(index), resolution, proof: NO_BYTES }).sent[0]!)
  const credits = ({ ledger }: Side) => ledger.own.newest.credits

  it('leave the payer at once and reach the payee only when they are unlocked', () => {
    agree(lock(1, 100n))
    for (const { ledger } of [alice, bob]) {
      expect([spendable(ledger, 0), spendable(ledger, 1)]).to.deep.equal([900n, 1_000n])
      expect([entitlement(ledger, 0), entitlement(ledger, 1)]).to.deep.equal([900n, 1_000n])
    }
    agree(resolve(1, PAID_IN_FULL))
    for (const { ledger } of [alice, bob])
      expect([spendable(ledger, 0), spendable(ledger, 1)]).to.deep.equal([900n, 1_100n])
    expect(alice.ledger.own.newest.locked).to.equal(0n)
  })

  it('are signed for with their root, in the order in which they were locked', () => {
    agree(lock(1, 5n), lock(2, 7n), lock(3, 11n))
    agree(resolve(2, PAID_IN_FULL), lock(4, 13n))
    const { newest, pending } = alice.ledger.own
    const transfers = [5n, 11n, 13n].map((amount) => transfer(amount))
    expect(newest).to.include({ locked: 29n, transfersRoot: transfersRoot(transfers) })
    expect(pending.list.transfers).to.deep.equal(transfers)
    expect(bob.ledger.peer.pending).to.deep.equal(pending)
    expect(bob.ledger.peer.newest).to.deep.equal(newest)
    validateState(newest)
  })

  it('come with payments under one signature', () => {
    const effects = alice.write(lock(1, 5n), ...decodeOperations(encodeOperations([lock(2, 6n)]))).effects
    expect(effects.filter(({ kind }) => kind === 'record')).to.have.length(1)
  })

  it('S13 come back to the payer only if the payee asked for that', () => {
    agree(lock(1, 100n))
    expect(bob.hear(alice.write(resolve(1, CANCEL)).updates).violation?.message).to.match(/takes back .* unasked/)
  })

  it('S13 come back at once when the payee asked, and count once it acknowledged that', () => {
    agree(lock(1, 100n))
    asks(1, CANCEL)
    expect(alice.news).to.deep.equal([{ kind: 'asked', id: id(1), resolution: CANCEL, proof: NO_BYTES }])
    const update = alice.write(resolve(1, CANCEL)).updates
    expect(spendable(alice.ledger, 0)).to.equal(900n)
    bob.hear(update)
    expect(bob.violation).to.equal(undefined)
    expect(bob.ledger.asks.size).to.equal(0)
    alice.hear(bob.feed({ kind: 'acknowledge' }).updates)
    expect(spendable(alice.ledger, 0)).to.equal(1_000n)
    expect(spendable(bob.ledger, 0)).to.equal(1_000n)
  })

  it('S13 do not come back in another way than the payee asked for', () => {
    agree(lock(1, 100n))
    asks(1, { kind: 'cancel', residual: 7n })
    expect(bob.hear(alice.write(resolve(1, CANCEL)).updates).violation).to.not.equal(undefined)
    ;[alice, bob] = pair()
    agree(lock(1, 100n))
    asks(1, { kind: 'unlock', values: [WHOLE / 2n] })
    const tenth: Resolution = { kind: 'unlock', values: [WHOLE / 10n] }
    expect(bob.hear(alice.write(resolve(1, tenth)).updates).violation).to.not.equal(undefined)
  })

  it('S10 may be asked for again while the cancel is on its way', () => {
    agree(lock(1, 100n))
    const asked = bob.feed({ kind: 'ask', id: id(1), resolution: { kind: 'cancel', residual: 7n }, proof: NO_BYTES })
      .sent[0]!
    alice.hear(asked)
    alice.write(resolve(1, { kind: 'cancel', residual: 7n }))
    alice.hear(asked)
    expect(alice.violation).to.equal(undefined)
    expect(alice.news).to.deep.equal([])
    expect(
      alice.hear({ ...asked, resolution: { kind: 'cancel', residual: 8n } } as typeof asked).violation,
    ).to.not.equal(undefined)
  })

  it('leave a residual locked, which is asked for anew', () => {
    agree(lock(1, 100n), lock(2, 1n))
    asks(1, { kind: 'cancel', residual: 7n })
    agree(resolve(1, { kind: 'cancel', residual: 7n }))
    expect(bob.ledger.peer.pending.list.transfers).to.deep.equal([transfer(7n), transfer(1n)])
    expect(spendable(alice.ledger, 0)).to.equal(992n)
    expect(bob.hear(alice.write(resolve(1, CANCEL)).updates).violation).to.not.equal(undefined)
  })

  it('can be paid in part by agreement: legs in order, the rest to the refund', () => {
    const legs = [
      { to: 1, key: KEY },
      { to: 0, key: KEY },
    ]
    agree(lock(1, 100n, { legs, refundTo: 1 }))
    asks(1, { kind: 'unlock', values: [WHOLE / 4n, WHOLE / 2n] })
    agree(resolve(1, { kind: 'unlock', values: [WHOLE / 4n, WHOLE / 2n] }))
    expect(credits(alice)).to.deep.equal([-50n, 50n])
  })

  it('may be given away by the payer at any time', () => {
    agree(lock(1, 100n))
    asks(1, CANCEL)
    agree(resolve(1, PAID_IN_FULL))
    expect(spendable(bob.ledger, 1)).to.equal(1_100n)
  })

  it('are asked for with a wish that may be widened, never narrowed', () => {
    agree(lock(1, 100n))
    const ask = (residual: bigint) =>
      bob.feed({ kind: 'ask', id: id(1), resolution: { kind: 'cancel', residual }, proof: NO_BYTES })
    ask(5n)
    expect(() => ask(6n).feed({ kind: 'ask', id: id(1), resolution: PAID_IN_FULL, proof: NO_BYTES })).to.not.throw()
    ask(0n)
    expect(bob.ledger.asks.get(id(1))).to.deep.equal(CANCEL)
    const half: Resolution = { kind: 'unlock', values: [WHOLE / 2n] }
    expect(() => bob.feed({ kind: 'ask', id: id(1), resolution: half, proof: NO_BYTES })).to.throw(/asked first/)
    expect(() => bob.feed({ kind: 'ask', id: id(2), resolution: CANCEL, proof: NO_BYTES })).to.throw(/no transfer/)
  })

  it('are not asked for twice in vain: what is resolved already is passed over', () => {
    agree(lock(1, 100n))
    const [late] = bob.feed({ kind: 'ask', id: id(1), resolution: CANCEL, proof: NO_BYTES }).sent
    agree(resolve(1, PAID_IN_FULL))
    expect(alice.hear(late!).effects).to.deep.equal([])
  })

  it('S15 are refused by the reader where they break a bound', () => {
    const { updates, ...rest } = alice.write(lock(1, 5n)).updates
    const bad: Operation[][] = [
      [lock(1, 0n)],
      [lock(1, 5n), lock(1, 5n)],
      [lock(1, 5n, { refundTo: 2 })],
      [lock(1, 5n, { legs: [] })],
      [lock(1, 5n, { legs: [{ to: 2, key: KEY }] })],
      [resolve(7, PAID_IN_FULL)],
      [lock(1, 5n), resolve(1, { kind: 'unlock', values: [WHOLE + 1n] })],
      [lock(1, 5n), resolve(1, { kind: 'unlock', values: [] })],
      [lock(1, 5n), resolve(1, { kind: 'cancel', residual: 5n })],
      Array.from({ length: MAX_TRANSFERS + 1 }, (_, index) => lock(index, 1n)),
    ]
    for (const operations of bad) {
      const update = { ...updates[0]!, operations: encodeOperations(operations) }
      expect(bob.hear({ ...rest, updates: [update] }).violation).to.have.property('code', 'PEER_VIOLATION')
    }
  })

  it('are refused by the writer with the ledger unchanged', () => {
    const before = alice.ledger
    expect(() => alice.write(lock(1, 1_001n))).to.throw(/1001 are needed and 1000 can be spent/)
    expect(() => alice.write(resolve(1, PAID_IN_FULL))).to.throw(/No transfer/)
    expect(() => alice.write(lock(1, 5n), lock(1, 5n))).to.throw(/locked already/)
    expect(() => alice.write(lock(1, 0n))).to.throw(/amount of 0/)
    expect(alice.ledger).to.equal(before)
  })

  it('hold up a closing withdrawal, not a partial one', () => {
    agree(lock(1, 100n))
    for (const side of [alice, bob])
      expect(() => side.feed({ kind: 'withdraw', request: request({ closing: true }) })).to.throw(
        /locked in this ledger/,
      )
    const [propose] = bob.feed({ kind: 'withdraw', request: request() }).sent
    expect(alice.hear(propose!).sent[0]).to.have.property('kind', 'consent')
  })

  it('are settled with their list, also that of the acknowledged version', () => {
    agree(lock(1, 100n))
    alice.write(lock(2, 50n))
    const acked = laneWordOf(alice.ledger.own.acked)
    const latest = { phase: 'disputed', recorded: false, generation: 0, expiry: NOW, commitment: 1n } as const
    alice.feed({ kind: 'facts', facts: facts({ latest, base: [0n, acked, 0n] }) })
    const settle = alice.effects.find((effect) => effect.kind === 'settle')
    expect(settle?.states.map(({ pending }) => pending.list.transfers)).to.deep.equal([[transfer(100n)]])
  })

  it('S8 survive a reconnect: what the peer missed is sent again', () => {
    alice.write(lock(1, 100n))
    link(alice, bob)
    expect(alice.effects).to.deep.include({ kind: 'resend', from: 1n })
  })

  it('freeze a store that has forgotten them, without adopting what it cannot check', () => {
    const forgetful = pair()[0]
    agree(lock(1, 100n))
    const [his] = bob.feed({ kind: 'connected' }).sent
    forgetful.feed({ kind: 'connected' }).hear(his!)
    expect(forgetful.ledger.frozen?.code).to.equal('OLD_BACKUP')
    expect(forgetful.ledger.own.newest.version).to.equal(0n)
    expect(forgetful.violation).to.equal(undefined)
    link(alice, bob)
    agree(resolve(1, PAID_IN_FULL))
    const [plain] = bob.feed({ kind: 'connected' }).sent
    expect(forgetful.hear(plain!).ledger.own.newest.version).to.equal(2n)
  })
})

describe('locked transfers on the disk', () => {
  it('S1 are read back from the history, whatever was locked, resolved and acknowledged', () => {
    const step = fc.record({
      what: fc.constantFrom('lock', 'unlock', 'cancel', 'pay'),
      which: fc.nat(5),
      ack: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const [alice, bob] = pair()
        const history: { version: bigint; effect: Extract<LedgerEffect, { kind: 'record' }> }[] = []
        let next = 0
        for (const { what, which, ack } of steps) {
          const { items } = alice.ledger.own.pending
          const chosen = items[which % Math.max(items.length, 1)]
          if (what === 'lock' || !chosen) alice.write(lock(next++, 3n))
          else if (what === 'pay') alice.pay(1n)
          else {
            const residual = chosen.transfer.amount > 1n ? 1n : 0n
            const cancel: Resolution = { kind: 'cancel', residual }
            if (what === 'cancel') bob.feed({ kind: 'ask', id: chosen.id, resolution: cancel, proof: NO_BYTES })
            const resolution = what === 'cancel' ? cancel : PAID_IN_FULL
            alice.write({ kind: 'resolve', id: chosen.id, resolution })
          }
          for (const effect of alice.effects)
            if (effect.kind === 'record') history.push({ version: effect.version, effect })
          bob.hear(alice.updates)
          if (ack) alice.hear(bob.feed({ kind: 'acknowledge' }).updates)
        }
        for (const { ledger } of [alice, bob]) {
          const lane = ledger.me === 0 ? 'own' : 'peer'
          const stored = decodeLedger(encodeLedger(ledger), REF)
          let read = stored[lane]
          for (const { version, effect } of history)
            if (read.from !== undefined && version >= read.from)
              read = readBack(read, version, decodeEntry(encodeEntry({ time: 1, ...effect })))
          const again = restoreLedger(stored, lane === 'own' ? read : stored.own, lane === 'peer' ? read : stored.peer)
          expect(again[lane]).to.deep.equal(ledger[lane])
          expect(again.asks).to.deep.equal(ledger.asks)
          if (ledger.me === 0) expect(again.unacked).to.deep.equal(ledger.unacked)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('are written in one form', () => {
    const [alice, bob] = pair()
    settlePayment(alice, bob, 1n)
    const operations = [
      lock(1, 5n),
      resolve(1, PAID_IN_FULL),
      lock(2, 9n),
      resolve(2, { kind: 'cancel', residual: 3n }),
    ]
    const bytes = encodeOperations(operations)
    expect(decodeOperations(bytes)).to.deep.equal(operations)
    expect(() => decodeOperations(bytes.subarray(0, bytes.length - 1))).to.throw(/at byte/)
  })
})
