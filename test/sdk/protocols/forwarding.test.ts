import { expect } from 'chai'
import fc from 'fast-check'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { secretKey, WHOLE } from '../../../sdk/core/outcome.ts'
import { addScalars, lockPoints, opens, pointOf, shiftPoint, subtractScalar } from '../../../sdk/core/points.ts'
import { COIN, type Hex, type Transfer } from '../../../sdk/core/types.ts'
import type { PartPolicy } from '../../../sdk/protocols/admission.ts'
import { type PartEffect, type PartEvent, stepPart } from '../../../sdk/protocols/forwarding.ts'
import {
  type Edge,
  hopPart,
  isAtStake,
  isOver,
  type KeyView,
  overdue,
  type Part,
  type Price,
  payeePart,
  payerPart,
  type Refusal,
  roomOf,
  worth,
} from '../../../sdk/protocols/part.ts'

const REGISTRY = { chainId: 31337n, condition: `0x${'4e'.repeat(20)}` } as const
const SECRET: Hex = `0x${'5e'.repeat(32)}`
const KEY = secretKey(REGISTRY, toBytes(SECRET))
const NOW = 1_800_000_000n
const DEADLINE = NOW + 7_200n
const MARGIN = 600n
const FEE = 10n

const scalar = (byte: number) => new Uint8Array(32).fill(byte)
/** z of the payee, and what the payer adds at each edge. */
const [Z, SHARES] = [scalar(9), [scalar(1), scalar(2), scalar(3)]]
const POINTS = lockPoints(pointOf(Z), SHARES).map(toHex)
/** The k of the second edge, and of the first. */
const OUT_SCALAR = toHex(addScalars(Z, SHARES[0]!, SHARES[1]!))
const IN_SCALAR = toHex(addScalars(Z, SHARES[0]!))

const ROOM = { parts: 8, value: 10_000n, residuals: 100n }
const POLICY: PartPolicy = {
  margin: MARGIN,
  responseTime: 300n,
  maxLock: 86_400n,
  minimum: 1n,
  revealCost: 5n,
  room: { incoming: ROOM, outgoing: ROOM },
  points: {
    verifyScalar: (point, k) => opens(toBytes(point), toBytes(k)),
    subtract: (a, b) => toHex(subtractScalar(toBytes(a), toBytes(b))),
  },
}

const view = (over: Partial<KeyView> = {}): KeyView => ({
  now: NOW,
  confirmed: NOW,
  outcome: undefined,
  confirmedOutcome: undefined,
  ...over,
})
const recorded = (at = NOW): Partial<KeyView> => {
  const outcome = { value: WHOLE, recordedAt: at }
  return { outcome, confirmedOutcome: outcome }
}

const transfer = (to: number, amount: bigint, over: Partial<Transfer> = {}): Transfer => ({
  amount,
  deadline: DEADLINE,
  refundTo: 1 - to,
  legs: [{ to, key: KEY }],
  ...over,
})
const edge = (me: number, locked: Transfer, point: Hex | undefined): Edge => ({
  registry: REGISTRY,
  asset: COIN,
  transfer: locked,
  me,
  point,
})
const incoming = (over: Partial<Transfer> = {}) => edge(1, transfer(1, 1_000n + FEE, over), POINTS[0])
const outgoing = (over: Partial<Transfer> = {}) => edge(0, transfer(1, 1_000n, over), POINTS[1])
const TERMS = { mode: 'sprites', minimumMode: 'sprites', scalar: toHex(SHARES[1]!) } as const

/** A part and all that it wanted so far. */
class Hop {
  part: Part
  effects: readonly PartEffect[] = []
  readonly policy: PartPolicy

  constructor(part: Part, policy: Partial<PartPolicy> = {}) {
    this.policy = { ...POLICY, ...policy }
    this.part = part
    this.feed({ kind: 'view', view: view() })
  }

  feed(...events: PartEvent[]): this {
    for (const event of events) {
      const { next, effects } = stepPart(this.part, event, this.policy)
      this.part = next
      this.effects = effects
    }
    return this
  }

  get kinds(): string[] {
    return this.effects.map(({ kind }) => kind)
  }
}

const hana = (policy?: Partial<PartPolicy>, into = incoming(), out = outgoing(), terms = TERMS): Hop =>
  new Hop(hopPart({ ...terms, fee: FEE }, into, out), policy)
