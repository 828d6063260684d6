import { emptyTask, task } from 'hardhat/config'
import { ArgumentType } from 'hardhat/types/arguments'
import { AMOUNT, AS, ASSET, JSON_FLAG, TEXT } from '../options.ts'

const AT = {
  name: 'at',
  description: 'Where the operator is, e.g. tcp://127.0.0.1:7200; default: here, or where it was said to be',
  ...TEXT,
} as const
const JUMP = { name: 'jump', description: "Moves a development chain's clock, so that nobody has to wait" } as const

const whole = <Name extends string>(name: Name, description: string, defaultValue: number) =>
  ({ name, description, type: ArgumentType.INT, defaultValue }) as const
const step = (name: string, description: string) => task(['tally', 'house', name], description)

/** `npx hardhat tally house ...`: the life of a clearing house and of its members, one step after the other. */
export const HOUSE_STEPS = [
  emptyTask(
    ['tally', 'house'],
    'A clearing house step by step: found, join, deposit, pay, withdraw, finalize, dispute, exit',
  ).build(),
  step('found', 'Founds a house on this network, unless there is one already')
    .addOption({
      name: 'operator',
      description: 'The account of an operator elsewhere; default: a new one that runs here, on a development chain',
      ...TEXT,
    })
    .addOption({ name: 'at', description: 'Where members will find that operator', ...TEXT })
    .addOption({ name: 'asset', description: 'A token that the house takes beside the coin', ...TEXT })
    .addOption(whole('interval', 'Seconds without a commit after which the house halts', 604_800))
    .addOption(whole('window', 'Seconds for which an epoch can be disputed', 3_600))
    .addOption(whole('answerTime', 'Seconds that an answer may take after that', 3_600))
    .addFlag({ name: 'anew', description: 'Founds another one; tasks act on that from then on' })
    .setAction(() => import('../tasks/house/found.ts'))
    .build(),
  step('operate', 'Keeps the operator online for members until it is interrupted; without it, each task runs its own')
    .addOption({
      name: 'listen',
      description: 'Where to listen',
      type: ArgumentType.STRING,
      defaultValue: 'tcp://127.0.0.1:7200',
    })
    .addOption(whole('epochSeconds', 'Seconds from one cut to the next', 60))
    .setAction(() => import('../tasks/house/operate.ts'))
    .build(),
  step('join', 'Makes an actor a member, so that it can be paid; also of a house that was founded elsewhere')
    .addOption(AS)
    .addOption({ name: 'house', description: 'The address of a house elsewhere; needs --at', ...TEXT })
    .addOption(AT)
    .addOption(whole('fromBlock', 'Block of that foundation, or any earlier one', 0))
    .setAction(() => import('../tasks/house/join.ts'))
    .build(),
  step('deposit', "Pays a member's own money into the house")
    .addOption(AS)
    .addOption(AMOUNT)
    .addOption(ASSET)
    .addOption(AT)
    .setAction(() => import('../tasks/house/deposit.ts'))
    .build(),
  step('pay', 'Pays another member off chain')
    .addOption(AS)
    .addOption({ name: 'to', description: "Another actor here, or a member's id", ...TEXT })
    .addOption(AMOUNT)
    .addOption(ASSET)
    .addOption(whole('count', 'How many such payments', 1))
    .addOption(AT)
    .setAction(() => import('../tasks/house/pay.ts'))
    .build(),
  step('withdraw', 'Asks for money back; it is paid when the epoch in which it leaves is final')
    .addOption(AS)
    .addOption(AMOUNT)
    .addFlag({ name: 'all', description: 'Everything that the member can spend' })
    .addOption(ASSET)
    .addFlag(JUMP)
    .addOption(AT)
    .setAction(() => import('../tasks/house/withdraw.ts'))
    .build(),
  step('finalize', 'Has the open epoch committed, checks it, and collects what has left when it is final')
    .addOption(AS)
    .addFlag(JUMP)
    .addOption(AT)
    .setAction(() => import('../tasks/house/finalize.ts'))
    .build(),
  step('dispute', 'Demands before the court what a member should have in an epoch; the operator has to answer')
    .addOption(AS)
    .addOption({ name: 'epoch', description: 'Its number; default: the last one', ...TEXT })
    .addFlag({ name: 'unanswered', description: 'Runs no operator, as if it had vanished' })
    .addOption(AT)
    .setAction(() => import('../tasks/house/dispute.ts'))
    .build(),
  step('exit', 'Takes everything out of a house that has halted, without its operator')
    .addOption(AS)
    .addFlag({ ...JUMP, description: "Moves a development chain's clock until the house has halted" })
    .addOption(AT)
    .setAction(() => import('../tasks/house/exit.ts'))
    .build(),
  step('inspect', 'Shows the house and its epochs, or what a member has in it')
    .addOption(AS)
    .addOption(AT)
    .addFlag(JSON_FLAG)
    .setAction(() => import('../tasks/house/inspect.ts'))
    .build(),
]
