import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the project; every tool runs there. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What a tool did: its exit code and everything it printed. */
export type Outcome = { readonly code: number; readonly output: string }

/** Half an hour: far above what any tool needs, so that a test that hangs fails instead of blocking a CI. */
const LIMIT = 1_800_000

/** They end the tool before this process ends, so that none is left behind. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs a tool of node_modules, showing its output as it comes.
 *
 * @param name the command, with its package where that differs: `tsc of typescript`
 * @param show false keeps the output back; read it in the outcome
 */
export function runTool(
  name: string,
  args: readonly string[],
  { show = true, env = {} }: RunOptions = {},
): Promise<Outcome> {
  return runProcess(process.execPath, [toolPath(name), ...args], { show, env })
}

type RunOptions = { readonly show?: boolean; readonly env?: Readonly<Record<string, string>> }

/** Runs any program as {@link runTool} does. */
export function runProcess(
  command: string,
  args: readonly string[],
  { show = true, env = {} }: RunOptions = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...colour(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT,
    })
    let output = ''
    const collect = (stream: NodeJS.WriteStream) => (chunk: Buffer) => {
      output += chunk
      if (show) stream.write(chunk)
    }
    child.stdout.on('data', collect(process.stdout))
    child.stderr.on('data', collect(process.stderr))
    const stop = (signal: NodeJS.Signals) => {
      child.removeAllListeners('close').once('close', () => process.exit(128 + constants.signals[signal]))
      child.kill(signal)
    }
    for (const signal of SIGNALS) process.on(signal, stop)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      for (const name of SIGNALS) process.off(name, stop)
      if (signal !== null)
        console.error(`${command} ${args[0] ?? ''}: ended by ${signal} after ${LIMIT / 60_000} minutes or less.`)
      resolve({ code: code ?? 1, output })
    })
  })
}

/** The tools see a pipe; they colour their output only when told that a terminal is at its end. */
function colour(): Record<string, string> {
  return process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: '1' } : {}
}

function toolPath(name: string): string {
  const [command = name, packageName = command] = name.split(' of ')
  const home = join(root, 'node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  return join(home, typeof bin === 'string' ? bin : bin[command])
}

/** The path of a Foundry program; npm's own wrapper exits with 0 when tests fail. */
export function foundryPath(name: 'forge' | 'anvil'): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const file = process.platform === 'win32' ? `${name}.exe` : name
  return join(root, 'node_modules', '@foundry-rs', `${name}-${process.platform}-${arch}`, 'bin', file)
}
