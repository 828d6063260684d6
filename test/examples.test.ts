import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { runProgram } from './program.ts'
import { startAnvil, type TestChain } from './sdk/chain/anvil.ts'

describe('the examples', () => {
  let anvil: TestChain
  before(async function () {
    this.timeout(30_000)
    anvil = await startAnvil('--block-time', '1')
  })
  after(() => anvil.stop())

  const run = (name: string, env: Record<string, string>) =>
    runProgram(readFileSync(new URL(`../examples/${name}`, import.meta.url), 'utf8'), env)

  it('pay over a hub and pay everybody out', async () => {
    const KEYS = [0, 1, 2].map((index) => anvil.wallet(index).privateKey).join(',')
    const { exit, output } = await run('over-a-hub.mjs', { RPC: anvil.url, ADJUDICATOR: anvil.adjudicator, KEYS })
    expect(output).to.match(/alice paid, and holds the proof: [0-9a-f]{16}/)
    expect(output).to.match(/carol can spend 0\.25 ETH\nall channels are paid out\n$/)
    expect(exit).to.equal(0)
    expect(await anvil.provider.getBalance(anvil.adjudicator)).to.equal(0n)
  })

  it('clear a circle of debts in a group and pay everybody out', async () => {
    const KEYS = [3, 4, 5].map((index) => anvil.wallet(index).privateKey).join(',')
    const { exit, output } = await run('a-round-of-debts.mjs', { RPC: anvil.url, ADJUDICATOR: anvil.adjudicator, KEYS })
    expect(output).to.match(/netted: 5\.0, 5\.0, 5\.0 ETH/)
    expect(output).to.match(/bob can spend 0\.12 ETH\neverybody is paid out\n$/)
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
