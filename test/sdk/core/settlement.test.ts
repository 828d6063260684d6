import { expect } from 'chai'
import fc from 'fast-check'
import { type Outcome, WHOLE } from '../../../sdk/core/outcome.ts'
import { entitlements, redeem, settle, WrongTransfersError } from '../../../sdk/core/settlement.ts'
import { transfersRoot } from '../../../sdk/core/transfer.ts'
import { COIN, type Hex, type State, type Transfer } from '../../../sdk/core/types.ts'
import { transfer as anyTransfer } from './arbitraries.ts'

const channelId: Hex = `0x${'11'.repeat(31)}02`
const key = (digit: string): Hex => `0x${digit.repeat(64)}`
const NONE: ReadonlyMap<number, readonly Transfer[]> = new Map()

const lock = (digit: string, amount: bigint, deadline = 1_000n): Transfer => ({
  amount,
  deadline,
  refundTo: 0,
  legs: [{ to: 1, key: key(digit) }],
})

function stateOf(lane: number, credits: bigint[], transfers: readonly Transfer[] = []): State {
  const locked = transfers.reduce((sum, { amount }) => sum + amount, 0n)
  return {
    channelId,
    asset: COIN,
    generation: 0,
    lane,
    version: 1n,
    credits,
    locked,
    transfersRoot: transfersRoot(transfers),
  }
}

const known = (digit: string, outcome: Outcome) => (wanted: Hex) => (wanted === key(digit) ? outcome : undefined)
const nothing = () => undefined
const total = (values: readonly bigint[]) => values.reduce((sum, value) => sum + value, 0n)