/** Hana with both sides locked. */
const locked = (policy?: Partial<PartPolicy>): Hop => hana(policy).feed({ kind: 'lockedIn' }, { kind: 'lockedOut' })
const SHOWN: PartEvent = { kind: 'unlockAsked', value: WHOLE, secret: SECRET, scalar: OUT_SCALAR }

describe('a hop', () => {
  it('locks towards the payee once it was locked to, and not before', () => {
    const hop = hana()
    expect(hop.kinds).to.deep.equal([])
    expect(hop.feed({ kind: 'lockedIn' }).kinds).to.deep.equal(['lockOut'])
    expect(hop.feed({ kind: 'lockedIn' }).kinds).to.deep.equal([])
  })

  const refusals: readonly [Refusal, () => Hop][] = [
    ['MODE_REFUSED', () => hana({}, incoming(), outgoing(), { ...TERMS, mode: 'plain' } as never)],
    ['POINT_MISSING', () => hana({}, edge(1, transfer(1, 1_010n), undefined))],
    ['MARGIN_UNSAFE', () => hana({ responseTime: MARGIN + 1n })],
    ['NOT_ONE_LEG', () => hana({}, incoming({ legs: [] }))],
    ['PAYS_ANOTHER', () => hana({}, incoming({ legs: [{ to: 0, key: KEY }] }))],
    ['REFUNDS_ANOTHER', () => hana({}, incoming(), outgoing({ refundTo: 1 }))],
    ['ROUTE_BREAKS', () => hana({}, incoming(), outgoing({ legs: [{ to: 1, key: `0x${'77'.repeat(32)}` }] }))],
    ['DEADLINES_CROSS', () => hana({}, incoming({ deadline: DEADLINE - 1n }))],
    ['DEADLINE_NEAR', () => hana({ margin: DEADLINE - NOW + 1n })],
    ['DEADLINE_FAR', () => hana({ maxLock: DEADLINE - NOW - 1n })],
    ['FEE_LOW', () => hana({}, incoming({ amount: 1_009n }))],
    ['AMOUNT_LOW', () => hana({ minimum: 2_000n })],
    ['NO_ROOM', () => hana({ room: { incoming: ROOM, outgoing: { ...ROOM, parts: 0 } } })],
    ['NO_ROOM', () => hana({ room: { incoming: { ...ROOM, value: 1_009n }, outgoing: ROOM } })],
  ]
  for (const [code, make] of refusals)
    it(`S37 S39 forwards nothing and gives it back where it must not: ${code}`, () => {
      const hop = make().feed({ kind: 'lockedIn' })
      expect(hop.part.refused).to.equal(code)
      expect(hop.effects).to.deep.equal([{ kind: 'askCancel', residual: 0n }])
      expect(isOver(hop.feed({ kind: 'cancelledIn', residual: 0n }).part)).to.equal(true)
    })

  it('never forwards a key that is known or recorded', () => {
    for (const known of [
      { kind: 'secretSeen', secret: SECRET },
      { kind: 'view', view: view(recorded()) },
    ] as const)
      expect(hana().feed(known, { kind: 'lockedIn' }).part.refused).to.equal('KEY_KNOWN')
  })

  it('pays on secret and scalar, and asks for its own with the scalar that only it can know', () => {
    const hop = locked().feed(SHOWN)
    expect(hop.effects).to.deep.equal([
      { kind: 'unlockOut', value: WHOLE },
      { kind: 'askUnlock', value: WHOLE, secret: SECRET, scalar: IN_SCALAR },
    ])
    hop.feed({ kind: 'unlockedOut', value: WHOLE }, { kind: 'unlockedIn', value: WHOLE })
    expect(isOver(hop.part)).to.equal(true)
  })

  it('S40 pays nothing off chain on the secret alone, nor on a scalar of somebody else', () => {
    const alone: PartEvent = { kind: 'unlockAsked', value: WHOLE, secret: SECRET, scalar: undefined }
    expect(locked().feed(alone).kinds).to.deep.equal([])
    expect(locked().feed({ ...alone, scalar: toHex(SHARES[2]!) }).kinds).to.deep.equal([])
    const point = toHex(shiftPoint(toBytes(POINTS[0]!), SHARES[1]!))
    expect(point).to.equal(POINTS[1])
  })

  it('releases from the margin on only by an entry of the registry that has its confirmations', () => {
    const late = view({ now: DEADLINE - MARGIN, confirmed: DEADLINE - MARGIN })
    const hop = locked().feed({ kind: 'view', view: late }, SHOWN)
    expect(hop.kinds).to.not.include('unlockOut')
    const outcome = { value: WHOLE, recordedAt: DEADLINE - 10n }
    expect(hop.feed({ kind: 'view', view: { ...late, outcome } }).kinds).to.not.include('unlockOut')
    expect(hop.feed({ kind: 'view', view: { ...late, outcome, confirmedOutcome: outcome } }).kinds).to.include(
      'unlockOut',
    )
  })

  it('S35 S38 sends the secret to the registry once, when it is not paid by the margin', () => {
    const hop = locked().feed(SHOWN, { kind: 'unlockedOut', value: WHOLE })
    expect(hop.part.secret).to.equal(SECRET)
    const near = { kind: 'view', view: view({ now: DEADLINE - MARGIN }) } as const
    expect(hop.feed(near).effects).to.deep.include({ kind: 'reveal', secret: SECRET })
    expect(hop.feed(near).kinds).to.deep.equal([])
    expect(hop.feed({ kind: 'crank' }).kinds).to.include('reveal')
  })

  it('sends no secret where the stake does not pay for it', () => {
    const hop = locked({ revealCost: 2_000n }).feed(SHOWN, { kind: 'unlockedOut', value: WHOLE })
    expect(hop.feed({ kind: 'view', view: view({ now: DEADLINE - MARGIN }) }).kinds).to.deep.equal([])
  })

  it('S36 gives back upstream only after the removal downstream is acknowledged', () => {
    const hop = locked().feed({ kind: 'cancelAsked', residual: 0n })
    expect(hop.effects).to.deep.equal([{ kind: 'cancelOut', residual: 0n }])
    expect(hop.feed({ kind: 'cancelledOut', residual: 0n }).kinds).to.deep.equal(['askCancel'])
  })

  it('keeps upstream a residual of its fee and what it granted downstream, if that is worth a reveal', () => {
    const asks = (policy: Partial<PartPolicy>, residual: bigint) =>
      locked(policy).feed({ kind: 'cancelAsked', residual }, { kind: 'cancelledOut', residual }).effects[0]
    expect(asks({}, 0n)).to.deep.equal({ kind: 'askCancel', residual: FEE })
    expect(asks({}, 20n)).to.deep.equal({ kind: 'askCancel', residual: FEE + 20n })
    expect(asks({ revealCost: 50n }, 0n)).to.deep.equal({ kind: 'askCancel', residual: 0n })
    // What it granted it must be covered for, whatever that is worth.
    expect(asks({ revealCost: 50n }, 20n)).to.deep.equal({ kind: 'askCancel', residual: FEE + 20n })
  })

  it('S39 grants no residual beyond the limit for the peer', () => {
    const crowded = { room: { incoming: ROOM, outgoing: { ...ROOM, residuals: 19n } } }
    expect(locked(crowded).feed({ kind: 'cancelAsked', residual: 20n }).kinds).to.deep.equal([])
  })

  it('is paid for a residual when the secret is published after all', () => {
    const hop = locked().feed(
      { kind: 'cancelAsked', residual: 20n },
      { kind: 'cancelledOut', residual: 20n },
      { kind: 'cancelledIn', residual: 30n },
    )
    expect(hop.feed({ kind: 'view', view: view(recorded()) }).kinds).to.have.members(['unlockOut', 'askUnlock'])
  })

  it('gives everything back after the deadline, once that is final', () => {
    const passed = view({ now: DEADLINE + 50n, confirmed: DEADLINE })
    const hop = locked().feed({ kind: 'view', view: passed })
    expect(hop.kinds).to.deep.equal([])
    hop.feed({ kind: 'view', view: { ...passed, confirmed: DEADLINE + 1n } })
    expect(hop.effects).to.deep.equal([{ kind: 'askCancel', residual: 0n }])
    expect(overdue(hop.part, 600n)).to.equal(undefined)
  })

  it('says which side only a dispute can settle', () => {
    const hop = locked().feed({ kind: 'view', view: view({ ...recorded(), confirmed: DEADLINE + 700n }) })
    expect(overdue(hop.part, 600n)).to.deep.equal({ side: 'incoming', amount: 1_000n + FEE })
    expect(overdue(hop.part, 700n)).to.equal(undefined)
    const refunds = locked().feed({ kind: 'view', view: view({ confirmed: DEADLINE + 700n }) })
    expect(overdue(refunds.part, 600n)).to.deep.equal({ side: 'outgoing', amount: 1_000n })
  })

  it('does nothing off chain in a ledger that is disputed, and is over once the chain has decided', () => {
    const hop = locked().feed(
      { kind: 'disputed', side: 'incoming', disputed: true },
      { kind: 'disputed', side: 'outgoing', disputed: true },
    )
    expect(hop.feed(SHOWN).kinds).to.deep.equal(['reveal'])
    expect(isOver(hop.feed({ kind: 'view', view: view(recorded()) }).part)).to.equal(true)
    const offered = hana().feed({ kind: 'disputed', side: 'outgoing', disputed: true }, { kind: 'lockedIn' })
    expect(offered.part.refused).to.equal('LEDGER_DISPUTED')
  })

  it('S39 has nothing at stake from the deadline on, though a peer never acknowledges the cancel it asked for', () => {
    const hop = locked().feed({ kind: 'cancelAsked', residual: 0n })
    const at = (confirmed: bigint) => hop.feed({ kind: 'view', view: view({ now: confirmed, confirmed }) }).part
    expect(isAtStake(at(DEADLINE)), 'the peer can still be paid on chain').to.equal(true)
    expect(isAtStake(at(DEADLINE + 1n))).to.equal(false)
    expect(isOver(hop.part), 'it is finished if the peer comes back').to.equal(false)
    const paid = locked().feed({ kind: 'view', view: view({ ...recorded(), confirmed: DEADLINE + 1n }) })
    expect(isAtStake(paid.part)).to.equal(true)
  })

  it('gives back what it could not lock on', () => {
    const hop = hana().feed({ kind: 'lockedIn' }, { kind: 'lockFailed' })
    expect(hop.part.refused).to.equal('LOCK_FAILED')
    expect(hop.effects).to.deep.equal([{ kind: 'askCancel', residual: 0n }])
  })

  it('carries a part in mode plain by the secret alone, with deadlines a margin apart', () => {
    const plain = { mode: 'plain', minimumMode: 'plain', scalar: undefined } as never
    const into = edge(1, transfer(1, 1_010n, { deadline: DEADLINE + MARGIN }), undefined)
    const out = edge(0, transfer(1, 1_000n), undefined)
    const hop = hana({}, into, out, plain).feed({ kind: 'lockedIn' }, { kind: 'lockedOut' })
    hop.feed({ kind: 'unlockAsked', value: WHOLE, secret: SECRET, scalar: undefined })
    expect(hop.kinds).to.deep.equal(['unlockOut', 'askUnlock'])
    const near = hana({}, edge(1, transfer(1, 1_010n), undefined), out, plain).feed({ kind: 'lockedIn' })
    expect(near.part.refused).to.equal('DEADLINES_CROSS')
  })
})

