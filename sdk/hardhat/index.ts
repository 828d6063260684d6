import { emptyTask, task } from 'hardhat/config'
import { ArgumentType } from 'hardhat/types/arguments'
import type { HardhatPlugin } from 'hardhat/types/plugins'
import { DEPOSIT_FORMS } from './deposit-forms.ts'

const text = ArgumentType.STRING_WITHOUT_DEFAULT
const as = {
  name: 'as',
  description: 'Who acts: a name of your choice, e.g. alice',
  type: text,
  defaultValue: undefined,
} as const
const asset = {
  name: 'asset',
  description: "A token's address; default: the chain's coin",
  type: text,
  defaultValue: undefined,
} as const
const amount = {
  name: 'amount',
  description: 'In whole units such as 0.5, or smallest ones such as 7wei',
  type: text,
  defaultValue: undefined,
} as const
const channel = {
  name: 'channel',
  description: 'A channel id; default: the only one',
  type: text,
  defaultValue: undefined,
} as const
const jump = {
  name: 'jump',
  description: "Moves a development chain's clock to the end of the challenge period",
} as const

const step = (name: string, description: string) => task(['tally', name], description)

/**
 * `npx hardhat tally ...`: the steps of a channel's life one by one, on any configured network. Each actor is a name with a
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
      'State channels step by step: deploy, open, deposit, pay, withdraw, challenge, respond, settle',
    ).build(),
    step('deploy', 'Deploys the contracts, unless they are there already')
      .addFlag({ name: 'token', description: 'Deploys a demonstration token as well' })
      .setAction(() => import('./tasks/deploy.ts'))
      .build(),
    step('open', 'Agrees with a peer on a channel; nothing is sent to the chain')
      .addOption(as)
      .addOption({
        name: 'peer',
        description: 'Another actor here, or an address such as tcp://host:port',
        type: text,
        defaultValue: undefined,
      })
      .addOption(asset)
      .addOption({
        name: 'period',
        description: 'Challenge period in seconds',
        type: ArgumentType.INT,
        defaultValue: 3_600,
      })
      .setAction(() => import('./tasks/open.ts'))
      .build(),
    step('deposit', "Pays an actor's own money into its channel")
      .addOption(as)
      .addOption(amount)
      .addOption(asset)
      .addOption(channel)
      .addOption({
        name: 'by',
        description: `How the money gets there: ${DEPOSIT_FORMS.join(', ')}; default: whatever takes the fewest transactions`,
        type: text,
        defaultValue: undefined,
      })
      .setAction(() => import('./tasks/deposit.ts'))
      .build(),
    step('pay', 'Pays the peer off chain')
      .addOption(as)
      .addOption(amount)
      .addOption(asset)
      .addOption(channel)
      .addOption({ name: 'memo', description: 'A note for the peer', type: text, defaultValue: undefined })
      .addOption({ name: 'count', description: 'How many such payments', type: ArgumentType.INT, defaultValue: 1 })
      .setAction(() => import('./tasks/pay.ts'))
      .build(),
    step('withdraw', "Pays money out with the peer's consent while the channel goes on")
      .addOption(as)
      .addOption(amount)
      .addFlag({ name: 'all', description: 'Pays everything out to both' })
      .addOption(asset)
      .addOption(channel)
      .setAction(() => import('./tasks/withdraw.ts'))
      .build(),
    step('challenge', 'Starts a dispute without the peer')
      .addOption(as)
      .addFlag({ name: 'stale', description: 'Shows no state at all, as a cheat would: the peer has to respond' })
      .addOption(asset)
      .addOption(channel)
      .setAction(() => import('./tasks/challenge.ts'))
      .build(),
    step('respond', 'Answers a dispute with the newest states, if it needs an answer')
      .addOption(as)
      .addOption(asset)
      .addOption(channel)
      .setAction(() => import('./tasks/respond.ts'))
      .build(),
    step('settle', 'Pays everybody out after the challenge period')
      .addOption(as)
      .addFlag(jump)
      .addOption(asset)
      .addOption(channel)
      .setAction(() => import('./tasks/settle.ts'))
      .build(),
    step('inspect', 'Shows the deployment, or what an actor has')
      .addOption(as)
      .addFlag({ name: 'json', description: 'Prints JSON' })
      .setAction(() => import('./tasks/inspect.ts'))
      .build(),
    step('listen', 'Keeps an actor online for peers elsewhere until it is interrupted')
      .addOption(as)
      .addOption({
        name: 'at',
        description: 'Where to listen',
        type: ArgumentType.STRING,
        defaultValue: 'tcp://127.0.0.1:7700',
      })
      .setAction(() => import('./tasks/listen.ts'))
      .build(),
  ],
}

export default plugin