describe('Settlement', () => {
  it('pays balances and credits if nothing is locked', () => {
    const states = [stateOf(0, [-250n, 250n]), stateOf(1, [40n, -40n])]
    const settled = settle({ balances: [700n, 300n], states, transfers: NONE, outcomes: nothing, now: 1n })
    expect(settled).to.deep.equal({ payouts: [490n, 510n], reserves: [] })
    expect(entitlements([700n, 300n], states)).to.deep.equal([490n, 510n])
  })

  it('pays decided transfers and keeps undecided ones for later', () => {
    const list = [lock('a', 50n), lock('b', 30n, 2_000n)]
    const state = stateOf(0, [-80n, 0n], list)
    const outcomes = known('a', { value: WHOLE, recordedAt: 900n })
    const settled = settle({
      balances: [100n, 0n],
      states: [state],
      transfers: new Map([[0, list]]),
      outcomes,
      now: 1_500n,
    })
    expect(settled.payouts).to.deep.equal([20n, 50n])
    expect(settled.reserves.map(({ locked, reserved }) => [locked, reserved])).to.deep.equal([[30n, 30n]])

    const [reserve] = settled.reserves
    const request = { reserve: reserve!, members: 2, transfers: list, settled: new Set([0]), outcomes }
    const none = { positions: new Set<number>(), paid: 0n }
    expect(redeem({ ...request, redeemed: none, now: 2_000n })).to.deep.equal({ payouts: [0n, 0n], positions: [] })
    expect(redeem({ ...request, redeemed: none, now: 2_001n })).to.deep.equal({ payouts: [30n, 0n], positions: [1] })
    const again = { positions: new Set([1]), paid: 30n }
    expect(redeem({ ...request, redeemed: again, now: 2_001n })).to.deep.equal({ payouts: [0n, 0n], positions: [] })
  })

  it('C48 resolves two transfers with equal key and amount each for itself', () => {
    const list = [lock('a', 50n), lock('a', 50n)]
    const state = stateOf(0, [-100n, 0n], list)
    const outcomes = known('a', { value: WHOLE, recordedAt: 900n })
    const settled = settle({
      balances: [100n, 0n],
      states: [state],
      transfers: new Map([[0, list]]),
      outcomes,
      now: 950n,
    })
    expect(settled).to.deep.equal({ payouts: [0n, 100n], reserves: [] })
  })

  it('reserves everything of a lane whose transfers are not shown', () => {
    const list = [lock('a', 50n)]
    const settled = settle({
      balances: [100n, 0n],
      states: [stateOf(0, [-50n, 0n], list)],
      transfers: NONE,
      outcomes: nothing,
      now: 9_999n,
    })
    expect(settled.payouts).to.deep.equal([50n, 0n])
    expect(settled.reserves).to.deep.equal([{ lane: 0, locked: 50n, reserved: 50n, root: transfersRoot(list) }])
  })

  it('C25 divides what is there pro rata if states promised more', () => {
    const settled = settle({
      balances: [-20n, 120n],
      states: [stateOf(1, [50n, -50n])],
      transfers: NONE,
      outcomes: nothing,
      now: 1n,
    })
    expect(settled.payouts).to.deep.equal([30n, 70n])
    const overdrawn = settle({
      balances: [10n, 90n],
      states: [stateOf(0, [-40n, 40n])],
      transfers: NONE,
      outcomes: nothing,
      now: 1n,
    })
    expect(overdrawn.payouts).to.deep.equal([0n, 100n])
  })

  it('C25 reserves pro rata over the lanes if more is locked than held', () => {
    const [one, two] = [[lock('a', 100n)], [lock('b', 200n)]]
    const states = [stateOf(0, [-100n, 0n], one), stateOf(1, [0n, -200n], two)]
    const settled = settle({ balances: [50n, 51n], states, transfers: NONE, outcomes: nothing, now: 1n })
    expect(settled.reserves.map(({ reserved }) => reserved)).to.deep.equal([33n, 67n])
    expect(settled.payouts).to.deep.equal([1n, 0n])
  })

  it('is refused with transfers of another state, or in another order', () => {
    const list = [lock('a', 50n), lock('b', 30n)]
    const request = { balances: [100n, 0n], states: [stateOf(0, [-80n, 0n], list)], outcomes: nothing, now: 1n }
    for (const wrong of [[...list].reverse(), list.slice(1), []])
      expect(() => settle({ ...request, transfers: new Map([[0, wrong]]) }))
        .to.throw(WrongTransfersError)
        .with.property('code', 'WRONG_TRANSFERS')
    const reserve = { lane: 0, locked: 80n, reserved: 80n, root: transfersRoot(list) }
    const redeemed = { positions: new Set<number>(), paid: 0n }
    expect(() =>
      redeem({ reserve, members: 2, transfers: list, settled: new Set([0]), redeemed, outcomes: nothing, now: 1n }),
    )
      .to.throw(WrongTransfersError)
      .with.property('expected', transfersRoot(list))
  })

  it('C24 pays out and reserves exactly what is held, whatever was signed', () => {
    const balance = fc.bigInt(-1_000n, 1_000n)
    const scenario = fc.record({
      balances: fc.tuple(balance, balance).filter(([a, b]) => a + b >= 0n),
      lists: fc.tuple(fc.array(anyTransfer(2), { maxLength: 4 }), fc.array(anyTransfer(2), { maxLength: 4 })),
      // Small amounts, so that the states are now solvent and now not.
      scale: fc.constantFrom(1n, 10n, 100n, 1_000n),
      moved: fc.tuple(fc.bigInt(-1_500n, 1_500n), fc.bigInt(-1_500n, 1_500n)),
      now: fc.bigInt(0n, 2n ** 64n),
      value: fc.bigInt(0n, WHOLE),
      shown: fc.subarray([0, 1]),
    })
    fc.assert(
      fc.property(scenario, ({ balances, lists, scale, moved, now, value, shown }) => {
        const small = lists.map((list) => list.map((each) => ({ ...each, amount: (each.amount % scale) + 1n })))
        const states = small.map((list, lane) => {
          const locked = total(list.map(({ amount }) => amount))
          return stateOf(lane, lane === 0 ? [-moved[0] - locked, moved[0]] : [moved[1], -moved[1] - locked], list)
        })
        const transfers = new Map(shown.map((lane) => [lane, small[lane]!]))
        const settled = settle({ balances, states, transfers, outcomes: () => ({ value, recordedAt: 5n }), now })
        const reserved = total(settled.reserves.map((reserve) => reserve.reserved))
        expect(total(settled.payouts) + reserved).to.equal(total(balances))
        expect(settled.payouts.every((payout) => payout >= 0n)).to.equal(true)
      }),
      { numRuns: 500 },
    )
  })

  it('pays the same in the end whether transfers are divided at once or redeemed later', () => {
    const scenario = fc.record({
      list: fc.array(anyTransfer(2), { minLength: 1, maxLength: 5 }),
      value: fc.bigInt(0n, WHOLE),
      percent: fc.bigInt(1n, 150n),
    })
    fc.assert(
      fc.property(scenario, ({ list, value, percent }) => {
        const state = stateOf(0, [-total(list.map(({ amount }) => amount)), 0n], list)
        const request = {
          balances: [(state.locked * percent) / 100n, 0n],
          states: [state],
          outcomes: () => ({ value, recordedAt: 0n }),
          now: 2n ** 64n,
        }
        const atOnce = settle({ ...request, transfers: new Map([[0, list]]) })
        const first = settle({ ...request, transfers: NONE })
        const [reserve] = first.reserves
        if (!reserve) return
        const later = redeem({
          ...request,
          reserve,
          members: 2,
          transfers: list,
          settled: new Set(),
          redeemed: { positions: new Set(), paid: 0n },
        })
        expect(atOnce.payouts).to.deep.equal(first.payouts.map((paid, member) => paid + later.payouts[member]!))
      }),
    )
  })
})
