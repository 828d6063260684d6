import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import Tallystick from './Tallystick.ts'

/** The judge of apps, for the registry of a chain: apart, since channels work without it. One deployment serves everybody. */
export default buildModule('Arbiter', (m) => {
  const { registry } = m.useModule(Tallystick)
  return { registry, arbiter: m.contract('AppArbiter', [registry]) }
})
