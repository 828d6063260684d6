import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { connectChain, keyring, memoryStore, Node, tcpTransport } from '../sdk/index.ts'
import { startAnvil, type TestChain } from './sdk/chain/anvil.ts'

const SEED = 'test test test test test test test test test test test junk'
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** The example, with its packages replaced by what they are in this repository: it runs in a folder without any. */
function example(): string {
  const [, code] = /```js\n(.*?)```/s.exec(readme)!
  return code!
    .replaceAll(`'tallystick'`, `'${new URL('../sdk/index.ts', import.meta.url)}'`)
    .replaceAll(`'ethers'`, `'${import.meta.resolve('ethers')}'`)
}

/** Runs a program in a process and a folder of its own. */
async function run(code: string, folder: string, env: Record<string, string>) {
  writeFileSync(join(folder, 'example.mjs'), code)
  const child = spawn(process.execPath, ['example.mjs'], {
    cwd: folder,
    env: { ...process.env, ...env },
    timeout: 45_000,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  const exit = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { exit, output }
}

describe('the README', () => {
  let anvil: TestChain
  let folder: string

  before(async function () {
    this.timeout(30_000)
    anvil = await startAnvil('--block-time', '1')
    folder = mkdtempSync(join(tmpdir(), 'tallystick-readme-'))
  })
  after(async () => {
    await anvil.stop()
    rmSync(folder, { recursive: true })
  })

  it('stays below 120 lines', () => {
    expect(readme.split('\n').length).to.be.below(120)
  })

  it('shows an example that pays bob and pays both out', async () => {
    const [alices, bobs] = [anvil.wallet(0), anvil.wallet(1)]
    const store = memoryStore()
    const deployment = { adjudicator: anvil.adjudicator }
    const bob = await Node.start({
      seed: keyring(SEED).secret('seed of bob'),
      owner: bobs.address,
      chain: await connectChain({ rpc: anvil.url, store, signer: bobs, deployment }),
      store,
      transports: (signer) => [tcpTransport({ signer })],
    })
    try {
      const before = await anvil.provider.getBalance(bobs.address)
      const { exit, output } = await run(example(), folder, {
        RPC: anvil.url,
        ADJUDICATOR: anvil.adjudicator,
        KEY: alices.privateKey,
        SEED,
        BOB: await bob.listen('tcp://127.0.0.1:0'),
      })
      expect(output).to.equal('')
      expect(exit).to.equal(0)
      const listed = []
      for await (const { amount, memo, direction } of bob.payments()) listed.push({ amount, memo, direction })
      expect(listed).to.deep.equal([{ amount: 10n ** 15n, memo: 'coffee', direction: 'in' }])
      expect((await anvil.provider.getBalance(bobs.address)) - before).to.equal(10n ** 15n)
      expect(await anvil.provider.getBalance(anvil.adjudicator)).to.equal(0n)
    } finally {
      await bob.stop()
    }
  })
})
