import { type App, defineApp } from '../../sdk/apps/define-app.ts'
import type { Address, ChannelId, Hex } from '../../sdk/core/types.ts'
import type { AppInstance } from '../../sdk/node/apps/app-instance.ts'
import type { AppJudge } from '../../sdk/node/apps/app-proposals.ts'
import { artifact, deploy } from '../sdk/chain/anvil.ts'
import { until } from '../until.ts'
import { type Actor, type ActorOptions, ETHER, Stage } from './stage.ts'

export interface Board {
  readonly board: readonly number[]
}

export interface Cell {
  readonly cell: number
}

/** Tic-tac-toe by its own bytecode. */
export const ticTacToe = defineApp(artifact('contracts/apps/TicTacToe.sol/TicTacToe') as never) as App<Board, Cell>

export const EMPTY: Board = { board: Array(9).fill(0) }
/** Seat 0 has a row with the fifth of these. */
export const WON = [0, 3, 1, 4, 2]

/** What a deposit changes is told at once, not a minute after the last word. */
const GOSSIP = { limits: { interval: 0 } }

/** A chain with an arbiter, and players around it. */
export class Table {
  readonly stage: Stage
  readonly arbiter: Address

  private constructor(stage: Stage, arbiter: Address) {
    this.stage = stage
    this.arbiter = arbiter
  }

  static async build(...args: string[]): Promise<Table> {
    const stage = await Stage.build(...args)
    const arbiter = await deploy(stage.chain.wallet(9), 'contracts/AppArbiter.sol/AppArbiter', stage.chain.registry)
    return new Table(stage, arbiter)
  }

  /** A player that knows tic-tac-toe and plays whatever `judge` accepts: by default everything. */
  async player(name: string, options: ActorOptions & { readonly judge?: AppJudge } = {}): Promise<Actor> {
    const deployment = { adjudicator: this.stage.chain.adjudicator, arbiter: this.arbiter, block: 0 }
    const node = { gossip: GOSSIP, ...options.node }
    const actor = await this.stage.start(name, { ...options, node, chain: { deployment, ...options.chain } })
    actor.node.registerApp(ticTacToe, options.judge ?? (() => true))
    return actor
  }

  /** A node that carries what others lock, and plays nothing. */
  hub(name: string): Promise<Actor> {
    const forwarding = { baseFee: 1_000n, feePpm: 0n, margin: 600n, responseTime: 300n }
    return this.stage.start(name, { node: { forwarding, gossip: GOSSIP } })
  }

  /** A channel between two players, with money of both. */
  async channel(one: Actor, other: Actor, amount = ETHER): Promise<ChannelId> {
    const channelId = await one.node.open(other.address, { period: 600 })
    await one.node.deposit(channelId, amount)
    await other.node.deposit(channelId, amount)
    await until(() =>
      [one, other].every(
        ({ node }) => node.balances(channelId).spendable === amount && node.balances(channelId).receivable === amount,
      ),
    )
    return channelId
  }

  /** Waits until each payer can reach the payee by what it was told of `channels` channels, without a hint. */
  async reach(payers: readonly Actor[], payee: Actor, amount: bigint, channels: number): Promise<void> {
    await until(() => [payee, ...payers].every(({ node }) => node.network().announced >= channels))
    const invoice = await payee.node.invoice({ amount })
    for (const { node } of payers) await until(() => node.quote(invoice).then(Boolean, () => false))
  }

  close(): Promise<void> {
    return this.stage.close()
  }
}

/** The instance that another player began, once it has begun here. */
export async function joined(actor: Actor, id: Hex): Promise<AppInstance<Board, Cell>> {
  await until(() => actor.node.apps().includes(id) && actor.node.app(ticTacToe, id).version > 0)
  return actor.node.app(ticTacToe, id)
}

/** Makes these moves in turn, each by the seat whose turn it is. */
export async function play(games: readonly AppInstance<Board, Cell>[], cells: readonly number[]): Promise<void> {
  for (const cell of cells) {
    const mover = games.find(({ turn, mine }) => turn !== undefined && mine.includes(turn))!
    await until(() => mover.isMyTurn)
    await mover.move({ cell })
    const { version } = mover
    await until(() => games.every((game) => game.version >= version))
  }
}
