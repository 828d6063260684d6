import { expect } from 'chai'
import fc from 'fast-check'
import { nettingChart } from '../../../../sdk/clearing/netting/chart.ts'
import { NettingError } from '../../../../sdk/clearing/netting/check.ts'
import { type Netting, netObligations } from '../../../../sdk/clearing/netting/net.ts'
import type { Funds, NettingObligation } from '../../../../sdk/clearing/netting/obligation.ts'
import { nettingTable } from '../../../../sdk/clearing/netting/table.ts'
import { COIN } from '../../../../sdk/core/types.ts'
import { bestOf } from './highs.ts'

const OTHER = `0x${'11'.repeat(20)}` as const
const MEMBERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank']

interface Shape {
  readonly whole: boolean
  readonly grouped: boolean
}

/** Rounds of up to 30 obligations in two assets. */
const rounds = ({ whole, grouped }: Shape, scale = 1n) =>
  fc.record({
    obligations: fc
      .array(
        fc.record({
          from: fc.nat(5),
          step: fc.integer({ min: 1, max: 5 }),
          asset: fc.constantFrom(COIN, OTHER),
          amount: fc.bigInt(1n, 100n),
          kind: whole
            ? fc.constantFrom('divisible' as const, 'all-or-nothing' as const)
            : fc.constant('divisible' as const),
          group: grouped
            ? fc.option(fc.constantFrom('0xa' as const, '0xb' as const, '0xc' as const), { nil: undefined })
            : fc.constant(undefined),
          limit: fc.option(fc.bigInt(0n, 150n), { nil: undefined, freq: 3 }),
        }),
        { maxLength: 30 },
      )
      .map((list) =>
        list.map(({ from, step, asset, amount, kind, group, limit }, at): NettingObligation => {
          const ends = {
            id: `o${at}`,
            from: MEMBERS[from]!,
            to: MEMBERS[(from + step) % 6]!,
            asset,
            amount: amount * scale,
            kind,
          }
          return { ...ends, ...(group && { group }), ...(limit !== undefined && { maxNetDebit: limit * scale }) }
        }),
      ),
    funds: fc
      .array(fc.bigInt(0n, 120n), { minLength: 12, maxLength: 12 })
      .map((amounts) =>
        amounts.map(
          (amount, at): Funds => ({ member: MEMBERS[at >> 1]!, asset: at % 2 ? OTHER : COIN, amount: amount * scale }),
        ),
      ),
  })

const ALL = { whole: true, grouped: true }
const total = ({ discharges }: Netting): bigint => discharges.reduce((sum, { amount }) => sum + amount, 0n)
const runs = { seed: 7, numRuns: 300 }
const code = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof NettingError) return error.code
    throw error
  }
  return 'nothing'
}

const owes = (
  id: string,
  from: string,
  to: string,
  amount = 10n,
  more: Partial<NettingObligation> = {},
): NettingObligation => ({
  id,
  from,
  to,
  asset: COIN,
  amount,
  kind: 'divisible',
  ...more,
})
const has = (...amounts: bigint[]): Funds[] =>
  amounts.map((amount, at) => ({ member: MEMBERS[at]!, asset: COIN, amount }))

