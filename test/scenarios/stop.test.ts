import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { pause, Stage } from './stage.ts'

const program = fileURLToPath(new URL('./stopping-node.ts', import.meta.url))

describe('a node that is stopped', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  /** A process that has a channel with bob and waits for its end. */
  async function carol(file: string, bob: string): Promise<{ child: ChildProcess; errors: () => string }> {
    const { url, adjudicator } = stage.chain
    const args = [url, adjudicator, stage.fileOf(file), bob]
    const child = fork(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], timeout: 20_000 })
    let errors = ''
    child.stderr!.on('data', (chunk: Buffer) => {
      errors += chunk
    })
    await Promise.race([once(child, 'message'), once(child, 'exit')])
    return { child, errors: () => errors }
  }

  /** Milliseconds until the process has ended by itself. */
  async function ending({ child, errors }: Awaited<ReturnType<typeof carol>>): Promise<number> {
    const began = performance.now()
    child.send('stop')
    const [code] = await once(child, 'exit')
    expect(errors()).to.equal('')
    expect(code).to.equal(0)
    return performance.now() - began
  }

  it('leaves nothing that keeps its process alive: no timer, socket, file or promise', async () => {
    const bob = await stage.start('bob')
    expect(await ending(await carol('carol', bob.address))).to.be.lessThan(3_000)
  })

  it('does not wait for a peer that it is dialling and that never answers', async () => {
    const bob = await stage.start('bob')
    const process = await carol('carol-dialling', bob.address)
    await stage.stop(bob)
    let dialled = 0
    const silent = createServer(() => dialled++)
    silent.listen(Number(new URL(bob.address).port), '127.0.0.1')
    while (dialled === 0) await pause(10)
    expect(await ending(process)).to.be.lessThan(3_000)
    silent.close()
  })
})
