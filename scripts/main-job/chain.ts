import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { JsonRpcProvider } from 'ethers'
import { foundryPath } from '../tools.ts'
import { JobError } from './errors.ts'
import { ended, endProcess } from './processes.ts'
import { openProvider } from './rpc.ts'

/** A chain that runs as a process of its own. */
export interface LocalChain {
  readonly url: string
  readonly provider: JsonRpcProvider
  /** Moves the chain's clock, and mines a block that shows it. */
  advance(seconds: number): Promise<void>
  /** Rejects when the process ends before its time. */
  readonly lost: Promise<never>
}

/** Starts Anvil with today's rules on a free port; `stack` ends it. */
export async function startChain(stack: AsyncDisposableStack): Promise<LocalChain> {
  const program = foundryPath('anvil')
  if (!existsSync(program))
    throw new JobError(`There is no Anvil for ${process.platform} on ${process.arch} in node_modules. Run "npm ci".`)
  const child = spawn(program, ['--port', '0', '--hardfork', 'osaka'], { stdio: ['ignore', 'pipe', 'pipe'] })
  stack.defer(() => endProcess(child))
  const url = `http://127.0.0.1:${await listeningPort(child)}`
  const provider = openProvider(url)
  stack.defer(() => provider.destroy())
  return {
    url,
    provider,
    lost: lossOf(child),
    async advance(seconds) {
      await provider.send('evm_increaseTime', [seconds])
      await provider.send('evm_mine', [])
    },
  }
}

function lossOf(child: ChildProcess): Promise<never> {
  const lost = ended(child).then(() => {
    throw new JobError('The chain ended in the middle of the job. Run it again.')
  })
  // When the job is over nobody waits for it.
  lost.catch(() => {})
  return lost
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = ''
    const read = (chunk: Buffer) => {
      output = (output + chunk).slice(-10_000)
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(output)?.[1]
      if (port) resolve(Number(port))
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', (error) => reject(new JobError(`Anvil does not start: ${error.message}.`)))
    child.once('exit', () =>
      reject(new JobError(`Anvil ended before it listened. It said: ${output.trim() || 'nothing'}`)),
    )
  })
}
