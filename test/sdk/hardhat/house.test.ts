import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseEther } from 'ethers'
import { COIN } from '../../../sdk/core/types.ts'
import { until } from '../../until.ts'
import { openProject, type Project } from './project.ts'

const wei = (text: string) => parseEther(text)

describe('npx hardhat tally house', function () {
  // Two of them start Hardhat in a process of its own.
  this.timeout(120_000)
  let project: Project
  let token: string

  before(async () => {
    project = await openProject()
  })
  beforeEach(() => {
    project.printed.length = 0
  })
  after(() => project.stop())

  const house = (name: string, args: object = {}) => project.run(`house ${name}`, args)
  const failure = (name: string, args: object = {}) => project.failure(`house ${name}`, args)
  const printed = () => project.printed.join('\n')
  const balance = (account: string) => project.chain.provider.getBalance(account)
  const member = (as: string) => house('inspect', { as })

  it('says what to do where no house is', async () => {
    expect(await failure('inspect')).to.match(/no house here. Found one with "tally house found"/)
    expect(await failure('deposit', { as: 'alice', amount: '1' })).to.match(/no house here/)
    expect(await failure('operate')).to.match(/no house here/)
  })

  it('founds a house once, with an operator whose key is here', async () => {
    token = (await project.run('deploy', { token: true })).token
    const founded = await house('found', { asset: token })
    expect(await house('found')).to.deep.equal(founded)
    expect(printed()).to.include('there already')
    const { folder, actors } = await project.run('inspect')
    const operator = join(folder, `_${founded.house}`)
    expect(statSync(join(operator, 'operator.key')).mode & 0o777).to.equal(0o600)
    expect(actors).to.deep.equal([])
    const { assets, state, window, interval, answerTime, isHere } = await house('inspect')
    expect([assets, state, isHere]).to.deep.equal([[COIN, token], 'running', true])
    expect([interval, window, answerTime]).to.deep.equal([604_800n, 3_600n, 3_600n])
  })

  it('makes members that deposit coins and tokens, and pay each other', async () => {
    const bob = await house('join', { as: 'bob' })
    expect(bob.index).to.equal(0)
    // The account that holds the token is the first one; bob has it.
    expect((await house('deposit', { as: 'bob', amount: '5', asset: token })).available).to.equal(wei('5'))
    expect((await house('deposit', { as: 'alice', amount: '1' })).available).to.equal(wei('1'))
    expect((await house('pay', { as: 'alice', to: 'bob', amount: '0.1', count: 3 })).available).to.equal(wei('0.7'))
    expect((await house('pay', { as: 'alice', to: bob.id, amount: '7wei' })).available).to.equal(wei('0.7') - 7n)
    expect((await house('pay', { as: 'bob', to: 'carol', amount: '2', asset: token })).available).to.equal(wei('3'))
    expect(printed()).to.include('bob paid 2 DEMO and can spend 3 DEMO')
    const { balances } = await member('bob')
    expect(balances[COIN].available).to.equal(wei('0.3') + 7n)
    expect((await member('carol')).balances[token].unsettled).to.equal(wei('2'))
  })

  it('withdraws when the epoch is final, which a development chain need not wait for', async () => {
    const { owner } = await member('bob')
    const before = await balance(owner)
    const asked = await house('withdraw', { as: 'bob', amount: '0.2' })
    expect(asked).to.deep.equal({ epoch: 1n, isPaid: false, available: wei('0.1') + 7n })
    expect(printed()).to.match(/epoch 1 is right; it can be disputed for 3\d\d\d s more/)
    expect((await member('bob')).balances[COIN].leaving).to.equal(wei('0.2'))
    expect((await house('finalize', { as: 'bob', jump: true })).isFinal).to.equal(true)
    const gained = (await balance(owner)) - before
    expect(gained > wei('0.199') && gained <= wei('0.2')).to.equal(true)
    const { balances, epochs } = await member('bob')
    expect(balances[COIN]).to.deep.equal({
      available: wei('0.1') + 7n,
      live: 0n,
      leaving: 0n,
      unsettled: 0n,
      insured: 0n,
    })
    expect(epochs).to.deep.equal([{ epoch: 1n, isFinal: true, findings: [] }])
  })

  it('withdraws in one go with --jump, also everything and tokens', async () => {
    const { isPaid, available } = await house('withdraw', { as: 'bob', all: true, jump: true, asset: token })
    expect([isPaid, available]).to.deep.equal([true, 0n])
    expect((await house('withdraw', { as: 'alice', amount: '0.5', jump: true })).isPaid).to.equal(true)
    const { lastCommitted, final } = await house('inspect')
    expect([lastCommitted, final]).to.deep.equal([3n, 3n])
    expect(printed()).to.not.include('alarm')
  })

  it('disputes an epoch, and the operator answers', async () => {
    expect(await failure('dispute', { as: 'alice' })).to.match(/could be disputed until/)
    expect(await failure('dispute', { as: 'alice', epoch: '9' })).to.match(
      /Epoch 9 is not committed, the last one is 3/,
    )
    expect((await house('finalize', { as: 'alice' })).isFinal).to.equal(false)
    expect(await house('dispute', { as: 'alice' })).to.deep.equal({ epoch: 4n, isAnswered: true })
    expect((await house('finalize', { as: 'alice', jump: true })).epoch).to.equal(4n)
    expect((await house('inspect')).final).to.equal(4n)
  })

  it('explains bad input in one sentence', async () => {
    const cases: [string, object, RegExp][] = [
      ['found', { anew: true, interval: 0 }, /Give --interval at least 1/],
      ['found', { anew: true, operator: '0x12' }, /is not an address/],
      ['found', { anew: true, asset: `0x${'12'.repeat(20)}` }, /no token|no contract|There is no/i],
      ['operate', { epochSeconds: 0 }, /Give --epoch-seconds of at least 1/],
      ['operate', { listen: 'carrier-pigeon' }, /serves "carrier-pigeon"/],
      ['join', {}, /--as is missing/],
      ['join', { as: 'Alice!' }, /is not a name/],
      ['join', { as: 'alice', house: token }, /--at is missing/],
      ['join', { as: 'alice', house: token, at: 'tcp://127.0.0.1:1' }, /clearing house/],
      ['deposit', { as: 'alice', amount: '0' }, /not an amount above zero/],
      ['deposit', { as: 'alice' }, /--amount is missing/],
      ['deposit', { as: 'alice', amount: '1000000' }, /holds \d+ wei/],
      ['deposit', { as: 'alice', amount: '1', asset: `0x${'12'.repeat(20)}` }, /The house has no asset 0x12/],
      ['pay', { as: 'alice', amount: '1' }, /--to is missing/],
      ['pay', { as: 'alice', to: 'alice', amount: '1' }, /needs two parties/],
      ['pay', { as: 'alice', to: 'bob', amount: '0.1', count: 0 }, /0 payments are none/],
      ['pay', { as: 'alice', to: 'bob', amount: '5' }, /alice can spend 0.19\d+ ETH in the house/],
      ['pay', { as: 'alice', to: `0x${'77'.repeat(32)}`, amount: '0.1' }, /PAYEE_UNKNOWN/],
      ['withdraw', { as: 'alice' }, /either --amount or --all/],
      ['withdraw', { as: 'alice', amount: '5' }, /alice can spend 0.19\d+ ETH in the house/],
      ['withdraw', { as: 'carol', all: true }, /carol can spend 0 ETH/],
      ['dispute', { as: 'alice', epoch: 'one' }, /"one" is no epoch/],
      ['exit', { as: 'alice' }, /The house has not halted: use "tally house withdraw"/],
    ]
    for (const [name, args, message] of cases)
      expect(await failure(name, args), `${name} ${JSON.stringify(args)}`).to.match(message)
    expect((await house('inspect')).state).to.equal('running')
  })

  it('finds an operator that runs in a process of its own, and says so when it is gone', async () => {
    project.configure({ live: project.chain.url })
    let heard = ''
    const args = [
      'tally',
      'house',
      'operate',
      '--listen',
      'tcp://127.0.0.1:0',
      '--epoch-seconds',
      '1',
      '--network',
      'live',
    ]
    const { child, ended } = project.start(args, (text) => (heard += text))
    const address = () => /at (tcp:\S+);/.exec(heard)?.[1]
    await until(() => address() !== undefined, 60_000)
    expect((await house('deposit', { as: 'dave', amount: '1' })).available).to.equal(wei('1'))
    expect((await house('pay', { as: 'dave', to: 'alice', amount: '0.25' })).available).to.equal(wei('0.75'))
    const paid = await house('withdraw', { as: 'dave', amount: '0.5', jump: true })
    expect([paid.isPaid, paid.available]).to.deep.equal([true, wei('0.25')])
    child.kill('SIGINT')
    expect((await ended).code).to.equal(0)
    expect(heard).to.match(/epoch \d+ committed/)
    expect((await house('pay', { as: 'dave', to: 'alice', amount: '0.05' })).available).to.equal(wei('0.2'))
    expect(await failure('pay', { as: 'dave', to: 'alice', amount: '0.1', at: address()! })).to.match(
      /operator is not at tcp/,
    )
  })

  it('lets members exit with what is final when the operator leaves a demand unanswered', async () => {
    // First what the operator had cut by itself, then what came after.
    while ((await member('alice')).balances[COIN].unsettled > 0n) await house('finalize', { as: 'alice', jump: true })
    const { balances, owner } = await member('alice')
    await house('deposit', { as: 'alice', amount: '2' })
    await house('finalize', { as: 'alice' })
    expect((await house('dispute', { as: 'alice', unanswered: true })).isAnswered).to.equal(false)
    const before = await balance(owner)
    const { steps } = await house('exit', { as: 'alice', jump: true })
    expect(steps.map(({ kind }: { kind: string }) => kind)).to.include.members(['exited', 'refunded'])
    // Bond and gas aside.
    const gained = (await balance(owner)) - before
    const sure = balances[COIN].available + wei('2')
    expect(gained > sure - wei('0.01') && gained <= sure + wei('0.01')).to.equal(true)
    expect((await house('inspect')).state).to.equal('halted and settled')
    expect(await failure('pay', { as: 'dave', to: 'alice', amount: '0.1' })).to.match(/halted/)
    expect(await failure('finalize', { as: 'dave' })).to.match(/halted/)
  })

  it('lets those exit who were away, and again', async () => {
    const { owner } = await house('inspect', { as: 'dave' })
    const before = await balance(owner)
    await house('exit', { as: 'dave' })
    const gained = (await balance(owner)) - before
    expect(gained > wei('0.199') && gained <= wei('0.2')).to.equal(true)
    await house('exit', { as: 'dave' })
    expect((await balance(owner)) - before <= gained).to.equal(true)
  })

  it('founds another house beside the one that has halted', async () => {
    const { house: old } = await house('inspect')
    const founded = await house('found', { anew: true })
    expect(founded.house).to.not.equal(old)
    expect((await house('deposit', { as: 'alice', amount: '1' })).available).to.equal(wei('1'))
    const { folder } = await project.run('inspect')
    expect(readdirSync(folder).filter((name) => name.startsWith('_')).length).to.equal(2)
  })

  it('joins a house that was founded elsewhere', async () => {
    const { house: address, fromBlock } = await house('inspect')
    project.configure({ live: project.chain.url })
    let heard = ''
    const { child, ended } = project.start(
      ['tally', 'house', 'operate', '--listen', 'ws://127.0.0.1:0', '--network', 'live'],
      (text) => (heard += text),
    )
    const at = () => /at (ws:\S+);/.exec(heard)?.[1]
    await until(() => at() !== undefined, 60_000)
    const { index } = await house('join', { as: 'eve', house: address, at: at()!, fromBlock })
    expect(index).to.equal(1)
    expect((await house('pay', { as: 'alice', to: 'eve', amount: '0.5', at: at()! })).available).to.equal(wei('0.5'))
    child.kill('SIGINT')
    expect((await ended).code).to.equal(0)
  })

  it('lets a house halt that nobody keeps open, and members exit from its last epoch', async () => {
    await house('finalize', { as: 'alice' })
    const { steps } = await house('exit', { as: 'alice', jump: true })
    expect(steps.map(({ kind }: { kind: string }) => kind)).to.deep.equal(['waiting', 'exited'])
    const { state, final, lastCommitted } = await house('inspect')
    expect([state, final]).to.deep.equal(['halted and settled', lastCommitted])
  })
})
