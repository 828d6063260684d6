import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  ContractFactory,
  HDNodeWallet,
  type InterfaceAbi,
  JsonRpcProvider,
  Mnemonic,
  Network,
  type Signer,
} from 'ethers'
import type { Address } from '../../../sdk/core/types.ts'

/** A chain process of its own with the contracts on it. */
export interface TestChain {
  readonly url: string
  readonly provider: JsonRpcProvider
  readonly adjudicator: Address
  readonly registry: Address
  /** One of the ten funded accounts, by index. */
  wallet(index: number): HDNodeWallet
  rpc(method: string, ...params: unknown[]): Promise<unknown>
  mine(blocks?: number): Promise<void>
  stop(): Promise<void>
}

const MNEMONIC = Mnemonic.fromPhrase('test test test test test test test test test test test junk')
const machine = `${process.platform === 'win32' ? 'win32' : process.platform}-${process.arch === 'x64' ? 'amd64' : 'arm64'}`
const program = fileURLToPath(new URL(`../../../node_modules/@foundry-rs/anvil-${machine}/bin/anvil`, import.meta.url))

/** Starts Anvil on a free port and deploys the contracts with its last account. */
export async function startAnvil(...args: string[]): Promise<TestChain> {
  const child = spawn(program, ['--port', '0', '--hardfork', 'osaka', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await listeningPort(child)
  const url = `http://127.0.0.1:${port}`
  const chosen = args.indexOf('--chain-id')
  const network = Network.from(chosen === -1 ? 31337 : Number(args[chosen + 1]))
  const provider = new JsonRpcProvider(url, network, { cacheTimeout: -1, staticNetwork: network, batchStallTime: 0 })
  const wallet = (index: number) =>
    HDNodeWallet.fromMnemonic(MNEMONIC, `m/44'/60'/0'/0/${index}`).connect(provider) as HDNodeWallet
  const registry = await deploy(wallet(9), 'contracts/OutcomeRegistry.sol/OutcomeRegistry')
  const adjudicator = await deploy(wallet(9), 'contracts/Adjudicator.sol/Adjudicator', registry)
  return {
    url,
    provider,
    adjudicator,
    registry,
    wallet,
    rpc: (method, ...params) => provider.send(method, params),
    mine: async (blocks = 1) => void (await provider.send('anvil_mine', [blocks, 12])),
    async stop() {
      provider.destroy()
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill()
      await gone
    },
  }
}

/** Deploys a compiled contract, `path` within artifacts. */
export async function deploy(from: Signer, path: string, ...args: unknown[]): Promise<Address> {
  const { abi, bytecode } = artifact(path)
  const contract = await new ContractFactory(abi, bytecode, from).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()).toLowerCase() as Address
}

export function artifact(path: string): { abi: InterfaceAbi; bytecode: string; deployedBytecode: string } {
  return JSON.parse(readFileSync(new URL(`../../../artifacts/${path}.json`, import.meta.url), 'utf8'))
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = ''
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`Anvil ended with ${code} before it listened: ${output}`)))
    child.stdout!.on('data', (chunk: Buffer) => {
      output = (output + chunk).slice(-10_000)
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(output)?.[1]
      if (port) resolve(Number(port))
    })
  })
}
