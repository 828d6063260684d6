import { type ChildProcess, fork } from 'node:child_process'

// Questions to a process and its answers: a call names a function that the process serves, and its one argument.

interface Question {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

type Functions = Readonly<Record<string, (argument: never) => unknown>>

/** Serves functions to the parent process, until it goes away. */
export function serve(functions: Functions): void {
  process.on('message', async ({ id, name, argument }: Question) => {
    const answer = (rest: Omit<Answer, 'id'>) => process.connected && process.send!({ id, ...rest })
    try {
      answer({ value: await functions[name]!(argument as never) })
    } catch (error) {
      answer({ error: `${(error as Error).stack ?? error}` })
    }
  })
  // Nobody is left to ask, or to tell.
  process.once('disconnect', () => process.exit())
}

/** A process of the benchmark. */
export class Helper {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  #asked = 0

  constructor(file: string, argument: unknown, execArgv: readonly string[] = []) {
    this.#child = fork(file, [JSON.stringify(argument)], {
      execArgv: [...process.execArgv, ...execArgv],
      serialization: 'advanced',
    })
    this.#child.on('message', ({ id, value, error }: Answer) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(value as never)
      else waiting?.reject(new Error(error))
    })
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} ended with ${code}.`))
    })
  }

  ask<T>(name: string, argument?: unknown): Promise<T> {
    const id = this.#asked++
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, name, argument })
    })
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.disconnect()
    await gone
  }
}
