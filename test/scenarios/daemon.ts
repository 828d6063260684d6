import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from '../until.ts'

const program = fileURLToPath(new URL('../../sdk/cli/main.ts', import.meta.url))

/** A line of its log. */
export type Line = Readonly<Record<string, unknown>> & { readonly msg: string }

/** `tallystick ...` as a process of its own. */
export class Daemon {
  readonly lines: Line[] = []
  errors = ''
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown[]>

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, ['--no-warnings', program, ...args])
    this.#closed = once(this.#child, 'close')
    createInterface(this.#child.stdout!).on('line', (line) => this.lines.push(JSON.parse(line)))
    this.#child.stderr!.on('data', (chunk) => {
      this.errors += chunk
    })
  }

  /** The first line with this message. */
  async said(msg: string): Promise<Line> {
    const find = () => this.lines.find((line) => line.msg === msg)
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error(`It ended with ${this.#child.exitCode}: ${this.errors}`)
      return find() !== undefined
    })
    return find()!
  }

  /** Its exit code; null if it was killed. */
  async ended(): Promise<number | null> {
    const [code] = await this.#closed
    return code as number | null
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal)
    return this.ended()
  }
}

/** The value of a metric, by its name and labels as Prometheus writes them. */
export async function metric(url: string, name: string): Promise<number | undefined> {
  const text = await (await fetch(url)).text()
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length + 1))
}
