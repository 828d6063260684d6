import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EthersChain } from '../chain/adapter.ts'
import { connectChain } from '../chain/connect.ts'
import { parseAddress } from '../core/address.ts'
import { toBytes, toHex } from '../core/bytes.ts'
import { type Address, type ChannelId, COIN, type Hex, type Member } from '../core/types.ts'
import type { ChannelInfo } from '../node/call-options.ts'
import { Node } from '../node/node.ts'
import { keyring } from '../signing/keyring.ts'
import { openSqlite } from '../storage/sqlite.ts'
import { type MemoryNetwork, memoryTransport } from '../transport/memory.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { webSocketTransport } from '../transport/websocket.ts'
import { required, TaskUsageError } from './errors.ts'
import { ACTOR_NAME, accountsOf, actorNames, deploymentOf, type Scene, signerOf } from './scene.ts'
import { recorder, type Sent } from './sent.ts'

/** One party with its node, as long as a task runs. */
export interface Actor {
  readonly name: string
  readonly node: Node
  readonly chain: EthersChain
  /** Transactions that this node has sent during the task; without a receipt they are under way. */
  readonly sent: readonly Sent[]
  stop(): Promise<void>
}

/** What an actor's folder remembers: its secret and the account that pays for gas and receives payouts. */
export interface Identity {
  readonly seed: Hex
  readonly account: Address
}

/** Actors of one process reach each other here. */
export const network: MemoryNetwork = new Map()

/** Where a local actor is dialled. */
export const localAddress = (name: string): string => `memory:${name}`

/** Checks a name from the command line. Throws {@link TaskUsageError}. */
export function actorName(given: string | undefined, option: string): string {
  const name = required(given, option, 'alice')
  if (!ACTOR_NAME.test(name))
    throw new TaskUsageError(
      `"${name.slice(0, 40)}" is not a name. Use lower-case letters, digits and hyphens, such as alice.`,
    )
  return name
}

/** Starts an actor's node; a new name gets a secret and the next free account of the network. */
export async function startActor(scene: Scene, name: string): Promise<Actor> {
  const deployment = deploymentOf(scene)
  const { seed, account } = await identityOf(scene, name)
  const signer = keyring(toBytes(seed)).signer()
  const { chainId } = scene
  const identity = { chainId, adjudicator: deployment.adjudicator, signer: signer.address }
  const store = openSqlite(join(scene.folder, name, 'node.sqlite'), { identity })
  try {
    const chain = await connectChain({ rpc: scene.wallet, store, signer: await signerOf(scene, account), deployment })
    const sent = recordSends(chain)
    const node = await Node.start({
      seed: toBytes(seed),
      owner: account,
      chain,
      store,
      transports: (signer) => [
        memoryTransport({ signer, network }),
        tcpTransport({ signer }),
        webSocketTransport({ signer }),
      ],
      listen: [localAddress(name)],
      // Periods of a minute suit chains whose clock can be moved.
      policy: { minPeriod: 60 },
      tick: 100,
    })
    const stop = async () => {
      await node.stop()
      await store.close()
    }
    return { name, node, chain, sent, stop }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** The channel meant by `--channel`, or the only one. Throws {@link TaskUsageError}. */
export function chooseChannel({ node, name }: Actor, channel: string | undefined): ChannelInfo {
  if (channel !== undefined) return node.channel(channel as ChannelId)
  const [first, second] = node.channels()
  if (!first) throw new TaskUsageError(`${name} has no channel. Open one with "tally open".`)
  if (second)
    throw new TaskUsageError(`${name} has several channels. Choose one with --channel; "tally inspect" lists them.`)
  return first
}

/** The asset meant by `--asset`; default: the chain's coin. Throws an InvalidAddressError. */
export const chooseAsset = (asset: string | undefined): Address => (asset === undefined ? COIN : parseAddress(asset))

/** As whom others know an actor in a house. */
export async function memberIdentity(scene: Scene, name: string): Promise<Member> {
  const { seed, account: owner } = await identityOf(scene, name)
  return { signer: keyring(toBytes(seed)).signer().address, owner }
}

/** Names of the local actors that stand behind these session keys. */
export function localPeers(scene: Scene, signers: readonly Address[]): string[] {
  return actorNames(scene).filter((name) => {
    const saved = readIdentity(scene, name)
    return saved && signers.includes(keyring(toBytes(saved.seed)).signer().address)
  })
}

/** A name's secret and account; a new name gets a fresh secret and the next free account of the network. */
export async function identityOf(scene: Scene, name: string): Promise<Identity> {
  const saved = readIdentity(scene, name)
  if (saved) return saved
  const taken = new Set(actorNames(scene).map((other) => readIdentity(scene, other)?.account))
  const account = (await accountsOf(scene)).find((candidate) => !taken.has(candidate))
  if (!account)
    throw new TaskUsageError(`The network has no free account for ${name}. Add accounts to it in hardhat.config.ts.`)
  const identity: Identity = { seed: toHex(randomBytes(32)), account }
  mkdirSync(join(scene.folder, name), { recursive: true })
  writeFileSync(join(scene.folder, name, 'actor.json'), `${JSON.stringify(identity)}\n`, { mode: 0o600, flag: 'wx' })
  return identity
}

/** The same of a name that was used before; undefined: it was not. Throws {@link TaskUsageError}. */
export function readIdentity({ folder }: Scene, name: string): Identity | undefined {
  try {
    const { seed, account } = JSON.parse(readFileSync(join(folder, name, 'actor.json'), 'utf8')) as Identity
    return { seed, account: parseAddress(account) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new TaskUsageError(`The file actor.json of ${name} cannot be read. Restore it, or use another name.`)
  }
}

function recordSends(chain: EthersChain): Actor['sent'] {
  const { sent, record } = recorder()
  const { send, deposit } = chain
  chain.send = (call, options) => record(call.functionName, send.call(chain, call, options))
  chain.deposit = (...args) => record('deposit', deposit.apply(chain, args))
  return sent
}
