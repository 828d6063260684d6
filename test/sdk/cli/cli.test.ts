import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { encryptKeystoreJson, parseEther, Wallet } from 'ethers'
import { connectChain } from '../../../sdk/chain/connect.ts'
import type { ChannelId } from '../../../sdk/core/types.ts'
import { Node } from '../../../sdk/node/node.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { type MemoryNetwork, memoryTransport } from '../../../sdk/transport/memory.ts'
import { until } from '../../until.ts'
import { startAnvil, type TestChain } from '../chain/anvil.ts'
import { pairOf } from '../chain/disputes.ts'
import { faultyRpc } from '../chain/faulty-rpc.ts'

const program = fileURLToPath(new URL('../../../sdk/cli/main.ts', import.meta.url))
const SEED = { alice: 'a', bob: 'b' } as const

interface Run {
  readonly code: number | null
  readonly output: string
  readonly errors: string
  /** The lines of --json. */
  readonly events: Record<string, unknown>[]
}

describe('tallystick at the command line', () => {
  let chain: TestChain
  let folder: string

  beforeEach(async () => {
    chain = await startAnvil()
    folder = mkdtempSync(join(tmpdir(), 'tallystick-cli-'))
  })
  afterEach(async () => {
    await chain.stop()
    rmSync(folder, { recursive: true })
  })

  const write = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const keyFile = (index: number): string => write(`key-${index}`, `${chain.wallet(index).privateKey}\n`)
  const balance = (index: number) => chain.provider.getBalance(chain.wallet(index).address)

  /** Runs the program; `onLine` hears each line as it comes. */
  function run(args: readonly string[], onLine: (line: string) => void = () => {}): Promise<Run> {
    const child = spawn(process.execPath, ['--no-warnings', program, ...args])
    let [output, errors, rest] = ['', '', '']
    child.stdout.on('data', (chunk) => {
      output += chunk
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      for (const line of lines) onLine(line)
    })
    child.stderr.on('data', (chunk) => (errors += chunk))
    return new Promise((resolve) =>
      child.once('close', (code) => {
        const events = output.startsWith('{')
          ? output
              .trim()
              .split('\n')
              .map((line) => JSON.parse(line))
          : []
        resolve({ code, output, errors, events })
      }),
    )
  }

  /** Lets the challenge period pass once the program waits for it. */
  function passTime(line: string): void {
    if (line.includes('"waiting"')) void chain.rpc('evm_increaseTime', 601).then(() => chain.mine())
  }

  /** Alice and Bob, whose owners are accounts 1 and 2, with 1 and 2 coins in a channel and 0.25 paid by Alice. */
  async function channelWithPayments(): Promise<{ channelId: ChannelId; exit: string; early: string }> {
    const network: MemoryNetwork = new Map()
    const start = async (name: keyof typeof SEED, index: number) => {
      const store = memoryStore()
      const signer = chain.wallet(index)
      const deployment = { adjudicator: chain.adjudicator }
      return Node.start({
        seed: seedOf(name),
        owner: signer.address,
        chain: await connectChain({ rpc: chain.url, store, signer, deployment, pollMs: 20 }),
        store,
        transports: (session) => [memoryTransport({ signer: session, network })],
        listen: [`memory:${name}`],
        policy: { minPeriod: 60 },
        tick: 50,
      })
    }
    const [alice, bob] = [await start('alice', 1), await start('bob', 2)]
    const channelId = await alice.open('memory:bob', { period: 600 })
    await alice.deposit(channelId, parseEther('1'), { announce: true })
    await bob.deposit(channelId, parseEther('2'))
    await alice.pay(channelId, parseEther('0.125'))
    const early = bob.exportExit()
    await alice.pay(channelId, parseEther('0.125'))
    await until(() => bob.balances(channelId).entitlement === parseEther('2.25'))
    const exit = bob.exportExit()
    await Promise.all([alice.stop(), bob.stop()])
    return { channelId, exit, early }
  }

  const seedOf = (name: keyof typeof SEED) => Uint8Array.from({ length: 32 }, () => SEED[name].charCodeAt(0))

  describe('exit', () => {
    it('leaves with only the file, a key and an RPC URL, and pays both to the wei', async () => {
      const { exit } = await channelWithPayments()
      const file = write('exit.json', exit)
      const before = [await balance(1), await balance(2)]
      // Any account will do: here one that has nothing to do with the channel.
      const args = ['exit', '--file', file, '--key-file', keyFile(5), '--rpc', chain.url, '--json']
      const { code, events, errors } = await run(args, passTime)
      expect(errors).to.equal('')
      expect(code).to.equal(0)
      expect(await balance(1)).to.equal(before[0]! + parseEther('0.75'))
      expect(await balance(2)).to.equal(before[1]! + parseEther('2.25'))
      const stages = events.filter(({ event }) => event === 'progress').map(({ stage }) => stage)
      expect([stages[0], stages.at(-1)]).to.deep.equal(['disputing', 'done'])
      expect(stages).to.include.members(['waiting', 'settling'])
      const cost = events.find(({ event }) => event === 'cost')!
      expect(BigInt(cost.protectedMinimum as string) > 0n).to.equal(true)
      expect(BigInt(cost.exit as string) > BigInt(cost.protectedMinimum as string)).to.equal(true)

      const again = await run(args)
      expect(again.code).to.equal(0)
      expect(again.events.filter(({ event }) => event === 'progress')).to.have.lengthOf(1)
    })

    it('answers a stale challenge of the peer', async () => {
      const { exit, early } = await channelWithPayments()
      const [file, old] = [write('exit.json', exit), write('early.json', early)]
      const before = [await balance(1), await balance(2)]
      // Somebody challenges with the older file and is interrupted.
      const args = (path: string) => ['exit', '--file', path, '--key-file', keyFile(6), '--rpc', chain.url, '--json']
      const cheat = spawn(process.execPath, ['--no-warnings', program, ...args(old)])
      await new Promise<void>((resolve) => {
        cheat.stdout.on('data', (chunk) => `${chunk}`.includes('"waiting"') && resolve())
      })
      cheat.kill('SIGINT')
      await new Promise((resolve) => cheat.once('close', resolve))
      const { code, events } = await run(args(file), passTime)
      expect(code).to.equal(0)
      expect(events.map(({ stage }) => stage)).to.include.members(['answering', 'settling', 'done'])
      expect(await balance(1)).to.equal(before[0]! + parseEther('0.75'))
      expect(await balance(2)).to.equal(before[1]! + parseEther('2.25'))
    })

    it('claims what could not be paid out, when it is run by the owner', async () => {
      const { exit } = await channelWithPayments()
      const file = write('exit.json', exit)
      const owner = chain.wallet(2).address
      await chain.rpc('anvil_setCode', owner, '0x5f5ffd')
      const args = (index: number) => [
        'exit',
        '--file',
        file,
        '--key-file',
        keyFile(index),
        '--rpc',
        chain.url,
        '--json',
      ]
      const first = await run(args(5), passTime)
      expect(first.events.at(-1)).to.include({ event: 'claimable', amount: `${parseEther('2.25')}` })
      await chain.rpc('anvil_setCode', owner, '0x')
      const before = await balance(2)
      const second = await run(args(2))
      expect(second.events.at(-1)).to.include({ event: 'claimed', amount: `${parseEther('2.25')}` })
      expect((await balance(2)) > before + parseEther('2.249')).to.equal(true)
    })

    it('shows what it would do and what that costs without sending anything', async () => {
      const { exit } = await channelWithPayments()
      const block = await chain.provider.getBlockNumber()
      const args = [
        'exit',
        '--file',
        write('exit.json', exit),
        '--key-file',
        keyFile(5),
        '--rpc',
        chain.url,
        '--dry-run',
      ]
      const { code, output } = await run(args)
      expect(code).to.equal(0)
      expect(output).to.match(/0\.75 ETH for 0x/)
      expect(output).to.match(/2\.25 ETH for 0x/)
      expect(output).to.match(/Leaving costs about 0\.\d+ ETH now/)
      expect(output).to.match(/Protected minimum: 0\.\d+ ETH/)
      expect(await chain.provider.getBlockNumber()).to.equal(block)
    })

    it('opens an encrypted keystore with its password', async () => {
      const { exit } = await channelWithPayments()
      const wallet = Wallet.createRandom()
      const json = await encryptKeystoreJson({ address: wallet.address, privateKey: wallet.privateKey }, 'sesame', {
        scrypt: { N: 1_024 },
      })
      const keystore = write('keystore.json', json)
      const common = [
        'exit',
        '--file',
        write('exit.json', exit),
        '--key-file',
        keystore,
        '--rpc',
        chain.url,
        '--dry-run',
      ]
      const { code, output } = await run([...common, '--password-file', write('password', 'sesame\n')])
      expect(code).to.equal(0)
      expect(output).to.include(wallet.address.toLowerCase())
      const wrong = await run([...common, '--password-file', write('wrong', 'simsim')])
      expect(wrong.errors).to.match(/does not open with this password/)
      expect((await run(common)).errors).to.match(/--password-file/)
    })

    it('explains bad input in one sentence, tells no secret, and ends with an error', async () => {
      const { exit } = await channelWithPayments()
      const file = write('exit.json', exit)
      const secret = chain.wallet(5).privateKey
      const poor = write('poor', Wallet.createRandom().privateKey)
      const port = await freePort()
      const damaged = exit.replace(/"version": "\d+"/, '"version": "9"')
      const mainnet = await faultyRpc(chain.url)
      mainnet.answer = async (call) => (call.method === 'eth_chainId' ? '0x1' : call.forward())
      const key = keyFile(5)
      const cases: [string, string, string, RegExp][] = [
        [join(folder, 'none.json'), key, chain.url, /none\.json does not exist. Check --file/],
        [folder, key, chain.url, /is a folder/],
        [write('a.json', '{"hello": 1}'), key, chain.url, /no exit file/],
        [write('b.json', damaged), key, chain.url, /signature over version 9 .* is wrong/],
        [file, key, mainnet.url, /serves chain 1, not chain 31337/],
        [file, write('bad-key', `${secret}00`), chain.url, /neither a private key in hex nor a keystore/],
        [file, key, `http://127.0.0.1:${port}/token`, /does not answer/],
        [file, key, `ws://127.0.0.1:${port}/token`, /does not answer/],
        [file, key, 'localhost', /not an RPC URL/],
        [file, poor, chain.url, /holds 0 wei, but up to \d+ wei are needed with gas/],
      ]
      for (const [path, keyPath, rpc, message] of cases) {
        const { code, errors, output } = await run(['exit', '--file', path, '--key-file', keyPath, '--rpc', rpc])
        expect(errors).to.match(message)
        expect(code).to.equal(1)
        expect(errors).to.not.match(/^\s+at |unexpected/m)
        expect(errors + output).to.not.include(secret.slice(4, 20))
        expect(errors).to.not.include('token')
      }
      await mainnet.stop()
    })
  })

  it('inspects the ledgers of a file, and one by its channel id', async () => {
    const { exit, channelId } = await channelWithPayments()
    const byFile = await run(['inspect', '--file', write('exit.json', exit), '--rpc', chain.url])
    expect(byFile.output).to.include(channelId)
    expect(byFile.output).to.match(/member 0: [12] ETH/)
    const common = ['--rpc', chain.url, '--adjudicator', chain.adjudicator, '--json']
    const { events } = await run(['inspect', '--channel', channelId, ...common])
    expect(events[0]).to.deep.include({ event: 'ledger', channelId, phase: 'open', generation: 0 })
    expect(new Set(events[0]!.latestBalances as string[])).to.deep.equal(
      new Set([`${parseEther('1')}`, `${parseEther('2')}`]),
    )
    expect((events[0]!.events as { kind: string }[]).map(({ kind }) => kind)).to.include('deposited')
    expect((await run(['inspect', '--channel', '0x12', ...common])).errors).to.match(/not a channel id/)
    expect((await run(['inspect', '--rpc', chain.url])).errors).to.match(/Give --file, or --channel/)
  })

  it('finds channels again from seed and chain alone, and leaves with what the chain knows', async () => {
    const { channelId } = await channelWithPayments()
    const seed = write('seed', `0x${Buffer.from(seedOf('alice')).toString('hex')}`)
    const common = ['--rpc', chain.url, '--adjudicator', chain.adjudicator, '--json']
    const owner = chain.wallet(1).address
    const out = join(folder, 'recovered.json')
    const found = await run(['recover', '--seed-file', seed, '--owner', owner, '--out', out, ...common])
    expect(found.errors).to.equal('')
    expect(found.events.find(({ event }) => event === 'channel')).to.include({ channelId })
    expect(JSON.parse(readFileSync(out, 'utf8')).ledgers[0].states).to.deep.equal([])

    const before = await balance(2)
    const left = await run(['exit', '--file', out, '--key-file', keyFile(1), '--rpc', chain.url, '--json'], passTime)
    expect(left.code).to.equal(0)
    // Nobody answered, so only the deposits count.
    expect(await balance(2)).to.equal(before + parseEther('2'))

    const taken = await run(['recover', '--seed-file', seed, '--owner', owner, '--out', out, ...common])
    expect(taken.errors).to.match(/exists already/)
    const stranger = await run(['recover', '--seed-file', seed, '--owner', chain.wallet(7).address, ...common])
    expect(stranger.events).to.deep.include({
      event: 'none',
      signer: stranger.events[0]!.signer,
      owner: chain.wallet(7).address.toLowerCase(),
    })
    const words = await run([
      'recover',
      '--seed-file',
      write('words', 'not a seed at all'),
      '--owner',
      owner,
      ...common,
    ])
    expect(words.errors).to.match(/not a BIP-39 mnemonic/)
    expect(words.errors).to.not.include('not a seed at all')
  })

  it('finds nothing that was not announced', async () => {
    const pair = pairOf(chain)
    await pair.deposit(0, 5n)
    const seed = write('seed', `0x${'61'.repeat(32)}`)
    const args = ['recover', '--seed-file', seed, '--owner', chain.wallet(1).address, '--rpc', chain.url]
    const { output, code } = await run([...args, '--adjudicator', chain.adjudicator])
    expect(code).to.equal(0)
    expect(output).to.match(/No channel .* was announced/)
    expect(existsSync(join(folder, 'recovered.json'))).to.equal(false)
  })

  it('helps with every command', async () => {
    for (const command of ['exit', 'inspect', 'recover']) {
      const { code, output } = await run([command, '--help'])
      expect(code).to.equal(0)
      expect(output).to.match(/--rpc <url>/)
    }
    const { code, errors } = await run(['exit'])
    expect(code).to.equal(1)
    expect(errors).to.match(/required option '--file <path>'/)
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