describe('netting', () => {
  it('discharges as much of divisible obligations as HiGHS finds', () => {
    fc.assert(
      fc.property(rounds({ whole: false, grouped: false }), ({ obligations, funds }) => {
        // The optimum of a flow over whole amounts is whole; HiGHS counts in floating point.
        expect(Number(total(netObligations(obligations, funds)))).to.equal(Math.round(bestOf(obligations, funds)))
      }),
      runs,
    )
  }).timeout(60_000)

  it('never claims more than HiGHS finds possible where some settle whole, and mostly comes close', () => {
    let [ours, best] = [0, 0]
    fc.assert(
      fc.property(rounds(ALL), ({ obligations, funds }) => {
        const [found, possible] = [Number(total(netObligations(obligations, funds))), bestOf(obligations, funds)]
        expect(found).to.be.at.most(Math.round(possible))
        ours += found
        best += possible
      }),
      { seed: 7, numRuns: 100 },
    )
    expect(ours / best).to.be.above(0.9)
  }).timeout(120_000)

  it('debits nobody beyond its funds and its limit, and pays what positions say', () => {
    fc.assert(
      fc.property(rounds(ALL, 10n ** 24n), ({ obligations, funds }) => {
        const { positions, debits } = netObligations(obligations, funds)
        for (const asset of [COIN, OTHER]) {
          const own = positions.filter((one) => one.asset === asset)
          expect(own.reduce((sum, one) => sum + one.net, 0n)).to.equal(0n)
        }
        for (const { member, asset, net } of positions) {
          const said = obligations.filter((one) => one.from === member && one.asset === asset)
          const limits = [
            funds.find((one) => one.member === member && one.asset === asset)!.amount,
            ...said.flatMap(({ maxNetDebit }) => maxNetDebit ?? []),
          ]
          for (const limit of limits) expect(-net <= limit).to.equal(true)
          const moved = debits
            .filter((one) => one.asset === asset)
            .reduce(
              (sum, { from, to, amount }) => sum + (to === member ? amount : 0n) - (from === member ? amount : 0n),
              0n,
            )
          expect(moved).to.equal(net)
        }
      }),
      runs,
    )
  }).timeout(60_000)

  it('discharges no obligation beyond its amount, what settles whole whole, and groups together, with a true reason for the rest', () => {
    fc.assert(
      fc.property(rounds(ALL), ({ obligations, funds }) => {
        const { discharges, positions } = netObligations(obligations, funds)
        const groups = new Map<string, Set<boolean>>()
        for (const [at, { id, amount, leftOut }] of discharges.entries()) {
          const one = obligations[at]!
          expect(id).to.equal(one.id)
          expect(amount >= 0n && amount <= one.amount).to.equal(true)
          const whole = amount === one.amount
          expect(leftOut === undefined).to.equal(whole)
          if (one.kind === 'all-or-nothing' || one.group) expect(whole || amount === 0n).to.equal(true)
          if (one.group) groups.set(one.group, (groups.get(one.group) ?? new Set()).add(whole))
          if (leftOut?.reason === 'lacks-funds' && !one.group) {
            const balance = funds.find(({ member, asset }) => member === one.from && asset === one.asset)!.amount
            const position =
              positions.find(({ member, asset }) => member === one.from && asset === one.asset)?.net ?? 0n
            expect(leftOut.short).to.equal(one.amount - amount - position - balance)
          }
        }
        for (const outcomes of groups.values()) expect(outcomes.size).to.equal(1)
      }),
      runs,
    )
  }).timeout(60_000)

  it('comes to the same in whatever order it is asked', () => {
    fc.assert(
      fc.property(rounds(ALL), fc.infiniteStream(fc.nat()), ({ obligations, funds }, random) => {
        const shuffled = obligations
          .map((one) => ({ one, key: random.next().value! }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one)
        const byId = ({ discharges }: Netting) =>
          new Map([...discharges].sort((a, b) => (a.id < b.id ? -1 : 1)).map((one) => [one.id, one]))
        const [first, second] = [netObligations(obligations, funds), netObligations(shuffled, [...funds].reverse())]
        expect(byId(second)).to.deep.equal(byId(first))
        expect(second.debits).to.deep.equal(first.debits)
        expect(second.figures).to.deep.equal(first.figures)
      }),
      runs,
    )
  }).timeout(60_000)

  it('shares what is discharged between two members in proportion', () => {
    const { discharges } = netObligations([owes('a', 'alice', 'bob', 30n), owes('b', 'alice', 'bob', 10n)], has(7n, 0n))
    expect(discharges.map(({ amount }) => amount)).to.deep.equal([5n, 2n])
  })

  it('says who lacks funds, who is over its limit, and which leg a group lacks', () => {
    const swap = { group: '0xd', kind: 'all-or-nothing' } as const
    const { discharges } = netObligations(
      [
        owes('a', 'alice', 'bob'),
        owes('b', 'bob', 'carol', 10n, { maxNetDebit: 4n }),
        owes('c', 'carol', 'dave', 50n, swap),
        owes('d', 'dave', 'alice', 1n, swap),
      ],
      has(3n, 100n, 0n, 9n),
    )
    expect(discharges.map(({ leftOut }) => leftOut)).to.deep.equal([
      { reason: 'lacks-funds', member: 'alice', short: 7n },
      { reason: 'over-limit', member: 'bob', over: 3n },
      { reason: 'lacks-funds', member: 'carol', short: 43n },
      { reason: 'group-incomplete', group: '0xd', leg: 'c' },
    ])
  })

  it('prints figures as a table and draws them', () => {
    const { figures } = netObligations(
      [owes('1', 'alice', 'bob'), owes('2', 'bob', 'carol'), owes('3', 'carol', 'alice')],
      has(0n, 0n, 0n),
    )
    expect(figures[0]).to.include({ gross: 30n, bilateral: 30n, multilateral: 0n, whole: 3, partly: 0 })
    expect(nettingTable(figures).split('\n')).to.have.length(2)
    expect(nettingChart(figures, ['<coin>']))
      .to.include('&#60;coin&#62;')
      .and.to.include('multilateral 0 %')
  })

  it('counts exactly where amounts are larger than a word', () => {
    const huge = (1n << 256n) - 1n
    const { discharges, debits } = netObligations(
      [owes('a', 'alice', 'bob', huge), owes('b', 'alice', 'bob', huge), owes('c', 'bob', 'alice', (1n << 128n) - 1n)],
      has(1n, 0n),
    )
    expect(discharges.reduce((sum, { amount }) => sum + amount, 0n)).to.equal((1n << 129n) - 1n)
    expect(debits).to.deep.equal([{ from: 'alice', to: 'bob', asset: COIN, amount: 1n }])
  })

  it('sheds what large rounds cannot settle whole, and debits nobody beyond its funds by that', () => {
    const [members, count] = [200, 30_000]
    const name = (at: number) => `member ${at % members}`
    const obligations = Array.from({ length: count }, (_, at) => {
      const kind = 'all-or-nothing'
      const group = at % 50 < 2 && ({ group: `0x${Math.floor(at / 50).toString(16)}` } as const)
      const amount = BigInt(1 + ((at * 7_919) % 10_007))
      const asset = at % 5 === 0 ? OTHER : COIN
      return owes(`${at}`, name(at * 31), name(at * 31 + 1 + ((at * 17) % 199)), amount, { kind, asset, ...group })
    })
    const funds = Array.from({ length: members }, (_, at) => ({ member: name(at), asset: COIN, amount: 9_999n }))
    const { discharges, positions, figures } = netObligations(obligations, funds)
    for (const { asset, net } of positions) expect(-net <= (asset === COIN ? 9_999n : 0n)).to.equal(true)
    for (const [at, { amount }] of discharges.entries()) expect([0n, obligations[at]!.amount]).to.include(amount)
    const coin = figures.find(({ asset }) => asset === COIN)!
    expect(Number(coin.gross) / Number(coin.owed)).to.be.above(0.3)
  }).timeout(60_000)

  it('refuses a million obligations to oneself at the first, and an id that a million share', () => {
    const list = Array.from({ length: 1_000_000 }, () => owes('a', 'alice', 'alice'))
    expect(code(() => netObligations(list, has(1n, 1n)))).to.equal('NETTING_SELF_OBLIGATION')
    list.fill(owes('a', 'alice', 'bob'))
    expect(code(() => netObligations(list, has(1n, 1n)))).to.equal('NETTING_DUPLICATE_ID')
  }).timeout(60_000)

  it('refuses what makes no round, with a code for each reason', () => {
    const refused = (...list: NettingObligation[]) => code(() => netObligations(list, has(1n, 1n)))
    expect(refused(owes('a', 'alice', 'mallory'))).to.equal('NETTING_UNKNOWN_MEMBER')
    expect(refused(owes('a', 'alice', 'bob'), owes('a', 'bob', 'alice'))).to.equal('NETTING_DUPLICATE_ID')
    expect(refused(owes('a', 'alice', 'alice'))).to.equal('NETTING_SELF_OBLIGATION')
    expect(refused(owes('a', 'mallory', 'bob'))).to.equal('NETTING_UNKNOWN_MEMBER')
    for (const amount of [-1n, 0n, 1n << 256n, 5 as unknown as bigint])
      expect(refused(owes('a', 'alice', 'bob', amount))).to.equal('NETTING_INVALID_AMOUNT')
    expect(refused(owes('a', 'alice', 'bob', 1n, { maxNetDebit: -1n }))).to.equal('NETTING_INVALID_AMOUNT')
    expect(refused(owes('a', 'alice', 'bob', 1n, { kind: 'other' as 'divisible' }))).to.equal('NETTING_INVALID_KIND')
    expect(refused(owes('a', 'alice', 'bob', 1n, { group: '0xAB' }))).to.equal('NETTING_INVALID_GROUP')
    expect(code(() => netObligations([], [...has(1n), ...has(1n)]))).to.equal('NETTING_DUPLICATE_FUNDS')
    expect(code(() => netObligations([], has(1n << 256n)))).to.equal('NETTING_INVALID_AMOUNT')
    expect(code(() => netObligations([], has(-1n)))).to.equal('NETTING_INVALID_AMOUNT')
  })
})
