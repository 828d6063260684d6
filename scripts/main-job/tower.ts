import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type JsonRpcProvider, Wallet } from 'ethers'
import type { Address } from '../../sdk/core/types.ts'
import { fund, type Stage } from './cast.ts'
import { JobError } from './errors.ts'
import { TowerSpec } from './messages.ts'
import { endProcess } from './processes.ts'

const PROGRAM = fileURLToPath(new URL('../../sdk/cli/main.ts', import.meta.url))

/** `tallystick tower`, as an operator would run it. */
export interface Tower {
  /** The account that pays for its answers. */
  readonly owner: Address
  readonly spec: TowerSpec
  /** Resolves when it has answered so many disputes. */
  answered(times: number): Promise<void>
}

/** Runs a watchtower with a file and an account of its own; `stack` ends it. */
export async function startTower(stage: Omit<Stage, 'tower'>, provider: JsonRpcProvider): Promise<Tower> {
  const { rpc, deployed, folder, stack } = stage
  const wallet = Wallet.createRandom()
  const owner = wallet.address.toLowerCase() as Address
  const [key, store] = [join(folder, 'tower.key'), join(folder, 'tower.sqlite')]
  writeFileSync(key, wallet.privateKey, { mode: 0o600 })
  await fund(owner, stage, provider)
  const places = ['--rpc', rpc, '--adjudicator', deployed.adjudicator, '--key-file', key, '--store', store]
  const args = ['--disable-warning=ExperimentalWarning', PROGRAM, 'tower', ...places, '--listen', 'tcp://127.0.0.1:0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  stack.defer(() => endProcess(child))
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints = (complaints + chunk).slice(-4_000)
  })
  const lines: { readonly msg: string; readonly towers?: unknown }[] = []
  const log = createInterface(child.stdout)
  log.on('line', (line) => lines.push(JSON.parse(line)))
  const until = async (isSo: () => boolean) => {
    while (!isSo()) {
      if (child.exitCode !== null) throw new JobError(`The tower ended: ${complaints.trim() || 'it said nothing'}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const said = (msg: string) => lines.filter((line) => line.msg === msg)
  await until(() => said('watching').length > 0)
  const [spec] = TowerSpec.array().parse(said('watching')[0]!.towers)
  return { owner, spec: spec!, answered: (times) => until(() => said('answered').length >= times) }
}
