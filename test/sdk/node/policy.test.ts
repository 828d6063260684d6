import { expect } from 'chai'
import { getAddress } from 'ethers'
import { type Address, COIN } from '../../../sdk/core/types.ts'
import {
  DEFAULT_FORWARDING,
  type ForwardingPolicy,
  parseRates,
  priceFor,
  type Rate,
  termsFor,
  wantedFor,
} from '../../../sdk/node/hops/policy.ts'

const TOKEN: Address = `0x${'7a'.repeat(20)}`
const OTHER: Address = `0x${'0b'.repeat(20)}`
const ETHER = 10n ** 18n
const price = { from: ETHER, to: 2_500_000_000n }
const rate: Rate = { from: COIN, to: TOKEN, price, least: 100n, most: 1_000n }
const policy = (over: Partial<ForwardingPolicy> = {}): ForwardingPolicy => ({
  ...DEFAULT_FORWARDING,
  rates: [rate],
  ...over,
})

describe('what a node asks', () => {
  it('is said for each asset, the cost of a reveal and the least that is released included', () => {
    const limits = { parts: 3, value: 1_000_000n, residuals: 100n }
    const assets = new Map([[TOKEN, { feePpm: 5n, revealCost: 300_000n, minimum: 10_000n, limits }]])
    const given = policy({ assets, revealCost: ETHER / 1_000n, baseFee: 7n })
    expect(termsFor(given, TOKEN)).to.include({ baseFee: 7n, feePpm: 5n, revealCost: 300_000n, minimum: 10_000n })
    expect(termsFor(given, TOKEN).limits).to.equal(limits)
    expect(termsFor(given, COIN).limits).to.equal(DEFAULT_FORWARDING.limits)
    expect(termsFor(given, COIN)).to.include({ revealCost: ETHER / 1_000n, minimum: 1n })
    expect(wantedFor(termsFor(given, TOKEN), undefined, 1_000_000n)).to.equal(1_000_012n)
  })
})

describe('what a node swaps', () => {
  const ask = { from: COIN, to: TOKEN, amount: 100n }

  it('is nothing by default', () => {
    expect(priceFor(DEFAULT_FORWARDING, ask)).to.equal('ASSET_REFUSED')
  })

  it('is what it has a rate for, one way, within bounds; of several rates the first that fits', () => {
    const dear = { ...rate, price: { ...price, to: 1n }, most: 2_000n }
    const given = policy({ rates: [rate, dear] })
    expect(priceFor(given, ask)).to.equal(price)
    expect(priceFor(given, { ...ask, amount: 1_001n })).to.equal(dear.price)
    for (const amount of [99n, 2_001n]) expect(priceFor(given, { ...ask, amount })).to.equal('AMOUNT_OUT_OF_BOUNDS')
    expect(priceFor(given, { ...ask, from: TOKEN, to: COIN })).to.equal('ASSET_REFUSED')
    expect(priceFor(given, { ...ask, to: OTHER })).to.equal('ASSET_REFUSED')
  })

  it('is what its function says, which decides alone', () => {
    const onSwap = ({ amount }: { amount: bigint }) => (amount < 50n ? price : undefined)
    expect(priceFor(policy({ onSwap }), ask)).to.equal('ASSET_REFUSED')
    expect(priceFor(policy({ onSwap }), { ...ask, amount: 49n })).to.equal(price)
    for (const wrong of [
      { from: 0n, to: 1n },
      { from: 1n, to: 0n },
      { from: -1n, to: 1n },
    ])
      expect(priceFor(policy({ onSwap: () => wrong }), ask)).to.equal('ASSET_REFUSED')
  })

  it('wants its price alone, without fees on top', () => {
    expect(wantedFor(policy({ baseFee: 7n }), price, 2_500_000_000n)).to.equal(ETHER)
  })

  it('S46 is never a rate without two assets, or with a price that gives something away', () => {
    const checksummed = getAddress(TOKEN) as Address
    expect(parseRates([{ ...rate, to: checksummed }])[0]!.to).to.equal(TOKEN)
    for (const wrong of [{ to: COIN }, { price: { from: 0n, to: 1n } }, { price: { from: 1n, to: 0n } }])
      expect(() => parseRates([{ ...rate, ...wrong }]))
        .to.throw()
        .with.property('code', 'INVALID_OPTION')
  })
})
