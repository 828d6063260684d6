import { expect } from 'chai'
import fc from 'fast-check'
import { InvalidOptionError } from '../../../sdk/core/errors.ts'
import { due, type Meter } from '../../../sdk/core/meter.ts'

const meter: Meter = { start: 1_000n, price: 10n, per: 3n, cap: 25n }

describe('A meter', () => {
  it('says what is due in all: nothing before its start, never more than its cap', () => {
    const readings = [0n, 999n, 1_000n, 1_001n, 1_003n, 1_004n, 1_007n, 1_008n, 1n << 64n]
    expect(readings.map((reading) => due(meter, reading))).to.deep.equal([0n, 0n, 0n, 3n, 10n, 13n, 23n, 25n, 25n])
  })

  it('loses nothing to rounding, however often somebody pays', () => {
    const growth = fc.array(fc.bigInt(0n, 50n), { maxLength: 50 })
    const any = fc.record({
      start: fc.bigInt(0n, 100n),
      price: fc.bigInt(0n, 1_000n),
      per: fc.bigInt(1n, 1_000n),
      cap: fc.bigInt(0n, 3_000n),
    })
    fc.assert(
      fc.property(any, growth, (tariff, steps) => {
        let [reading, paid] = [tariff.start, 0n]
        for (const step of steps) {
          reading += step
          const owed = due(tariff, reading) - paid
          expect(owed >= 0n).to.equal(true)
          paid += owed
        }
        const exact = (tariff.price * (reading - tariff.start)) / tariff.per
        if (exact < tariff.cap) expect(paid).to.equal(exact)
        else expect(paid).to.equal(tariff.cap)
      }),
    )
  })

  it('is refused if it runs backwards', () => {
    for (const wrong of [{ per: 0n }, { per: -1n }, { price: -1n }, { cap: -1n }])
      expect(() => due({ ...meter, ...wrong }, 2_000n)).to.throw(InvalidOptionError)
  })
})
