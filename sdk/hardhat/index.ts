import { emptyTask, task } from 'hardhat/config'
import { ArgumentType } from 'hardhat/types/arguments'
import type { HardhatPlugin } from 'hardhat/types/plugins'
import { DEPOSIT_FORMS } from './deposit-forms.ts'
import { HOUSE_STEPS } from './house/steps.ts'
import { AMOUNT, AS, ASSET, JSON_FLAG, TEXT } from './options.ts'

const channel = {
  name: 'channel',
  description: 'A channel id; default: the only one',
  ...TEXT,
} as const
const jump = {
  name: 'jump',
  description: "Moves a development chain's clock to the end of the challenge period",
} as const

const step = (name: string, description: string) => task(['tally', name], description)

/**
 * `npx hardhat tally ...`: the steps of a channel's life one by one, and with `tally house ...` those of a clearing house, on any
 * configured network. Each actor is a name with a
 * folder of its own below `.tallystick`, so that several can be played on one machine.
 *
 * @example
 * ```ts
 * import tallystick from 'tallystick/hardhat'
 * export default defineConfig({ plugins: [tallystick] })
 * ```
 */
const plugin: HardhatPlugin = {
  id: 'tallystick',
  npmPackage: 'tallystick',
  tasks: [
    emptyTask(
      'tally',
      'State channels step by step: deploy, open, deposit, pay, withdraw, challenge, respond, settle; and a clearing house',
    ).build(),
    step('deploy', 'Deploys the contracts, unless they are there already')
      .addFlag({ name: 'token', description: 'Deploys a demonstration token as well' })
      .setAction(() => import('./tasks/deploy.ts'))
      .build(),
    step('open', 'Agrees with a peer on a channel; nothing is sent to the chain')
      .addOption(AS)
      .addOption({
        name: 'peer',
        description: 'Another actor here, or an address such as tcp://host:port',
        ...TEXT,
      })
      .addOption(ASSET)
      .addOption({
        name: 'period',
        description: 'Challenge period in seconds',
        type: ArgumentType.INT,
        defaultValue: 3_600,
      })
      .setAction(() => import('./tasks/open.ts'))
      .build(),
    step('deposit', "Pays an actor's own money into its channel")
      .addOption(AS)
      .addOption(AMOUNT)
      .addOption(ASSET)
      .addOption(channel)
      .addOption({
        name: 'by',
        description: `How the money gets there: ${DEPOSIT_FORMS.join(', ')}; default: whatever takes the fewest transactions`,
        ...TEXT,
      })
      .setAction(() => import('./tasks/deposit.ts'))
      .build(),
    step('pay', 'Pays the peer off chain')
      .addOption(AS)
      .addOption(AMOUNT)
      .addOption(ASSET)
      .addOption(channel)
      .addOption({ name: 'memo', description: 'A note for the peer', ...TEXT })
      .addOption({ name: 'count', description: 'How many such payments', type: ArgumentType.INT, defaultValue: 1 })
      .setAction(() => import('./tasks/pay.ts'))
      .build(),
    step('withdraw', "Pays money out with the peer's consent while the channel goes on")
      .addOption(AS)
      .addOption(AMOUNT)
      .addFlag({ name: 'all', description: 'Pays everything out to both' })
      .addOption(ASSET)
      .addOption(channel)
      .setAction(() => import('./tasks/withdraw.ts'))
      .build(),
    step('challenge', 'Starts a dispute without the peer')
      .addOption(AS)
      .addFlag({ name: 'stale', description: 'Shows no state at all, as a cheat would: the peer has to respond' })
      .addOption(ASSET)
      .addOption(channel)
      .setAction(() => import('./tasks/challenge.ts'))
      .build(),
    step('respond', 'Answers a dispute with the newest states, if it needs an answer')
      .addOption(AS)
      .addOption(ASSET)
      .addOption(channel)
      .setAction(() => import('./tasks/respond.ts'))
      .build(),
    step('settle', 'Pays everybody out after the challenge period')
      .addOption(AS)
      .addFlag(jump)
      .addOption(ASSET)
      .addOption(channel)
      .setAction(() => import('./tasks/settle.ts'))
      .build(),
    step('inspect', 'Shows the deployment, or what an actor has')
      .addOption(AS)
      .addFlag(JSON_FLAG)
      .setAction(() => import('./tasks/inspect.ts'))
      .build(),
    step('listen', 'Keeps an actor online for peers elsewhere until it is interrupted')
      .addOption(AS)
      .addOption({
        name: 'at',
        description: 'Where to listen',
        type: ArgumentType.STRING,
        defaultValue: 'tcp://127.0.0.1:7700',
      })
      .setAction(() => import('./tasks/listen.ts'))
      .build(),
    ...HOUSE_STEPS,
  ],
}

export default plugin
