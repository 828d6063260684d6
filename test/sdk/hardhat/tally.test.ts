import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseEther } from 'ethers'
import { until } from '../../until.ts'
import type { TestChain } from '../chain/anvil.ts'
import { openProject, type Project } from './project.ts'

describe('npx hardhat tally', () => {
  let project: Project
  let chain: TestChain

  before(async () => {
    project = await openProject()
    chain = project.chain
  })
  beforeEach(() => {
    project.printed.length = 0
  })
  after(() => project.stop())

  const tally = (name: string, args: object = {}) => project.run(name, args)
  const failure = (name: string, args: object = {}) => project.failure(name, args)
  const wei = (text: string) => parseEther(text)

  it('says what to do when the contracts are missing', async () => {
    expect(await failure('open', { as: 'alice', peer: 'bob' })).to.match(/deploy them with "npx hardhat tally deploy"/)
  })

  it('deploys once', async () => {
    const first = await tally('deploy', { token: true })
    expect(await chain.provider.getCode(first.adjudicator)).to.not.equal('0x')
    expect(await tally('deploy')).to.deep.equal(first)
    expect(project.printed.join()).to.include('there already')
  })

  it('opens a channel between two actors, each with its own secret and account', async () => {
    const { token } = await tally('deploy')
    const channelId = await tally('open', { as: 'alice', peer: 'bob', asset: token })
    expect(channelId).to.match(/^0x[0-9a-f]{62}02$/)
    const { actors, folder } = await tally('inspect')
    expect(actors).to.deep.equal(['alice', 'bob'])
    expect(statSync(join(folder, 'alice', 'actor.json')).mode & 0o777).to.equal(0o600)
    expect(await failure('open', { as: 'alice', peer: 'alice' })).to.match(/two parties/)
    expect(await failure('open', { as: 'Alice!', peer: 'bob' })).to.match(/is not a name/)
  })

  it('deposits coins and tokens, and pays them', async () => {
    const { token } = await tally('deploy')
    expect((await tally('deposit', { as: 'alice', amount: '1' })).spendable).to.equal(wei('1'))
    expect((await tally('deposit', { as: 'alice', amount: '7.5', asset: token })).spendable).to.equal(wei('7.5'))
    const again = { as: 'alice', amount: '0.5', asset: token }
    expect((await tally('deposit', { ...again, by: 'allowance' })).spendable).to.equal(wei('8'))
    expect((await tally('deposit', { ...again, by: 'address' })).spendable).to.equal(wei('8.5'))
    await tally('pay', { as: 'alice', amount: '1', asset: token })
    const paid = await tally('pay', { as: 'alice', amount: '0.1', count: 3, memo: 'thanks' })
    expect(paid.spendable).to.equal(wei('0.7'))
    expect((await tally('pay', { as: 'bob', amount: '7wei' })).spendable).to.equal(wei('0.3') - 7n)
    expect((await tally('pay', { as: 'alice', amount: '2.5', asset: token })).spendable).to.equal(wei('5'))
    expect(project.printed.join()).to.include('alice paid 2.5 DEMO and can spend 5 DEMO')
  })

  it('withdraws while the channel goes on', async () => {
    const { account, wallet } = await tally('inspect', { as: 'bob' })
    expect((await tally('withdraw', { as: 'bob', amount: '0.2' })).spendable).to.equal(wei('0.1') - 7n)
    const gained = (await chain.provider.getBalance(account)) - wallet
    expect(gained > wei('0.199') && gained <= wei('0.2')).to.equal(true)
    expect((await tally('pay', { as: 'alice', amount: '0.1' })).spendable).to.equal(wei('0.6') + 7n)
  })

  it('lets a cheat challenge, the other respond, and both settle at the newest state', async () => {
    expect(await failure('respond', { as: 'alice' })).to.match(/no dispute/)
    expect(await failure('settle', { as: 'alice' })).to.match(/no dispute/)
    await tally('challenge', { as: 'bob', stale: true })
    expect((await tally('respond', { as: 'alice' })).answered).to.equal(true)
    expect((await tally('respond', { as: 'alice' })).answered).to.equal(false)
    expect(await failure('settle', { as: 'alice' })).to.match(/runs 3\d\d\d s more/)
    const bob = await tally('inspect', { as: 'bob' })
    expect((await tally('settle', { as: 'alice', jump: true })).paid).to.equal(wei('0.6') + 7n)
    expect((await chain.provider.getBalance(bob.account)) - bob.wallet).to.equal(wei('0.2') - 7n)
  })

  it('pays everything out to both, and the channel can be used again', async () => {
    await tally('withdraw', { as: 'bob', all: true })
    const { channels } = await tally('inspect', { as: 'alice' })
    for (const { spendable, receivable, generation } of channels[0].ledgers)
      expect([spendable, receivable, generation]).to.deep.equal([0n, 0n, 1])
    expect((await tally('deposit', { as: 'bob', amount: '1' })).spendable).to.equal(wei('1'))
  })

  it('challenges with the newest states when nobody cheats', async () => {
    const { expiry } = await tally('challenge', { as: 'bob' })
    expect(expiry > 0n).to.equal(true)
    expect((await tally('respond', { as: 'alice' })).answered).to.equal(false)
    expect((await tally('settle', { as: 'bob', jump: true })).paid).to.equal(wei('1'))
  })

  it('explains bad input in one sentence', async () => {
    const cases: [string, object, RegExp][] = [
      ['deposit', { as: 'alice', amount: '1000000' }, /holds \d+ wei, but 10{24} are needed/],
      ['deposit', { as: 'alice', amount: '-1' }, /"-1" is not an amount above zero/],
      ['deposit', { as: 'alice', amount: '0' }, /not an amount above zero/],
      ['deposit', { as: 'alice' }, /--amount is missing/],
      ['deposit', { amount: '1' }, /--as is missing/],
      ['deposit', { as: 'alice', amount: '1', asset: '0x12' }, /is not an address/],
      ['deposit', { as: 'alice', amount: '1', asset: `0x${'12'.repeat(20)}` }, /is not an ERC-20 token/],
      ['deposit', { as: 'alice', amount: '1', by: 'magic' }, /"magic" is no form of deposit. Choose one of allowance/],
      ['deposit', { as: 'alice', amount: '1', by: 'permit' }, /Coins cannot be allowed or signed away/],
      ['deposit', { as: 'carol', amount: '1' }, /carol has no channel. Open one/],
      ['pay', { as: 'alice', amount: '5' }, /Deposit|balance|spend/],
      ['pay', { as: 'alice', amount: '5', channel: '0x1234' }, /no channel 0x1234/],
      ['withdraw', { as: 'alice' }, /either --amount or --all/],
      ['open', { as: 'alice', peer: 'tcp://127.0.0.1:1' }, /127\.0\.0\.1:1/],
    ]
    for (const [name, args, message] of cases) expect(await failure(name, args), name).to.match(message)
  })

  it('keeps an actor online for peers in other processes, until it is interrupted', async () => {
    project.configure({ live: chain.url })
    let heard = ''
    const args = ['tally', 'listen', '--as', 'carol', '--at', 'tcp://127.0.0.1:0', '--network', 'live']
    const { child, ended } = project.start(args, (text) => (heard += text))
    const address = () => /listens at (tcp:\S+);/.exec(heard)?.[1]
    await until(() => address() !== undefined)
    await tally('open', { as: 'dave', peer: address() })
    await tally('deposit', { as: 'dave', amount: '1' })
    expect((await tally('pay', { as: 'dave', amount: '0.25' })).spendable).to.equal(wei('0.75'))
    child.kill('SIGINT')
    expect((await ended).code).to.equal(0)
    expect((await tally('pay', { as: 'carol', amount: '0.25' })).spendable).to.equal(0n)
  })

  it('shows errors of the command line without a stack trace, and ends with an error', async () => {
    project.configure({ off: 'http://127.0.0.1:1' })
    const { code, output } = await project.start(['tally', 'inspect', '--network', 'off']).ended
    expect(code).to.equal(1)
    expect(output).to.match(/Error .*127\.0\.0\.1:1/)
    expect(output).to.not.match(/^\s+at /m)
    expect(existsSync(join(project.root, 'cache'))).to.equal(false)
  })
})