describe('a hop that swaps', () => {
  const TOKEN = `0x${'70'.repeat(20)}` as const
  /** A coin of 18 decimals for three tokens of 6: what comes in is a number far above what goes out, or far below it. */
  const UNIT = { coin: 10n ** 18n, token: 10n ** 6n }
  const SELLS_TOKENS: Price = { from: UNIT.coin, to: 3n * UNIT.token }
  const SELLS_COINS: Price = { from: 3n * UNIT.token, to: UNIT.coin }
  const MUCH = { parts: 8, value: 1n << 100n, residuals: 1n << 100n }
  const policy = (over: Partial<PartPolicy> = {}) => ({ room: { incoming: MUCH, outgoing: MUCH }, ...over })

  const trader = (price: Price | undefined, into: bigint, out: bigint, over?: Partial<PartPolicy>, fee = 0n): Hop => {
    const terms = { ...TERMS, fee, ...(price && { price }) }
    const to = { ...outgoing({ amount: out }), asset: TOKEN }
    return new Hop(hopPart(terms, incoming({ amount: into }), to), policy(over))
  }
  const both = (price: Price, into: bigint, out: bigint, over?: Partial<PartPolicy>) =>
    trader(price, into, out, over).feed({ kind: 'lockedIn' }, { kind: 'lockedOut' })

  for (const [name, price, into, out] of [
    ['tokens for coins', SELLS_TOKENS, UNIT.coin, 3n * UNIT.token],
    ['coins for tokens', SELLS_COINS, 3n * UNIT.token, UNIT.coin],
  ] as const) {
    it(`S46 gives ${name} at its price, and for a unit less it does not`, () => {
      const fair = trader(price, into, out).feed({ kind: 'lockedIn' })
      expect(fair.kinds).to.deep.equal(['lockOut'])
      const short = trader(price, into - 1n, out).feed({ kind: 'lockedIn' })
      expect(short.part.refused).to.equal('FEE_LOW')
      expect(short.effects).to.deep.equal([{ kind: 'askCancel', residual: 0n }])
    })

    it(`pays ${name} on secret and scalar, as it is sure to be paid their worth`, () => {
      const hop = both(price, into, out).feed(SHOWN)
      expect(hop.kinds).to.deep.equal(['unlockOut', 'askUnlock'])
    })

    it(`S46 keeps a residual of the worth of what it granted where it gives ${name}`, () => {
      const granted = out / 10n
      const hop = both(price, into, out).feed({ kind: 'cancelAsked', residual: granted })
      hop.feed({ kind: 'cancelledOut', residual: granted })
      expect(hop.effects).to.deep.equal([{ kind: 'askCancel', residual: worth(price, granted) }])
      // The secret comes out after all: what goes out is covered by what comes in.
      hop.feed({ kind: 'cancelledIn', residual: worth(price, granted) })
      expect(hop.feed({ kind: 'view', view: view(recorded()) }).kinds).to.have.members(['unlockOut', 'askUnlock'])
    })

    it(`S46 does not pay ${name} for a residual that is not their worth`, () => {
      const hop = both(price, into, out)
      const { part } = hop
      hop.part = { ...part, incoming: { ...part.incoming!, asked: into - 1n } }
      expect(hop.feed(SHOWN).kinds).to.not.include('unlockOut')
    })

    it(`reveals what it paid ${name} on, and not what would only cost it`, () => {
      const near = { kind: 'view', view: view({ now: DEADLINE - MARGIN }) } as const
      expect(both(price, into, out).feed(SHOWN, { kind: 'unlockedOut', value: WHOLE }, near).kinds).to.include('reveal')
      const unpaid = both(price, into, out, { revealCost: into })
      expect(unpaid.feed(SHOWN, { kind: 'unlockedOut', value: WHOLE }, near).kinds).to.not.include('reveal')
      expect(both(price, into, out).feed({ kind: 'secretSeen', secret: SECRET }, near).kinds).to.not.include('reveal')
    })
  }

  it('S46 takes no price for one asset, and no two assets without a price', () => {
    expect(trader(undefined, 1_000n, 1_000n).feed({ kind: 'lockedIn' }).part.refused).to.equal('ROUTE_BREAKS')
    const terms = { ...TERMS, fee: 0n, price: { from: 1n, to: 1n } }
    const same = new Hop(hopPart(terms, incoming(), outgoing())).feed({ kind: 'lockedIn' })
    expect(same.part.refused).to.equal('ROUTE_BREAKS')
  })

  it('rounds worth up, so that no swap of little is at the cost of who makes it', () => {
    expect(worth({ from: 1n, to: 3n }, 1n)).to.equal(1n)
    expect(worth(SELLS_COINS, 1n)).to.equal(1n)
    expect(worth(undefined, 7n)).to.equal(7n)
    const amount = fc.bigInt(1n, 1n << 100n)
    fc.assert(
      fc.property(amount, amount, amount, (from, to, out) => {
        const value = worth({ from, to }, out)
        expect(value * to >= out * from && (value - 1n) * to < out * from).to.equal(true)
      }),
    )
  })
})

