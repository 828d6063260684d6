import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { expect } from 'chai'
import { Interface } from 'ethers'
import { artifacts } from 'hardhat'
import { loadApp } from '../../../sdk/apps/evm-deploy.ts'
import type { Hex } from '../../../sdk/core/types.ts'

const names = globSync('contracts/apps/*.sol').map((file) => basename(file, '.sol'))

describe('The example apps', () => {
  it('are functions of state and move alone', async () => {
    for (const name of names) loadApp({ initCode: (await artifacts.readArtifact(name)).bytecode as Hex })
    expect(names.length).to.be.greaterThan(6)
  })

  it('show the types of state and move in their ABI', async () => {
    for (const name of names) {
      const { abi } = await artifacts.readArtifact(name)
      const inputs = new Interface(abi).getFunction('types')?.inputs ?? []
      expect(
        inputs.map((input) => [input.name, input.baseType]),
        name,
      ).to.deep.equal([
        ['state', 'tuple'],
        ['move', 'tuple'],
      ])
    }
  })
})
