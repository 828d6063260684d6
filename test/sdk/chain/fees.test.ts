import { expect } from 'chai'
import fc from 'fast-check'
import {
  bumpFees,
  type FeeMarket,
  type Fees,
  leastBump,
  lowerTo,
  offerFees,
  priceCap,
  type Urgency,
  urgencyAt,
} from '../../../sdk/chain/fees.ts'
import { affordable } from '../../../sdk/chain/preflight.ts'

const wei = fc.bigInt(0n, 10n ** 15n)
const markets: fc.Arbitrary<FeeMarket> = fc.record({
  baseFee: fc.option(wei, { nil: undefined }),
  priority: wei,
  gasPrice: wei,
})
const urgencies = fc.constantFrom<Urgency>(0, 1, 2, 3)
const prices = (fees: Fees): bigint[] =>
  'gasPrice' in fees ? [fees.gasPrice] : [fees.maxFeePerGas, fees.maxPriorityFeePerGas]

describe('fees', () => {
  it('are raised by an eighth at least, and never stay the same, whatever the market does', () => {
    fc.assert(
      fc.property(markets, markets, urgencies, urgencies, (then, now, slow, fast) => {
        const first = offerFees(then, slow)
        const second = bumpFees(first, now, fast)
        for (const [index, price] of prices(first).entries()) {
          const raised = prices(second)[index]!
          if (raised * 8n < price * 9n || raised <= price) return false
        }
        return priceCap(second) >= leastBump(first)
      }),
    )
  })

  it('rise with urgency and outlast a base fee that doubles', () => {
    fc.assert(
      fc.property(markets, (market) => {
        const caps = ([0, 1, 2, 3] as const).map((urgency) => priceCap(offerFees(market, urgency)))
        const rising = caps.every((cap, index) => index === 0 || cap >= caps[index - 1]!)
        return rising && (market.baseFee === undefined || caps[0]! >= 2n * market.baseFee)
      }),
    )
  })

  it('never let a cap stand below its priority', () => {
    fc.assert(
      fc.property(markets, urgencies, wei, (market, urgency, cap) => {
        const lowered = lowerTo(offerFees(market, urgency), cap)
        return priceCap(lowered) <= cap || priceCap(lowered) === priceCap(offerFees(market, urgency))
          ? 'gasPrice' in lowered || lowered.maxPriorityFeePerGas <= lowered.maxFeePerGas
          : false
      }),
    )
  })

  it('never promise more than the account holds', () => {
    const account = `0x${'11'.repeat(20)}` as const
    fc.assert(
      fc.property(
        markets,
        fc.bigInt(0n, 10n ** 24n),
        wei,
        fc.bigInt(21_000n, 16_777_216n),
        wei,
        (market, balance, value, gas, least) => {
          try {
            return (
              value + gas * priceCap(affordable(account, balance, value, gas, offerFees(market, 0), least)) <= balance
            )
          } catch (error) {
            return (error as { code: string }).code === 'INSUFFICIENT_GAS_MONEY'
          }
        },
      ),
    )
  })

  it('become urgent at a half, a quarter and an eighth of the time', () => {
    expect([0n, 49n, 50n, 74n, 75n, 87n, 88n, 100n, 200n].map((now) => urgencyAt(now, 0n, 100n))).to.deep.equal([
      0, 0, 1, 1, 2, 2, 3, 3, 3,
    ])
    expect(urgencyAt(10n ** 9n, 0n, undefined)).to.equal(0)
  })
})