describe('payer and payee', () => {
  const payer = () => new Hop(payerPart({ ...TERMS, scalar: undefined }, edge(0, transfer(1, 1_010n), POINTS[0])))
  const k = toHex(addScalars(Z, ...SHARES))
  const payee = (terms: object = { ...TERMS, scalar: k }) =>
    new Hop(payeePart(terms as never, edge(1, transfer(1, 1_000n), POINTS[2])))

  it('lock, show the secret, and are done', () => {
    const from = payer()
    expect(from.feed({ kind: 'send' }).kinds).to.deep.equal(['lockOut'])
    const to = payee().feed({ kind: 'lockedIn' }).feed({ kind: 'complete', secret: SECRET })
    expect(to.effects).to.deep.equal([{ kind: 'askUnlock', value: WHOLE, secret: SECRET, scalar: k }])
    from.feed({ kind: 'lockedOut' }).feed({ ...SHOWN, scalar: IN_SCALAR } as PartEvent)
    expect(from.effects).to.deep.equal([{ kind: 'unlockOut', value: WHOLE }])
    expect(isOver(from.feed({ kind: 'unlockedOut', value: WHOLE }).part)).to.equal(true)
    expect(isOver(to.feed({ kind: 'unlockedIn', value: WHOLE }).part)).to.equal(true)
  })

  it('S14 refuse what does not fit, and give up what never completes', () => {
    expect(payee({ ...TERMS, scalar: toHex(Z) }).feed({ kind: 'lockedIn' }).part.refused).to.equal('POINT_MISSING')
    expect(payee({ ...TERMS, scalar: undefined }).feed({ kind: 'lockedIn' }).part.refused).to.equal('POINT_MISSING')
    const to = payee().feed({ kind: 'lockedIn' }, { kind: 'giveUp' })
    expect(to.effects).to.deep.equal([{ kind: 'askCancel', residual: 0n }])
    expect(to.feed({ kind: 'complete', secret: SECRET }).part.secret).to.equal(undefined)
  })

  it('show no secret when too little time is left, nor give up after it has left', () => {
    const late: PartEvent = { kind: 'view', view: view({ now: DEADLINE - MARGIN }) }
    expect(payee().feed({ kind: 'lockedIn' }, late, { kind: 'complete', secret: SECRET }).part.secret).to.equal(
      undefined,
    )
    const shown = payee().feed({ kind: 'lockedIn' }, { kind: 'complete', secret: SECRET }, { kind: 'giveUp' })
    expect(shown.part.refused).to.equal(undefined)
  })

  it('count what is pending and what is left of it apart', () => {
    const hop = locked()
    expect(roomOf(ROOM, [hop.part.outgoing!])).to.deep.equal({ parts: 7, value: 9_000n, residuals: 100n })
    hop.feed({ kind: 'cancelAsked', residual: 20n }, { kind: 'cancelledOut', residual: 20n })
    expect(roomOf(ROOM, [hop.part.outgoing!])).to.deep.equal({ parts: 8, value: 10_000n, residuals: 80n })
  })
})

