import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { checkLists, checkMoney } from '../../scripts/main-job/audit.ts'
import { measureSteps } from '../../scripts/main-job/gas.ts'
import type { MoneyRow } from '../../scripts/main-job/money.ts'
import { amountOf, idOf, planStreams, totalOf } from '../../scripts/main-job/plan.ts'
import { Progress } from '../../scripts/main-job/progress.ts'
import { openProvider } from '../../scripts/main-job/rpc.ts'
import type { Flow } from '../../scripts/main-job/story.ts'
import type { Mined } from '../../scripts/main-job/transactions.ts'
import { COIN } from '../../sdk/core/types.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/main-job.ts', import.meta.url))
const ZERO = `0x${'00'.repeat(32)}` as const
const TOKEN = `0x${'70'.repeat(20)}` as const

/** Milliseconds; below the time that mocha gives a test, so that a job that hangs is seen with what it said. */
const PATIENCE = 150_000

/** The house of the main job, small enough for a test. */
const SMALL_HOUSE = ['--members', '40', '--house-payments', '1200']

/** The main job as a process, in a group and with a temporary folder of its own. */
class Run {
  readonly folder = mkdtempSync(join(tmpdir(), 'tallystick-main-job-'))
  readonly #child: ChildProcess
  readonly #code: Promise<number | null>
  output = ''
  errors = ''

  constructor(...args: string[]) {
    const env = { ...process.env, TMPDIR: this.folder }
    this.#child = spawn(process.execPath, [SCRIPT, ...args], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout!.on('data', (chunk) => (this.output += chunk))
    this.#child.stderr!.on('data', (chunk) => (this.errors += chunk))
    this.#code = new Promise((resolve) => this.#child.once('close', resolve))
  }

