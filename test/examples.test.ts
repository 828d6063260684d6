import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { runProgram, runScript } from './program.ts'
import { deploy, startAnvil, type TestChain } from './sdk/chain/anvil.ts'

describe('the examples', () => {
  let anvil: TestChain
  before(async () => {
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

  it('walk through an app as its page says', async () => {
    const arbiter = await deploy(anvil.wallet(9), 'contracts/AppArbiter.sol/AppArbiter', anvil.registry)
    const page = readFileSync(new URL('../docs/apps.md', import.meta.url), 'utf8')
    const walk = [...page.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block).join('')
    const { exit, output } = await runProgram(walk, {
      RPC: anvil.url,
      ADJUDICATOR: anvil.adjudicator,
      ARBITER: arbiter,
      KEYS: [6, 7].map((index) => anvil.wallet(index).privateKey).join(','),
      ARTIFACT: fileURLToPath(new URL('../artifacts/contracts/apps/TicTacToe.sol/TicTacToe.json', import.meta.url)),
    })
    expect(output).to.equal('seat 1 is next on 0,0,0,0,1,0,0,0,0\nalice has won true, 100 finney\n')
    expect(exit).to.equal(0)
  })

  it('say what they need', async () => {
    const { exit, output } = await run('over-a-hub.mjs', { RPC: '' })
    expect([exit, output]).to.deep.equal([
      1,
      'Set RPC, ADJUDICATOR and KEYS (three private keys, separated by commas).\n',
    ])
  })
})

/** How the story of each app ends. */
const ENDS: Readonly<Record<string, string>> = {
  'tic-tac-toe': `the chain records that alice has won
bob pays in the channel, which goes on: alice has 1.1 ETH`,
  'rock-paper-scissors': `bob asks the chain; her time runs out, and it records that he has won
bob closes the channel without her, and is 1.10 ETH richer on chain`,
  'sealed-bid-auction': `ann has 25.0 ETH and 25.0 DEMO
ben has 24.45 ETH and 35.0 DEMO
cleo has 25.0 ETH and 25.0 DEMO
transactions since the auction began: 0`,
  'limit-order-exchange': `alice has 18.5 ETH and 22.5 DEMO
bob has 21.5 ETH and 17.5 DEMO
transactions since trading began: 0`,
  subscription: `alice has heard enough
alice has 0.958 ETH, bob 1.042 ETH; transactions since alice began: 0`,
  escrow: `of the price bob gets 0.3 ETH, of the bond alice 0.025 ETH
alice has 0.725 ETH, bob 1.275 ETH; transactions since the sale began: 0`,
  'virtual-channel': `alice has paid 1000 times, 0.2 ETH in all; hana has heard of none of it
carol has 1.2 ETH, alice 0.79996 ETH
hana has kept 0.00004 ETH; transactions since alice began: 0`,
}

describe('the examples of apps', () => {
  it('are all told here', () => {
    const stories = globSync('examples/apps/*/play.mjs').map((path) => basename(dirname(path)))
    expect(Object.keys(ENDS).sort()).to.deep.equal(stories.sort())
  })

  it('leave nothing behind when they are stopped in the middle', async () => {
    const child = spawn(process.execPath, ['examples/apps/subscription/play.mjs'])
    child.stderr.resume()
    child.stdout.once('data', () => child.kill())
    // The chain's process holds the same pipe: it has ended, too.
    const [exit] = await once(child, 'close')
    expect(exit).to.equal(1)
  })

  for (const [name, end] of Object.entries(ENDS))
    it(`${name}: ends as it should, and leaves nothing behind`, async () => {
      const { exit, output } = await runScript(`examples/apps/${name}/play.mjs`)
      expect(output.endsWith(`${end}\n`), output).to.equal(true)
      expect(exit).to.equal(0)
    })
})
