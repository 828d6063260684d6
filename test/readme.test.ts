import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { connectChain, keyring, memoryStore, Node, tcpTransport } from '../sdk/index.ts'
import { runProgram } from './program.ts'
import { startAnvil, type TestChain } from './sdk/chain/anvil.ts'

const SEED = 'test test test test test test test test test test test junk'
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

const [, example = ''] = /```js\n(.*?)```/s.exec(readme)!

describe('the README', () => {
  let anvil: TestChain

  before(async () => {
    anvil = await startAnvil('--block-time', '1')
  })
  after(() => anvil.stop())

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
      const { exit, output } = await runProgram(example, {
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
