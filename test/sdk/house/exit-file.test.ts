import { expect } from 'chai'
import fc from 'fast-check'
import { formatHouseExit, type HouseExit, parseHouseExit } from '../../../sdk/house/member/exit-file.ts'
import { fromText, toText } from '../../../sdk/house/member/plain.ts'

const EMPTY: HouseExit = {
  domain: { chainId: 31_337n, adjudicator: `0x${'aa'.repeat(20)}` },
  identity: { signer: `0x${'bb'.repeat(20)}`, owner: `0x${'cc'.repeat(20)}` },
  payees: [],
  epochs: [],
  postings: [],
  receipts: [],
  accounts: [],
  incoming: [],
}

const code = (text: string) => {
  try {
    parseHouseExit(text)
    return 'taken'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('an exit file of a house', () => {
  it('is read as it was written', () => {
    expect(parseHouseExit(formatHouseExit(EMPTY))).to.deep.equal(EMPTY)
  })

  it('is refused if it is damaged, or something else', () => {
    const text = formatHouseExit(EMPTY)
    for (const other of ['', 'null', '[]', '{}', text.slice(1), text.replace('house exit', 'node exit')])
      expect(code(other), other).to.equal('NOT_A_HOUSE_EXIT_FILE')
    const broken = { ...EMPTY, epochs: [{ epoch: {}, proof: {} }] } as unknown as HouseExit
    expect(code(formatHouseExit(broken))).to.equal('NOT_A_HOUSE_EXIT_FILE')
    const astray = { ...EMPTY, incoming: [{ epoch: {}, proof: {} }] } as unknown as HouseExit
    expect(code(formatHouseExit(astray))).to.equal('NOT_A_HOUSE_EXIT_FILE')
  })
})

describe('plain data as text', () => {
  it('comes back as it was: amounts, bytes and places without a value', () => {
    const leaf = fc.oneof(fc.bigInt(), fc.uint8Array(), fc.constant(undefined), fc.string(), fc.integer(), fc.boolean())
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('any')), fc.record({ a: tie('any'), b: tie('any') })),
    })).any
    fc.assert(
      fc.property(value, (one) => {
        expect(fromText(toText(one))).to.deep.equal(one)
      }),
      { numRuns: 200, seed: 20261126 },
    )
  })
})
