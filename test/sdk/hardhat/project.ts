import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHardhatRuntimeEnvironment } from 'hardhat/hre'
import tallystick from '../../../sdk/hardhat/index.ts'
import { startAnvil, type TestChain } from '../chain/anvil.ts'

const here = fileURLToPath(new URL('../../..', import.meta.url))

/** A dApp's project in a folder of its own, with the compiled contracts and the packages of this one, on a chain of its own. */
export interface Project {
  readonly chain: TestChain
  readonly root: string
  /** What tasks have printed. */
  readonly printed: string[]
  /** Runs a task in this process. */
  // biome-ignore lint/suspicious/noExplicitAny: tasks give what they like.
  run(task: string, args?: object): Promise<any>
  /** The message with which a task fails. */
  failure(task: string, args?: object): Promise<string>
  /** Runs a task in a process of its own. */
  start(args: readonly string[], onText?: (text: string) => void): Command
  /** Names the networks for `start`. */
  configure(networks: Readonly<Record<string, string>>): void
  stop(): Promise<void>
}

export interface Command {
  readonly child: ReturnType<typeof spawn>
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>
}

export async function openProject(): Promise<Project> {
  const chain = await startAnvil()
  const root = mkdtempSync(join(tmpdir(), 'tally-'))
  for (const name of ['artifacts', 'node_modules']) symlinkSync(join(here, name), join(root, name))
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
  const config = { plugins: [tallystick], networks: { live: { type: 'http' as const, url: chain.url } } }
  const hre = await createHardhatRuntimeEnvironment(config, { network: 'live' }, root)
  const printed: string[] = []
  const run = async (task: string, args: object = {}) => {
    const { log } = console
    console.log = (line: string) => printed.push(line)
    try {
      return await hre.tasks.getTask(['tally', ...task.split(' ')]).run(args)
    } finally {
      console.log = log
    }
  }
  const failure = (task: string, args: object = {}): Promise<string> =>
    run(task, args).then(
      () => 'It worked.',
      (error: Error) => error.message,
    )
  const stop = async () => {
    await chain.stop()
    rmSync(root, { recursive: true })
  }
  const configure = (networks: Readonly<Record<string, string>>) => writeConfig(root, networks)
  return { chain, root, printed, run, failure, start: (args, onText) => start(root, args, onText), configure, stop }
}

function writeConfig(root: string, networks: Readonly<Record<string, string>>): void {
  const http = Object.fromEntries(Object.entries(networks).map(([name, url]) => [name, { type: 'http', url }]))
  const plugin = JSON.stringify(join(here, 'sdk/hardhat/index.ts'))
  const text = `import tallystick from ${plugin}\nexport default { plugins: [tallystick], networks: ${JSON.stringify(http)} }\n`
  writeFileSync(join(root, 'hardhat.config.ts'), text)
}

function start(root: string, args: readonly string[], onText: (text: string) => void = () => {}): Command {
  // On a CI Hardhat shows stack traces of its own accord.
  const { CI: _, ...env } = process.env
  const child = spawn(process.execPath, [join(root, 'node_modules/hardhat/dist/src/cli.js'), ...args], {
    cwd: root,
    env: { ...env, NO_COLOR: '1' },
  })
  let output = ''
  const collect = (chunk: Buffer) => {
    output += chunk
    onText(`${chunk}`)
  }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', collect)
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, output })),
  )
  return { child, ended }
}
