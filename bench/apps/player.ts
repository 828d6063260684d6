import { setTimeout as sleep } from 'node:timers/promises'
import * as channel from '../../examples/apps/virtual-channel/rules.ts'
import type { App } from '../../sdk/apps/define-app.ts'
import type { Chain } from '../../sdk/chain/chain.ts'
import { toBytes, toHex } from '../../sdk/core/bytes.ts'
import { keccak256 } from '../../sdk/core/keccak.ts'
import { type Address, type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import { Node, type NodeOptions } from '../../sdk/node/node.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { openSqlite } from '../../sdk/storage/sqlite.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { type MemoryNetwork, memoryTransport } from '../../sdk/transport/memory.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import { playable } from './chain.ts'
import { exampleApp } from './known.ts'

/** Where a player keeps what it signs, and how it is reached. */
export interface Place {
  readonly name: string
  /** SQLite, `synchronous=FULL`; undefined: in memory. */
  readonly file?: string
  /** For players of one process; undefined: TCP. */
  readonly network?: MemoryNetwork
  /** By the app's bytecode, not by its twin. */
  readonly byCode?: boolean
  /** It carries what others lock, for a fee. */
  readonly isHub?: boolean
}

export interface Rate {
  readonly rate: number
  /** Milliseconds from one call until it is answered. */
  readonly p50: number
}

/** All a second. */
export interface Played {
  /** Moves. */
  readonly rate: number
  /** Games agreed and staked, and games ended and paid. */
  readonly begun: number
  readonly ended: number
}

type Parts = Pick<NodeOptions, 'chain' | 'store'>
type Channel = App<channel.State, channel.Move>

const STAKE = 10n ** 12n
/** Proposals that a peer may have open are few. */
const AT_ONCE = 8

/** A player that answers each move of another one in the app `VirtualChannel`, whose seats may move in turn for ever. */
export class Player {
  readonly node: Node
  readonly #chain: Chain
  readonly #store: Store
  readonly #app: Channel
  readonly #address: string
  /** Games that this player began. */
  readonly #playing = new Set<Hex>()
  readonly #ending = new Set<Hex>()

  private constructor({ name, network, isHub }: Place, node: Node, { chain, store }: Parts, app: Channel) {
    this.#chain = chain
    this.#address = network ? `memory:${name}` : 'tcp://127.0.0.1:0'
    this.node = node
    this.#store = store
    this.#app = app
    if (!isHub) node.registerApp(app, () => true)
    node.on('app-turn', ({ id }) => this.#answer(id))
  }

  static async start(place: Place): Promise<Player> {
    const { name, file, network, byCode, isHub } = place
    const key = keccak256(new TextEncoder().encode(name))
    const signer = sessionSigner(key)
    const owner = toHex(keccak256(toBytes(signer.address)).subarray(12)) as Address
    const chain = playable(owner)
    const identity = { ...chain.domain, signer: signer.address }
    const store = file ? openSqlite(file, { identity }) : memoryStore()
    const forwarding = { baseFee: 1n, feePpm: 0n, margin: 600n, responseTime: 300n }
    const transports: NodeOptions['transports'] = (by) =>
      network ? [memoryTransport({ signer: by, network })] : [tcpTransport({ signer: by })]
    const node = await Node.start({
      key,
      owner,
      chain,
      store,
      transports,
      policy: { minPeriod: 60 },
      ...(isHub && { forwarding }),
    })
    return new Player(place, node, { chain, store }, exampleApp('VirtualChannel', byCode ? undefined : channel))
  }

  /** The other player's channel is opened to here. */
  listen = (): Promise<string> => this.node.listen(this.#address)

  open = (address: string): Promise<ChannelId> => this.node.open(address, { period: 3_600 })

  #answer(id: Hex): void {
    // In a virtual channel the payer moves when it pays.
    const game = this.node.app(this.#app, id)
    if (game.mine.includes(0) && !this.#playing.has(id)) return
    const isEnd = this.#ending.has(id)
    void game.move(isEnd ? { amount: 0n, turn: 2 } : { amount: 1n, turn: 1 - game.turn! })
  }

  /** Moves a second in so many games at once, both players moving as fast as they can. */
  async play({ to, games, ms }: { to: Address; games: number; ms: number }): Promise<Played> {
    const began = performance.now()
    const all = await this.#begin(to, games)
    const begun = games / (performance.now() - began)
    for (const { id } of all) this.#playing.add(id)
    for (const { id } of all) this.#answer(id)
    await sleep(ms / 3)
    const made = () => all.reduce((sum, { version }) => sum + version, 0)
    const [before, start] = [made(), performance.now()]
    await sleep(ms)
    const rate = (1_000 * (made() - before)) / (performance.now() - start)
    const ending = performance.now()
    for (const { id } of all) this.#ending.add(id)
    await Promise.all(all.map((game) => game.finish()))
    return { rate, begun: 1_000 * begun, ended: (1_000 * games) / (performance.now() - ending) }
  }

  async #begin(to: Address, games: number) {
    const one = () =>
      this.node.startApp(this.#app, {
        seats: [this.node.address, to],
        opening: channel.opening,
        stakes: [{ from: 0, to: 1, amount: STAKE }],
      })
    const all = []
    for (let left = games; left > 0; left -= AT_ONCE)
      all.push(...(await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, one))))
    return all
  }

  /** Payments of one unit over a virtual channel, `callers` at once that each wait for their own. */
  async payVirtually({ to, ...load }: Load & { to: Address }): Promise<Rate & { opened: number }> {
    const start = performance.now()
    const virtual = await this.node.openVirtualChannel(this.#app, { to, amount: STAKE })
    const opened = performance.now() - start
    const rate = await paying(() => virtual.pay(1n), load)
    await virtual.close()
    return { ...rate, opened }
  }

  /** The same in the channel itself. */
  payDirectly = ({ channelId, ...load }: Load & { channelId: ChannelId }): Promise<Rate> =>
    paying(() => this.node.pay(channelId, 1n), load)

  /** Waits until so many channels are known; that of others holds money, too. */
  async known({ channelId, channels }: { channelId: ChannelId; channels: number }): Promise<void> {
    this.#chain.watch({ channelId, asset: COIN })
    while (this.node.network().announced < channels) await sleep(20)
  }

  connect = (address: string): Promise<unknown> => this.node.connect(address)

  async stop(): Promise<void> {
    await this.node.stop()
    await this.#store.close()
  }
}

interface Load {
  readonly callers: number
  readonly ms: number
}

async function paying(pay: () => Promise<unknown>, { callers, ms }: Load): Promise<Rate> {
  await during(pay, { callers, ms: ms / 3 })
  const start = performance.now()
  const times = await during(pay, { callers, ms })
  const rate = (1_000 * times.length) / (performance.now() - start)
  return { rate, p50: times.sort((a, b) => a - b)[times.length >> 1]! }
}

async function during(pay: () => Promise<unknown>, { callers, ms }: Load): Promise<number[]> {
  const end = performance.now() + ms
  const times: number[] = []
  const caller = async () => {
    while (performance.now() < end) {
      const began = performance.now()
      await pay()
      times.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return times
}
