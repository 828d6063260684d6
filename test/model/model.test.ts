import { expect } from 'chai'
import { stepPart } from '../../sdk/protocols/forwarding.ts'
import { BROKEN } from './broken.ts'
import { explore } from './explore.ts'
import { POLICY, type Setting } from './route.ts'
import { searchAll } from './search-all.ts'

const sprites = { mode: 'sprites', rules: stepPart, policy: POLICY } as const

describe('the model of payments over several hops', function () {
  this.timeout(180_000)

  for (const parties of [3, 4])
    it(`S35 S36 S37 S38 S40 finds no attack of any coalition on a route of ${parties} parties`, () => {
      const { states, attacks, cut } = searchAll({ ...sprites, parties })
      expect(attacks).to.deep.equal([])
      expect(cut).to.equal(0)
      console.log(`      ${states.toLocaleString('en')} states`)
    })

  it('S35 S36 S38 finds no loss of principal where a reveal costs more than a fee, so that no residual is kept', () => {
    const dear = { ...sprites, policy: { ...POLICY, revealCost: 15n } }
    expect(searchAll({ ...dear, parties: 3 }).attacks).to.deep.equal([])
  })

  it('S35 S36 S38 finds no loss of principal on a route of 3 parties in mode plain', () => {
    expect(searchAll({ ...sprites, mode: 'plain', parties: 3 }).attacks).to.deep.equal([])
  })

  for (const [name, price] of [
    ['more', { from: 7n, to: 3n }],
    ['fewer', { from: 3n, to: 7n }],
  ] as const)
    it(`S46 finds no attack on a swap of ${name} units for others, wherever the hop is that makes it`, () => {
      const circle = { ...sprites, isCircle: true }
      expect(searchAll({ ...sprites, parties: 3, swap: { hop: 1, price } }).attacks).to.deep.equal([])
      expect(searchAll({ ...circle, parties: 3, swap: { hop: 1, price } }).attacks).to.deep.equal([])
      for (const hop of [1, 2]) {
        const { states, attacks, cut } = searchAll({ ...circle, parties: 4, swap: { hop, price } })
        expect(attacks).to.deep.equal([])
        expect(cut).to.equal(0)
        console.log(`      ${states.toLocaleString('en')} states`)
      }
    })

  it('S46 finds no loss of who swaps where less is locked to it than its price', () => {
    const swap = { hop: 1, price: { from: 2n, to: 1n }, offer: 1_010n }
    expect(searchAll({ ...sprites, parties: 3, swap }).attacks).to.deep.equal([])
  })

  for (const { name, finds, ...setting } of BROKEN)
    it(`finds the attack on rules ${name}`, () => {
      const { attack } = explore(setting satisfies Setting)
      expect(attack?.at(-1)).to.match(finds)
    })

  it('explores the same states each time', () => {
    const setting = { ...sprites, parties: 3, coalition: 0b101 }
    expect(explore(setting)).to.deep.equal(explore(setting))
  })
})
