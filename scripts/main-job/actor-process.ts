import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { JobError } from './errors.ts'
import { type Answer, ORDERS, type Order, type OrderName, Report } from './messages.ts'
import { ended, endProcess } from './processes.ts'

const SCRIPT = fileURLToPath(new URL('./actor.ts', import.meta.url))
/** Milliseconds that any order may take: far above what a slow machine needs. */
const LIMIT = 180_000

/** What an actor tells without being asked. */
export interface Listener {
  onProgress(stream: number, done: number): void
  onAlarm(actor: string, code: string, message: string): void
}

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** The job's end of an actor's process. */
export class ActorProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #orders = 0
  #complaints = ''

  /** Starts the process; `stack` ends it. */
  constructor(name: string, listener: Listener, stack: AsyncDisposableStack) {
    this.name = name
    // The warning is about `node:sqlite`, which the project uses on purpose.
    const execArgv = ['--disable-warning=ExperimentalWarning']
    this.#child = fork(SCRIPT, { execArgv, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    stack.defer(() => this.kill())
    this.#child.stderr!.on('data', (chunk) => {
      this.#complaints = (this.#complaints + chunk).slice(-4_000)
    })
    this.#child.on('message', (message) => this.#hear(Report.parse(message), listener))
    this.#child.on('error', (error) => this.#giveUp(error.message))
    this.#child.on('close', () => this.#giveUp(this.#complaints.trim() || 'it said nothing'))
  }

  /** Has the actor do something; rejects with what it says went wrong. */
  async order<K extends OrderName>(name: K, order: Order<K>): Promise<Answer<K>> {
    const id = this.#orders++
    const timer = setTimeout(() => this.#fail(id, `did not finish "${name}" within ${LIMIT / 1_000} s.`), LIMIT)
    try {
      const answer = await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject })
        this.#child.send({ id, name, order }, (error) => error && this.#fail(id, 'cannot be reached: it has ended.'))
      })
      return ORDERS[name].answer.parse(answer) as Answer<K>
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  /** Ends the process in the middle of whatever it does. */
  kill(): Promise<void> {
    return endProcess(this.#child)
  }

  /** Lets the actor finish what it holds, and ends its process. */
  async stop(): Promise<void> {
    await this.order('stop', {})
    await ended(this.#child)
  }

  #hear(report: Report, listener: Listener): void {
    switch (report.kind) {
      case 'progress':
        listener.onProgress(report.stream, report.done)
        return
      case 'alarm':
        listener.onAlarm(this.name, report.code, report.message)
        return
      case 'failed':
        this.#fail(report.id, `failed: ${report.message} (${report.code})`)
        return
      case 'done':
        this.#waiting.get(report.id)?.resolve(report.answer)
    }
  }

  #fail(id: number, fact: string): void {
    this.#waiting.get(id)?.reject(new JobError(`${this.name} ${fact}`))
  }

  #giveUp(reason: string): void {
    for (const id of this.#waiting.keys()) this.#fail(id, `ended while it was at work: ${reason}`)
  }
}
