#!/usr/bin/env node
import { Command } from 'commander'
import { TallystickError } from '../core/errors.ts'
import type { ExitArgs } from './exit.ts'
import type { FoundArgs } from './found.ts'
import type { HouseArgs } from './house.ts'
import type { HouseTowerArgs } from './house-tower.ts'
import type { HubArgs } from './hub.ts'
import type { InspectArgs } from './inspect.ts'
import type { NewAppArgs } from './new-app.ts'
import type { RecoverArgs } from './recover.ts'
import type { TowerArgs } from './tower.ts'

// Commands are loaded when they are asked for, so that help and mistakes are answered at once.
const program = new Command('tallystick')
  .description('State channels for Ethereum: what can be done with a chain alone, what runs for others, and new apps')
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('(add --help for the options)')

program
  .command('exit')
  .description(
    'Leaves every channel of an exit file: challenges, waits, answers, settles and claims. Stop and repeat it at will.',
  )
  .requiredOption('--file <path>', 'exit file, as exportExit of a node wrote it')
  .requiredOption('--key-file <path>', 'private key of an account with gas money: hex, or an encrypted keystore')
  .option('--password-file <path>', 'password of the keystore')
  .requiredOption('--rpc <url>', 'RPC of the chain, http(s) or ws(s)')
  .option('--confirmations <blocks>', 'blocks until something counts as final')
  .option('--dry-run', 'shows what would be done and what it costs, and sends nothing')
  .option('--json', 'prints one JSON object a line')
  .action(async (args: ExitArgs) => (await import('./exit.ts')).exit(args))

program
  .command('inspect')
  .description('Shows ledgers as the chain holds them: of an exit file, or of one channel')
  .option('--file <path>', 'exit file')
  .option('--channel <id>', 'channel id')
  .option('--asset <address>', "a token; default: the chain's coin")
  .option('--adjudicator <address>', 'where the contracts are, with --channel')
  .requiredOption('--rpc <url>', 'RPC of the chain, http(s) or ws(s)')
  .option('--confirmations <blocks>', 'blocks until something counts as final')
  .option('--json', 'prints one JSON object a line')
  .action(async (args: InspectArgs) => (await import('./inspect.ts')).inspect(args))

program
  .command('recover')
  .description('Finds announced channels again from a seed and the chain alone')
  .requiredOption('--seed-file <path>', 'the words, or 0x and 16 to 64 bytes in hex')
  .requiredOption('--owner <address>', 'the account that receives the payouts')
  .requiredOption('--rpc <url>', 'RPC of the chain, http(s) or ws(s)')
  .requiredOption('--adjudicator <address>', 'where the contracts are')
  .option('--from-block <number>', 'where to begin to look', '0')
  .option('--confirmations <blocks>', 'blocks until something counts as final')
  .option('--out <path>', 'writes an exit file without states, to leave where no node remembers them')
  .option('--json', 'prints one JSON object a line')
  .action(async (args: RecoverArgs) => (await import('./recover.ts')).recover(args))

program
  .command('tower')
  .description('Runs a watchtower: answers stale challenges for members that are offline')
  .requiredOption('--rpc <url>', 'RPC of the chain, http(s) or ws(s); best one with traces')
  .requiredOption('--adjudicator <address>', 'where the contracts are')
  .requiredOption(
    '--key-file <path>',
    'private key of the account that pays for answers: hex, or an encrypted keystore',
  )
  .option('--password-file <path>', 'password of the keystore')
  .option('--from-block <number>', 'block of the deployment, or any earlier one', '0')
  .option('--confirmations <blocks>', 'blocks until something counts as final')
  .option('--store <path>', 'where appointments are kept', 'tower.sqlite')
  .option(
    '--identity-file <path>',
    'key that clients know the tower by; made if missing (default: the store with .identity)',
  )
  .option('--listen <address...>', 'tcp:// or ws://, host and port', ['tcp://0.0.0.0:7100'])
  .option('--margin <seconds>', 'how long before its expiry a dispute is answered at the latest', '600')
  .option('--delay <seconds>', 'how long others have to answer first', '0')
  .option('--settle', 'also settles what it answered for')
  .option('--days <days>', 'how long a receipt binds', '30')
  .option('--per-client <ledgers>', 'most ledgers of one client', '1000')
  .option('--ledgers <ledgers>', 'most ledgers altogether', '1000000')
  .option('--reserve-gas <gas>', 'alarms when the account cannot pay for so much gas', '500000')
  .option('--max-fee-per-gas <wei>', 'never offers more for a unit of gas; an answer may then come too late')
  .option('--metrics <host:port>', 'serves /metrics and /healthz there')
  .option('--log-level <level>', 'debug, info, warn, error or silent', 'info')
  .action(async (args: TowerArgs) => (await import('./tower.ts')).tower(args))

