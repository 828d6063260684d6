import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import { ZeroAddress } from 'ethers'
import Court from './Court.ts'
import Tallystick from './Tallystick.ts'

const HOUR = 3_600
const DAY = 24 * HOUR

/** A clearing house, for the registry and the court of the chain. Times in seconds; `operator` must be given. */
export default buildModule('House', (m) => {
  const { registry } = m.useModule(Tallystick)
  const { court } = m.useModule(Court)
  const house = m.contract('ClearingHouse', [
    {
      court,
      operator: m.getParameter<string>('operator'),
      registry,
      assets: m.getParameter('assets', [ZeroAddress]),
      interval: m.getParameter('interval', DAY),
      window: m.getParameter('window', DAY),
      answerTime: m.getParameter('answerTime', DAY),
      answerTimeEach: m.getParameter('answerTimeEach', 60),
      answerTimeMost: m.getParameter('answerTimeMost', 7 * DAY),
    },
  ])
  return { registry, court, house }
})