  async code(): Promise<number | null> {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(this.#told('It does not end')), PATIENCE).unref()
    })
    return Promise.race([this.#code, late])
  }

  /** Waits until it has said this. */
  async said(text: RegExp): Promise<RegExpExecArray> {
    const until = Date.now() + PATIENCE
    for (;;) {
      const found = text.exec(this.output)
      if (found) return found
      if (this.#child.exitCode !== null) throw this.#told(`It ended and never said ${text}`)
      if (Date.now() > until) throw this.#told(`It does not say ${text}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  #told(what: string): Error {
    const running = this.processes().map(({ command }) => command)
    return new Error(`${what}. It said: ${this.output}${this.errors} Still running: ${running.join('; ')}`)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Its own processes that still run, oldest first, with their command lines. */
  processes(): { pid: number; command: string }[] {
    const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
    return pids
      .sort((a, b) => a - b)
      .flatMap((pid) => {
        try {
          const [, state, , group] = /\) (\S) (\d+) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))!
          // What is dead and only waits for its parent's look is gone.
          if (Number(group) !== this.#child.pid || state === 'Z') return []
          return [{ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
        } catch {
          // It ended meanwhile.
          return []
        }
      })
  }

  /** Kills the first of its processes whose command line holds `part`. */
  kill(part: string): void {
    process.kill(this.processes().find(({ command }) => command.includes(part))!.pid, 'SIGKILL')
  }

  expectNothingLeft(): void {
    expect(this.processes()).to.deep.equal([])
    expect(readdirSync(this.folder)).to.deep.equal([])
  }

  end(): void {
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL')
    rmSync(this.folder, { recursive: true })
  }
}

describe('the main job', function () {
  this.timeout(180_000)
  let run: Run
  const begin = (...args: string[]) => {
    run = new Run(...args)
    return run
  }
  before(function () {
    // Elsewhere a process cannot be asked for its group without another program.
    if (!existsSync('/proc/self/stat')) this.skip()
  })
  afterEach(() => run.end())

  it('pays through a crash and a cheat, and says that nothing is missing, to the wei', async () => {
    expect(await begin('--payments', '8000', ...SMALL_HOUSE).code(), run.output + run.errors).to.equal(0)
    for (const step of [
      /while payments go on, alice topped up/,
      /bob withdrew .* alice .* [1-9]\S* payments were acknowledged meanwhile/,
      /bob was killed \(kill -9\) after \d/,
      /hana was killed after 4 and came back/,
      /paid carol 0\.9 ETH, more than any way carries, in \d parts/,
      /mallory .* challenged with the old states/,
      /the watchtower answered for carol, who is still offline/,
      /carol, whom mallory owes .* published its secret: alice has her proof/,
      /mallory got what she had left/,
      /a clearing house of 40 members in one process, its operator in another/,
      /they paid each other 1,200 times/,
      /netted 210 wei of debts in a circle, and two exchanged ETH against DEMO/,
      /one was paid while it was away, and found it when it came back/,
      /the operator was killed; .* challenged, nobody answered, and the house halted after epoch \d/,
      /everybody took out what epoch \d says/,
      /^ok +all 40 members of the house were paid out what they had, to the wei$/m,
      /^ok +the clearing house holds nothing$/m,
      /^8,000 payments, each with its own id/m,
      /^path: challenge, respond, finalise +1 +\d/m,
      /^path: open, both deposit, co-operative close +1 +\d/m,
      /^on chain +168,000,000 gas/m,
      /All \d+ checks hold\. Nothing is missing, to the wei\./,
    ])
      expect(run.output).to.match(step)
    expect(run.output.match(/^(alice|bob|mallory|hana|carol|tower) +(ETH|DEMO) .* exact$/gm)).to.have.length(12)
    run.expectNothingLeft()
  })

  it('ends with code 1 and names the check when a single wei is not accounted for', async () => {
    begin('--payments', '8000', ...SMALL_HOUSE)
    const [, url, adjudicator] = await run.said(/chain at (\S+), adjudicator deployed at (\S+)/)
    await run.said(/challenged with the old states/)
    const provider = openProvider(url!)
    const held = await provider.getBalance(adjudicator!)
    await provider.send('anvil_setBalance', [adjudicator, `0x${(held + 1n).toString(16)}`])
    provider.destroy()
    expect(await run.code()).to.equal(1)
    expect(run.output).to.match(
      /1 of \d+ checks failed: it is not so that the adjudicator holds no ETH: it holds 1\.$/m,
    )
    run.expectNothingLeft()
  })

  it('ends with code 1 and a sentence when an actor dies that nobody starts again', async () => {
    begin('--payments', '400000')
    await run.said(/while payments go on/)
    run.kill('main-job/actor.ts')
    expect(await run.code()).to.equal(1)
    expect(run.errors).to.match(/The main job failed: alice ended while it was at work/)
    expect(run.errors).not.to.match(/^ +at /m)
    run.expectNothingLeft()
  })

  it('ends with code 1 and a sentence when the chain dies', async () => {
    begin('--payments', '400000')
    await run.said(/while payments go on/)
    run.kill('bin/anvil')
    expect(await run.code()).to.equal(1)
    expect(run.errors).to.match(/The main job failed: The chain ended in the middle of the job/)
    expect(run.errors).not.to.match(/^ +at /m)
    run.expectNothingLeft()
  })

  it('leaves no process and no file behind at Ctrl-C', async () => {
    begin('--payments', '400000')
    await run.said(/while payments go on/)
    run.signal('SIGINT')
    expect(await run.code()).to.equal(130)
    expect(run.errors).to.match(/Stopped by SIGINT; nothing is left behind\./)
    run.expectNothingLeft()
  })

  it('says what it takes when it is started wrongly', async () => {
    begin('--payments', 'many')
    expect(await run.code()).to.equal(1)
    expect(run.errors.trim()).to.equal(
      'The main job failed: --payments takes a whole number from 4 to 2000000, not "many".',
    )
  })
})

describe('the plan of payments', () => {
  it('splits any number evenly, and never makes fewer', () => {
    const streams = planStreams(10, TOKEN)
    expect(streams.map(({ count }) => count)).to.deep.equal([3, 3, 3, 3])
    expect(new Set(streams.map(({ from, asset }) => from + asset)).size).to.equal(4)
  })

  it('gives every payment an id of its own, and neighbours different amounts', () => {
    const ids = [0, 1].flatMap((stream) => Array.from({ length: 100 }, (_, index) => idOf(stream, index)))
    expect(new Set(ids).size).to.equal(200)
    expect(ids[0]).to.match(/^0x[0-9a-f]{32}$/)
    for (let index = 0; index < 100; index++) expect(amountOf(0, index)).not.to.equal(amountOf(0, index + 1))
    expect(totalOf({ number: 1, from: 'bob', asset: COIN, count: 2 })).to.equal(amountOf(1, 0) + amountOf(1, 1))
  })
})

describe('the progress of payments', () => {
  it('wakes who waits for a part of them, once it is reached', async () => {
    const drawn: number[] = []
    const progress = new Progress(planStreams(400, TOKEN), (done) => drawn.push(done))
    let reached = false
    const half = progress.reached(0.5).then(() => (reached = true))
    progress.advance(0, 100)
    progress.advance(1, 99)
    await Promise.resolve()
    expect(reached).to.equal(false)
    progress.advance(1, 100)
    await half
    await progress.reached(0.1)
    expect(drawn).to.deep.equal([100, 199, 200])
    expect(progress.of(1)).to.equal(100)
  })
})

describe('the audit', () => {
  const row: MoneyRow = {
    actor: 'alice',
    asset: 'ETH',
    start: 100n,
    deposited: 50n,
    paid: 30n,
    received: 20n,
    gas: 7n,
    end: 83n,
  }
  const faults = (rows: readonly MoneyRow[]) => checkMoney(rows).map(({ fault }) => fault)

  it('finds a wei too little and a wei too much', () => {
    expect(faults([row, { ...row, end: 82n }, { ...row, end: 84n }])).to.deep.equal([
      undefined,
      '82 instead of 83: 1 are missing',
      '84 instead of 83: 1 too much',
    ])
  })

  it('finds a payment that one side lost or counted twice', () => {
    const flow: Flow = { from: 'alice', to: 'bob', channelId: ZERO, asset: COIN, count: 2, total: 9n }
    const listed = (direction: 'in' | 'out', count: number, total: bigint) => [
      { channelId: ZERO, asset: COIN, direction, count, total },
    ]
    const faultsOf = (bob: ReturnType<typeof listed>) =>
      checkLists([flow], { alice: listed('out', 2, 9n), bob }).map(({ fault }) => fault)
    expect(faultsOf(listed('in', 2, 9n))).to.deep.equal([undefined, undefined])
    expect(faultsOf([])).to.deep.equal([undefined, 'it lists 0 payments of 0 in all, not 2 of 9'])
    expect(faultsOf(listed('in', 3, 9n))[1]).to.equal('it lists 3 payments of 9 in all, not 2 of 9')
    expect(faultsOf(listed('in', 2, 8n))[1]).to.equal('it lists 2 payments of 8 in all, not 2 of 9')
  })
})

describe('the gas of steps', () => {
  const mined = (name: string, args: readonly unknown[], gasUsed: bigint): Mined => ({
    from: TOKEN,
    to: TOKEN,
    created: undefined,
    block: 1,
    value: 0n,
    call: { name, args },
    gasUsed,
    fee: 0n,
    succeeded: true,
  })

  it('tells first deposits, those of the second member and top-ups apart, and what a token costs its first user', () => {
    const steps = measureSteps(
      [
        mined('deposit', ['c', 1n, TOKEN, 5n], 84n),
        mined('deposit', ['d', 0n, TOKEN, 5n], 67n),
        mined('depositCoin', ['c', 0n], 45n),
        mined('depositCoin', ['d', 0n], 47n),
        mined('depositCoin', ['c', 1n], 28n),
        mined('depositCoin', ['c', 1n], 27n),
        { ...mined('depositCoin', ['c', 1n], 99n), succeeded: false },
      ],
      TOKEN,
    )
    expect(steps.map(({ name, times, gas }) => [name, times, gas])).to.deep.equal([
      ['first deposit of a token that is new to the contract', 1, 84],
      ['first deposit, ERC-20', 1, 67],
      ['first deposit, native', 2, 46],
      ["second member's deposit, native", 1, 28],
      ['top-up, native', 1, 27],
    ])
  })

  it('adds up a whole dispute', () => {
    const steps = measureSteps(
      [
        mined('submit', [TOKEN, COIN, '0x'], 40n),
        mined('submit', [TOKEN, COIN, '0x'], 60n),
        mined('settle', [TOKEN, COIN, `0x${'00'.repeat(97)}`], 50n),
      ],
      TOKEN,
    )
    expect(steps.at(-1)).to.deep.equal({ name: 'path: challenge, respond, finalise', times: 1, gas: 150 })
  })
})
