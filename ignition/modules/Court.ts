import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'

/** The court of all clearing houses of a chain: it has no owner and no setting, so one deployment serves everybody. */
export default buildModule('Court', (m) => ({ court: m.contract('HouseCourt') }))