program
  .command('hub')
  .description('Runs a hub: carries payments between its clients, for a fee')
  .option(
    '--config <path>',
    'JSON file with everything, also what has no option here: fees, limits, who may open, towers',
  )
  .option('--print-config', 'shows what would be used, with every default, and ends')
  .option('--rpc <url>', 'RPC of the chain, http(s) or ws(s)')
  .option('--adjudicator <address>', 'where the contracts are')
  .option('--from-block <number>', 'block of the deployment, or any earlier one')
  .option('--confirmations <blocks>', 'blocks until something counts as final')
  .option('--key-file <path>', 'private key of the account that pays for gas: hex, or an encrypted keystore')
  .option('--password-file <path>', 'password of the keystore')
  .option('--owner <address>', 'the account that receives the payouts (default: the one that pays for gas)')
  .option('--store <path>', 'where states and payments are kept (default: hub.sqlite)')
  .option(
    '--identity-file <path>',
    'session key that clients know the hub by; made if missing (default: the store with .identity)',
  )
  .option('--listen <address...>', 'tcp:// or ws://, host and port (default: tcp://0.0.0.0:7000)')
  .option('--metrics <host:port>', 'serves /metrics and /healthz there')
  .option('--log-level <level>', 'debug, info, warn, error or silent (default: info)')
  .action(async (args: HubArgs) => (await import('./hub.ts')).hub(args))

program
  .command('found')
  .description('Founds a clearing house; nothing of its terms can be changed later')
  .requiredOption('--rpc <url>', 'RPC of the chain, http(s)')
  .requiredOption('--key-file <path>', 'private key of the account that pays: hex, or an encrypted keystore')
  .option('--password-file <path>', 'password of the keystore')
  .requiredOption('--operator <address>', 'the account that will run it')
  .requiredOption('--registry <address>', 'outcomes by which locks are decided')
  .option('--court <address>', 'a court that is there already; default: a new one')
  .requiredOption('--asset <address...>', 'one to four tokens; zero stands for the coin')
  .option('--interval <seconds>', 'the longest time from one commit to the next', '86400')
  .option('--window <seconds>', 'how long an epoch can be challenged', '259200')
  .option('--answer-time <seconds>', 'how long answers may take after that', '86400')
  .option('--answer-time-each <seconds>', 'how much longer for each challenge', '60')
  .option('--answer-time-most <seconds>', 'how long at most', '604800')
  .option('--artifacts <folder>', 'where Hardhat compiled the contracts', 'artifacts')
  .option('--json', 'prints one JSON object')
  .action(async (args: FoundArgs) => (await import('./found.ts')).found(args))

