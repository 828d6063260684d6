import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type JsonRpcProvider, Wallet } from 'ethers'
import { createHardhatRuntimeEnvironment } from 'hardhat/hre'
import { z } from 'zod'
import config from '../../hardhat.config.ts'
import { type FoundedHouse, foundHouse } from '../../sdk/chain/house/deploy.ts'
import { type Address, COIN, type Hex } from '../../sdk/core/types.ts'
import { root } from '../tools.ts'
import { fund, type Stage } from './cast.ts'
import { JobError } from './errors.ts'
import { openBank } from './money.ts'
import { endProcess } from './processes.ts'

const PROGRAM = fileURLToPath(new URL('../../sdk/cli/main.ts', import.meta.url))
/** Seconds in which an epoch can be challenged. */
export const WINDOW = 1_000
const TIMES = {
  interval: 1_000_000n,
  window: BigInt(WINDOW),
  answerTime: 500n,
  answerTimeEach: 10n,
  answerTimeMost: 900n,
}

/** A house at work. */
export interface RunningHouse {
  readonly founded: FoundedHouse
  /** Where its operator is. */
  readonly address: string
  /** Ends the operator in the middle of whatever it does. */
  kill(): Promise<void>
}

/** Founds a house for coins and the demo token, and runs its operator as a process of its own; `stage.stack` ends it. */
export async function openHouse(stage: Stage, provider: JsonRpcProvider): Promise<RunningHouse> {
  const operator = Wallet.createRandom()
  const account = operator.address.toLowerCase() as Address
  await fund(account, stage, provider)
  const founded = await foundHouse(await provider.getSigner(0), await codeOf(), {
    ...TIMES,
    operator: account,
    registry: await openBank(provider, stage.deployed).registry(),
    assets: [COIN, stage.deployed.token],
  })
  return { founded, ...(await startOperator(stage, founded, operator.privateKey)) }
}

async function codeOf() {
  const hre = await createHardhatRuntimeEnvironment(config, {}, root)
  const [house, court] = await Promise.all(
    ['ClearingHouse', 'HouseCourt'].map((name) => hre.artifacts.readArtifact(name)),
  )
  return { house: house!.bytecode as Hex, court: court!.bytecode as Hex }
}

const Clearing = z.object({ houses: z.array(z.object({ address: z.string() })).min(1) })

/** `tallystick house`, as an operator would run it. */
async function startOperator(stage: Stage, { house, fromBlock }: FoundedHouse, privateKey: string) {
  const [key, store] = [join(stage.folder, 'operator.key'), join(stage.folder, 'house.sqlite')]
  writeFileSync(key, privateKey, { mode: 0o600 })
  const args = [
    '--rpc',
    stage.rpc,
    '--house',
    house,
    '--from-block',
    String(fromBlock),
    '--key-file',
    key,
    '--store',
    store,
  ]
  const more = ['--listen', 'tcp://127.0.0.1:0', '--confirmations', '1', '--epoch-seconds', '4', '--per-host', '8000']
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, 'house', ...args, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = () => endProcess(child)
  stage.stack.defer(kill)
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints = (complaints + chunk).slice(-4_000)
  })
  const address = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const said = Clearing.safeParse(JSON.parse(line))
      if (said.success) resolve(said.data.houses[0]!.address)
    })
    child.once('exit', () =>
      reject(new JobError(`The house's operator ended: ${complaints.trim() || 'it said nothing'}`)),
    )
  })
  return { address, kill }
}
