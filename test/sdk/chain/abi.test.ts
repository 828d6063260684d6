import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { Interface } from 'ethers'
import { adjudicatorAbi, registryAbi } from '../../../sdk/chain/abi.ts'

function compiled(contract: string): Interface {
  const file = new URL(`../../../artifacts/contracts/${contract}.sol/${contract}.json`, import.meta.url)
  return new Interface(JSON.parse(readFileSync(file, 'utf8')).abi)
}

const lines = (abi: Interface): string[] =>
  abi.fragments
    .filter(({ type }) => type !== 'constructor')
    .map((fragment) => fragment.format('full'))
    .sort()

describe('ABI of the SDK', () => {
  it('is what the adjudicator compiles to', () => {
    expect(lines(adjudicatorAbi)).to.deep.equal(lines(compiled('Adjudicator')))
  })

  it('is what the outcome registry compiles to', () => {
    expect(lines(registryAbi)).to.deep.equal(lines(compiled('OutcomeRegistry')))
  })
})
