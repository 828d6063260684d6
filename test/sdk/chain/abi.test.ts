import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { Interface } from 'ethers'
import { adjudicatorAbi, registryAbi } from '../../../sdk/chain/abi.ts'
import { arbiterAbi } from '../../../sdk/chain/apps/abi.ts'
import { courtAbi, houseAbi, stakeAbi } from '../../../sdk/chain/house/abi.ts'
import { houseErrorAbi } from '../../../sdk/chain/house/error-abi.ts'

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

  it('is what the arbiter of apps compiles to', () => {
    expect(lines(arbiterAbi)).to.deep.equal(lines(compiled('AppArbiter')))
  })

  it('is what the outcome registry compiles to', () => {
    expect(lines(registryAbi)).to.deep.equal(lines(compiled('OutcomeRegistry')))
  })

  it('takes from the contracts of houses what they have, and nothing else', () => {
    for (const [name, abi] of [
      ['ClearingHouse', houseAbi],
      ['HouseCourt', courtAbi],
      ['HouseStake', stakeAbi],
    ] as const)
      expect(lines(compiled(name))).to.include.members(lines(abi))
  })

  it('knows every error of the contracts of houses', () => {
    const errors = (abi: Interface) => lines(abi).filter((line) => line.startsWith('error '))
    const theirs = ['ClearingHouse', 'HouseCourt', 'HouseStake'].flatMap((name) => errors(compiled(name)))
    const ours = [...errors(houseErrorAbi), ...errors(adjudicatorAbi)]
    expect(theirs.filter((line) => !ours.includes(line))).to.deep.equal([])
    expect(errors(houseErrorAbi).filter((line) => !theirs.includes(line))).to.deep.equal([])
  })
})
