import { join } from 'node:path'
import { Contract, type JsonRpcProvider, randomBytes, Wallet } from 'ethers'
import type { Address, Hex } from '../../sdk/core/types.ts'
import { ActorProcess, type Listener } from './actor-process.ts'
import type { Deployed } from './deploy.ts'
import type { Tower } from './tower.ts'

/** Everybody who has money in this. */
export const NAMES = ['alice', 'bob', 'mallory', 'hana', 'carol'] as const
export type Name = (typeof NAMES)[number]

/** An actor: its keys, its file, and the process that it runs in now. */
export interface Actor {
  readonly name: Name
  readonly seed: Uint8Array
  readonly ownerKey: Hex
  /** Its wallet, which receives every payout. */
  readonly owner: Address
  process: ActorProcess
  /** Where its node listens. */
  address: string
  /** What onions for it are sealed with. */
  onionKey: Hex
}

export interface Stage {
  readonly rpc: string
  readonly deployed: Deployed
  /** For the actors' stores. */
  readonly folder: string
  readonly listener: Listener
  readonly stack: AsyncDisposableStack
  readonly tower: Tower
}

/** Wei and units of the token that each has to begin with. */
export const START = { coin: 10n * 10n ** 18n, token: 10_000n * 10n ** 18n } as const

/** What hana keeps of what she carries; the others carry for nothing, so that every unit of a fee is hers. */
export const HUB_TERMS = { baseFee: 0n, feePpm: 1_000n } as const

/** Makes an actor with fresh keys, in a process of its own. */
export function invite(name: Name, stage: Stage): Actor {
  const { privateKey, address } = Wallet.createRandom()
  const owner = address.toLowerCase() as Address
  const process = fork(name, stage)
  return { name, seed: randomBytes(32), ownerKey: privateKey as Hex, owner, process, address: '', onionKey: '0x' }
}

/** Starts an actor's node. */
export const enter = (actor: Actor, stage: Stage): Promise<void> => begin(actor, stage, 'tcp://127.0.0.1:0')

/** Runs an actor again that was killed, with the same file and at the same address. */
export async function enterAgain(actor: Actor, stage: Stage): Promise<void> {
  actor.process = fork(actor.name, stage)
  await begin(actor, stage, actor.address)
}

const fork = (name: Name, { listener, stack }: Stage) => new ActorProcess(name, listener, stack)

async function begin(actor: Actor, { rpc, deployed, folder, tower }: Stage, listen: string): Promise<void> {
  const { name, seed, ownerKey, process } = actor
  const { adjudicator } = deployed
  const file = join(folder, `${name}.sqlite`)
  const towers = name === 'carol' ? [tower.spec] : []
  const feePpm = name === 'hana' ? HUB_TERMS.feePpm : 0n
  const order = { file, rpc, adjudicator, seed, ownerKey, listen, towers, feePpm }
  const { listening, onionKey } = await process.order('start', order)
  Object.assign(actor, { address: listening, onionKey })
}

/** The chain's first account, which deployed the contracts, gives everybody a start. */
export async function fund(
  owner: Address,
  { deployed }: Pick<Stage, 'deployed'>,
  provider: JsonRpcProvider,
): Promise<void> {
  const giver = await provider.getSigner(0)
  await (await giver.sendTransaction({ to: owner, value: START.coin })).wait()
  const contract = new Contract(deployed.token, ['function transfer(address to, uint256 amount)'], giver)
  await (await contract.getFunction('transfer')(owner, START.token)).wait()
}
