import { parseArgs } from 'node:util'
import { stepPart } from '../../sdk/protocols/forwarding.ts'
import { POLICY } from './route.ts'
import { searchAll } from './search-all.ts'

// All coalitions on routes of the sizes asked for: npm run model -- --parties 5 --limit 2000000

const { values } = parseArgs({
  options: { parties: { type: 'string', default: '5' }, limit: { type: 'string', default: '1000000' } },
})
const [parties, limit] = [Number(values.parties), Number(values.limit)]
if (!Number.isInteger(parties) || parties < 3 || parties > 8 || !(limit > 0)) {
  console.error('Give --parties from 3 to 8, and a --limit of states for each coalition above 0.')
  process.exitCode = 1
} else {
  const began = performance.now()
  const setting = { mode: 'sprites', parties, rules: stepPart, policy: POLICY } as const
  const { states, attacks, cut } = searchAll(setting, limit, console.log)
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(
    `${states.toLocaleString('en')} states in ${seconds} s, ${attacks.length} attacks, ${cut} coalitions cut off`,
  )
  if (attacks.length > 0) process.exitCode = 1
}
