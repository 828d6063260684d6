import type { Eip1193Provider } from 'ethers'
import type { App } from '../../apps/define-app.ts'
import type { StartAppOptions } from '../../node/apps/app-options.ts'
import type { MemoryNetwork } from '../../transport/memory.ts'
import { TableError, until } from './errors.ts'
import { Game } from './game.ts'
import { type Ground, prepare } from './ground.ts'
import { Player } from './player.ts'

/** What a table is set with. */
export interface TableOptions<State, Move> {
  readonly app: App<State, Move>
  /** Names, in the order of the seats; two to nine. */
  readonly players: readonly string[]
  /** A development chain with unlocked accounts: a Hardhat provider, any other of EIP-1193, or the URL of anvil or `hardhat node`. */
  readonly chain: string | Eip1193Provider
  /** What each player deposits in each of its channels, in wei; default: an ether. */
  readonly amount?: bigint
}

const ETHER = 10n ** 18n
/** Seconds of the channels' challenges. */
const PERIOD = 600

/** A development chain with the contracts of apps, players with real nodes around it, and a funded channel between any two of them. */
export class Table<State, Move> {
  readonly players: readonly Player<State, Move>[]
  readonly #app: App<State, Move>
  readonly #ground: Ground
  #ahead = 0

  /** Use {@link table}. */
  constructor({ app, players }: TableOptions<State, Move>, ground: Ground) {
    const network: MemoryNetwork = new Map()
    const room = { app, ground, network, ahead: () => this.#ahead }
    this.#app = app
    this.#ground = ground
    this.players = players.map((name, index) => new Player(name, ground.accounts[index]!, room))
  }

  /** Throws {@link TableError} for a name that nobody has. */
  player(name: string): Player<State, Move> {
    const found = this.players.find((player) => player.name === name)
    if (!found) throw new TableError(`Nobody called ${name} sits here. Name it in players.`)
    return found
  }

  /** Starts all nodes, opens a channel between any two, and pays `amount` into each from both sides. */
  async set(amount: bigint): Promise<void> {
    for (const player of this.players) await player.start()
    for (const [index, one] of this.players.entries())
      for (const other of this.players.slice(index + 1)) await this.#fund(one, other, amount)
  }

  async #fund(one: Player<State, Move>, other: Player<State, Move>, amount: bigint): Promise<void> {
    const channelId = await one.node.open(other.address, { period: PERIOD })
    const nodes = [one.node, other.node]
    await Promise.all(nodes.map((node) => node.deposit(channelId, amount)))
    const isFunded = () =>
      nodes.every((node) => {
        const { spendable, receivable } = node.balances(channelId)
        return spendable === amount && receivable === amount
      })
    await until(isFunded, `The money of ${one.name} and ${other.name}`)
  }

  /** Begins a game, which the first of its players proposes. The seats are all players in their order, unless others are named. */
  async begin(
    options: Omit<StartAppOptions<State>, 'seats'> & Partial<StartAppOptions<State>>,
  ): Promise<Game<State, Move>> {
    const seats = options.seats ?? this.players.map(({ signer }) => signer.address)
    const playing = this.players.filter(({ signer }) => seats.includes(signer.address))
    const proposer = playing[0]
    if (!proposer) throw new TableError('None of the seats is of a player at this table. Name the address of a signer.')
    const { id } = await proposer.node.startApp(this.#app, { ...options, seats })
    const game = new Game(id, this.#app, playing)
    await game.begun()
    return game
  }

  /** A player stops answering; {@link wake} brings it back. */
  silence(name: string): Promise<void> {
    return this.player(name).silence()
  }

  /** A player comes back with what it had signed, and meets the others again. */
  async wake(name: string): Promise<void> {
    const player = this.player(name)
    await player.start()
    for (const other of this.players)
      if (other !== player && !other.isSilent) await player.node.connect(other.address, { peer: other.signer.address })
  }

  /** Turns the clocks of the chain and of all players forward. */
  async later(seconds: number): Promise<void> {
    if (!(Number.isSafeInteger(seconds) && seconds > 0))
      throw new TableError(`Time goes forward in whole seconds, not by ${seconds}.`)
    await this.#ground.provider.send('evm_increaseTime', [seconds])
    await this.#ground.provider.send('evm_mine', [])
    this.#ahead += 1_000 * seconds
  }

  /** Waits until `condition` holds, `patience` milliseconds at most; default 20,000. Throws {@link TableError} that names `what`. */
  until(condition: () => boolean | Promise<boolean>, what?: string, patience?: number): Promise<void> {
    return until(condition, what, patience)
  }

  /** Stops all nodes and connections; the chain itself belongs to whoever started it. */
  async close(): Promise<void> {
    for (const player of this.players) await player.close()
    this.#ground.provider.destroy()
  }
}

/**
 * Sets a table to test an app at: real nodes on a development chain, with the contracts deployed and the channels funded. Throws
 * {@link TableError}.
 *
 * @example
 * ```ts
 * const { provider } = await network.create() // of Hardhat; or the URL of anvil
 * const nims = await table({ app: nim, players: ['alice', 'bob'], chain: provider })
 * const game = await nims.begin({ opening, stakes: [{ from: 0, to: 1, amount: 100n }, { from: 1, to: 0, amount: 100n }] })
 * await game.play({ take: 2 })
 * await nims.silence('bob')
 * await game.of('alice').dispute()
 * await nims.later(3_601)
 * ```
 */
export async function table<State, Move>(options: TableOptions<State, Move>): Promise<Table<State, Move>> {
  const { players, chain, amount = ETHER } = options
  if (players.length < 2 || players.length > 9 || new Set(players).size < players.length || players.includes(''))
    throw new TableError('A table has two to nine players with different names. Correct `players`.')
  if (!(amount > 0n)) throw new TableError(`A deposit of ${amount} wei is none. Give another amount, or leave it out.`)
  const made = new Table(options, await prepare(chain, players.length))
  try {
    await made.set(amount)
    return made
  } catch (error) {
    await made.close()
    throw error
  }
}
