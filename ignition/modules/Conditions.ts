import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import Tallystick from './Tallystick.ts'

/** Conditions beside secrets, for the registry of a chain: apart, since channels work without them. One deployment serves everybody. */
export default buildModule('Conditions', (m) => {
  const { registry } = m.useModule(Tallystick)
  const pointCondition = m.contract('PointCondition')
  const clockCondition = m.contract('ClockCondition')
  const vouchedCondition = m.contract('VouchedCondition')
  const logicCondition = m.contract('LogicCondition', [registry])
  return { registry, pointCondition, clockCondition, vouchedCondition, logicCondition }
})
