import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'

/** The contracts of a chain: none has an owner or a setting, so one deployment serves everybody on it. */
export default buildModule('Tallystick', (m) => {
  const registry = m.contract('OutcomeRegistry')
  const secretCondition = m.contract('SecretCondition')
  const adjudicator = m.contract('Adjudicator', [registry])
  return { registry, secretCondition, adjudicator }
})