program
  .command('house')
  .description('Runs the operator of a clearing house: orders payments of its members and commits to them')
  .requiredOption('--rpc <url>', 'RPC of the chain, http(s) or ws(s)')
  .requiredOption('--house <address>', 'the clearing house')
  .requiredOption('--key-file <path>', "private key of the house's operator: hex, or an encrypted keystore")
  .option('--password-file <path>', 'password of the keystore')
  .option('--from-block <number>', 'block of the foundation, or any earlier one', '0')
  .option('--confirmations <blocks>', 'blocks until something counts as final')
  .option('--store <path>', 'where books and epochs are kept', 'house.sqlite')
  .option(
    '--seal-file <path>',
    'notices an old copy of the store; best on another disk (default: the store with .seal)',
  )
  .option('--listen <address...>', 'tcp:// or ws://, host and port', ['tcp://0.0.0.0:7200'])
  .option('--epoch-seconds <seconds>', "from one cut to the next (default: a quarter of the house's interval)")
  .option('--limits <path>', 'JSON file: what the stake insures of members (default: nothing)')
  .option('--unfunded <members>', 'most members without a deposit', '10000')
  .option('--connections <connections>', 'most connections', '10000')
  .option('--per-host <connections>', 'most of them from one host; raise it behind a proxy', '256')
  .option('--per-second <requests>', 'most requests of one member a second', '1000')
  .option('--reserve-gas <gas>', 'alarms when the account cannot pay for so much gas', '2000000')
  .option(
    '--max-fee-per-gas <wei>',
    'never offers more for a unit of gas; a commit or an answer may then come too late',
  )
  .option('--metrics <host:port>', 'serves /metrics and /healthz there')
  .option('--log-level <level>', 'debug, info, warn, error or silent', 'info')
  .action(async (args: HouseArgs) => (await import('./house.ts')).house(args))

program
  .command('house-tower')
  .description('Watches a clearing house for members that are away: checks their leaves and challenges what is wrong')
  .requiredOption('--rpc <url>', 'RPC of the chain, http(s) or ws(s)')
  .requiredOption('--house <address>', 'the clearing house')
  .requiredOption('--watch <folder>', 'watch files, as exportWatch of members wrote them: *.json, also while it runs')
  .requiredOption(
    '--key-file <path>',
    'private key of the account that pays bonds and gas: hex, or an encrypted keystore',
  )
  .option('--password-file <path>', 'password of the keystore')
  .option('--operator <address>', 'where the operator is; default: every epoch is demanded before the court')
  .option('--exits <folder>', "keeps each member's newest exit file there")
  .option('--from-block <number>', 'block of the foundation, or any earlier one', '0')
  .option('--confirmations <blocks>', 'blocks until something counts as final')
  .option('--store <path>', 'where leaves and challenges are kept', 'house-tower.sqlite')
  .option(
    '--identity-file <path>',
    'key that members let see their leaves; made if missing (default: the store with .identity)',
  )
  .option('--reserve-gas <gas>', 'alarms when the account cannot pay for so much gas', '1000000')
  .option('--max-fee-per-gas <wei>', 'never offers more for a unit of gas; a challenge may then come too late')
  .option('--metrics <host:port>', 'serves /metrics and /healthz there')
  .option('--log-level <level>', 'debug, info, warn, error or silent', 'info')
  .action(async (args: HouseTowerArgs) => (await import('./house-tower.ts')).houseTower(args))

program
  .command('new-app')
  .description('Writes a new app: a contract, its twin in TypeScript, a test with real nodes, a program that plays it')
  .argument('<name>', 'what it is called, such as four-wins')
  .argument('[folder]', 'where it is written; new or empty (default: the name)')
  .option('--json', 'prints one JSON object')
  .action(async (name: string, folder: string | undefined, args: NewAppArgs) =>
    (await import('./new-app.ts')).newApp(name, folder, args),
  )

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = 1
  // A stack trace helps nobody at a command line; a mistake of the program itself says so.
  const known = error instanceof TallystickError
  // What ethers says at length holds whole transactions.
  const { shortMessage, message = error } = error as { shortMessage?: string; message?: string }
  console.error(known ? `error: ${message}` : `error: ${shortMessage ?? message} (unexpected)`)
  if (!known && process.env.DEBUG) console.error(error)
}
