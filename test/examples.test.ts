import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { startAnvil, type TestChain } from './sdk/chain/anvil.ts'

describe('the examples', () => {
  let anvil: TestChain
  let folder: string
  before(async function () {
    this.timeout(30_000)
    anvil = await startAnvil('--block-time', '1')
    folder = mkdtempSync(join(tmpdir(), 'tallystick-examples-'))
  })
  after(async () => {
    await anvil.stop()
    rmSync(folder, { recursive: true })
  })

  /** Runs an example as users do, with the package taken from this repository. */
  async function run(name: string, env: Record<string, string>): Promise<{ exit: number | null; output: string }> {
    const code = readFileSync(new URL(`../examples/${name}`, import.meta.url), 'utf8')
      .replaceAll(`'tallystick'`, `'${new URL('../sdk/index.ts', import.meta.url)}'`)
      .replaceAll(`'ethers'`, `'${import.meta.resolve('ethers')}'`)
    writeFileSync(join(folder, name), code)
    const child = spawn(process.execPath, [name], { cwd: folder, env: { ...process.env, ...env }, timeout: 50_000 })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk
      })
    const exit = await new Promise<number | null>((resolve) => child.once('exit', resolve))
    return { exit, output }
  }

  it('pay over a hub and pay everybody out', async () => {
    const KEYS = [0, 1, 2].map((index) => anvil.wallet(index).privateKey).join(',')
    const { exit, output } = await run('over-a-hub.mjs', { RPC: anvil.url, ADJUDICATOR: anvil.adjudicator, KEYS })
    expect(output).to.match(/alice paid, and holds the proof: [0-9a-f]{16}/)
    expect(output).to.match(/carol can spend 0\.25 ETH\nall channels are paid out\n$/)
    expect(exit).to.equal(0)
    expect(await anvil.provider.getBalance(anvil.adjudicator)).to.equal(0n)
  })

  it('say what they need', async () => {
    const { exit, output } = await run('over-a-hub.mjs', { RPC: '' })
    expect([exit, output]).to.deep.equal([
      1,
      'Set RPC, ADJUDICATOR and KEYS (three private keys, separated by commas).\n',
    ])
  })
})
