import { expect } from 'chai'
import { network } from 'hardhat'
import Conditions from '../ignition/modules/Conditions.ts'
import House from '../ignition/modules/House.ts'
import Tallystick from '../ignition/modules/Tallystick.ts'
import { clockData, logicData } from '../sdk/core/conditions.ts'
import { WHOLE } from '../sdk/core/outcome.ts'
import type { Hex } from '../sdk/core/types.ts'

const { ignition } = await network.create()

describe('the Ignition modules', () => {
  it('deploy contracts that know each other', async () => {
    const { adjudicator, registry } = await ignition.deploy(Tallystick)
    expect(await adjudicator.getFunction('registry')()).to.equal(await registry.getAddress())
  })

  it('deploy conditions for the registry that is there, and logic that reads it', async () => {
    const { clockCondition, logicCondition, registry } = await ignition.deploy(Conditions)
    expect(await logicCondition.getFunction('registry')()).to.equal(await registry.getAddress())
    const ask = async (condition: typeof clockCondition, data: Uint8Array): Promise<Hex> => {
      const key = await registry.getFunction('record').staticCall(condition, data, '0x')
      await registry.getFunction('record')(condition, data, '0x')
      return key
    }
    const clock = await ask(clockCondition, clockData(1n))
    const whole = await ask(logicCondition, logicData({ operation: 'and', parts: [clock] }))
    const [value] = await registry.getFunction('outcome')(whole)
    expect(value).to.equal(WHOLE)
  })

  it('found a house for the registry and the court that are there', async () => {
    const operator = `0x${'12'.repeat(20)}`
    const { house, court, registry } = await ignition.deploy(House, { parameters: { House: { operator } } })
    expect(await house.getFunction('court')()).to.equal(await court.getAddress())
    const rules = await house.getFunction('rules')()
    expect([rules.operator.toLowerCase(), rules.registry]).to.deep.equal([operator, await registry.getAddress()])
  })
})