describe('a hop under any order of events', () => {
  const events: fc.Arbitrary<PartEvent> = fc.oneof(
    fc.constantFrom<PartEvent>(
      { kind: 'lockedIn' },
      { kind: 'lockedOut' },
      { kind: 'lockFailed' },
      SHOWN,
      { kind: 'unlockAsked', value: WHOLE, secret: SECRET, scalar: undefined },
      { kind: 'cancelAsked', residual: 0n },
      { kind: 'cancelAsked', residual: 20n },
      { kind: 'secretSeen', secret: SECRET },
      { kind: 'secretSeen', secret: `0x${'00'.repeat(32)}` },
      { kind: 'disputed', side: 'incoming', disputed: true },
      { kind: 'disputed', side: 'outgoing', disputed: false },
      { kind: 'crank' },
    ),
    fc.record({
      kind: fc.constant('view' as const),
      view: fc.record({ at: fc.bigInt(0n, 8_000n), known: fc.boolean() }).map(({ at, known }) => ({
        ...view(known ? recorded(NOW + 1n) : {}),
        now: NOW + at,
        confirmed: NOW + at,
      })),
    }),
  )

  it('S36 S41 never pays out and gives back, and never gives back before downstream is final', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 30 }), (list) => {
        const hop = hana()
        const done = new Set<string>()
        let isRecorded: boolean | undefined
        for (const event of list) {
          if (event.kind === 'view') {
            const { outcome, confirmed } = event.view
            // What is confirmed stays so: an entry, and that there was none by the deadline.
            if (isRecorded === !outcome) continue
            if (outcome || confirmed > DEADLINE) isRecorded = outcome !== undefined
          }
          hop.feed(event)
          const { outgoing, incoming } = hop.part
          for (const effect of hop.effects) {
            done.add(effect.kind)
            // What is paid downstream must be sure to come in upstream.
            if (effect.kind === 'unlockOut')
              expect(incoming!.asked ?? incoming!.amount).to.satisfy((v: bigint) => v >= outgoing!.amount)
            if (effect.kind === 'askCancel' && outgoing?.status === 'locked')
              expect(hop.part.view!.confirmed > DEADLINE, 'downstream can still be paid').to.equal(true)
          }
          if (done.has('unlockOut') && !hop.part.view?.confirmedOutcome) expect(done.has('askCancel')).to.equal(false)
        }
      }),
      { numRuns: 400 },
    )
  })

  it('S1 names the same effects again when it is cranked after a restart', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 20 }), (list) => {
        const hop = hana().feed(...list)
        const again = stepPart(hop.part, { kind: 'crank' }, hop.policy)
        expect(stepPart(again.next, { kind: 'crank' }, hop.policy)).to.deep.equal({
          next: again.next,
          effects: again.effects,
        })
      }),
      { numRuns: 300 },
    )
  })
})
