import { Contract } from 'ethers'
import { type Address, type ChannelId, COIN } from '../../sdk/core/types.ts'
import type { EventOf } from '../../sdk/node/events.ts'
import type { ForwardingPolicy, Rate } from '../../sdk/node/hops/policy.ts'
import { deploy } from '../sdk/chain/anvil.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, Stage } from './stage.ts'

export const PERIOD = 3_600
export const MARGIN = 600n
/** The longest that a swap is locked. */
export const LOCK = 1_500n
/** By how much the newest block that one node has seen may be behind that of another. */
export const LAG = 60n
export const FEE = 1_000n
/** Units of a token of 6 decimals, and of one of 18. */
export const USD = 10n ** 6n
export const GOLD = 10n ** 18n
const HELD = 5_000n
export const TENTH = ETHER / 10n

/** A stage with two tokens, on which coins, dollars and gold are swapped. */
export class Market {
  readonly stage: Stage
  readonly usd: Address
  readonly gold: Address

  private constructor(stage: Stage, usd: Address, gold: Address) {
    this.stage = stage
    this.usd = usd
    this.gold = gold
  }

  static async build(): Promise<Market> {
    const stage = await Stage.build()
    // What a token says of its decimals nobody here reads: what counts is how large its numbers are.
    const mint = async (whole: bigint): Promise<Address> => {
      const path = 'test/mocks/Payers.sol/AuthorizedToken'
      const token = await deploy(stage.wallet('mallory'), path, 1_000_000n * whole)
      const contract = new Contract(token, ['function transfer(address, uint256)'], stage.wallet('mallory'))
      for (const name of ['alice', 'bob'])
        await (await contract.getFunction('transfer')(stage.ownerOf(name), 100_000n * whole)).wait()
      return token
    }
    return new Market(stage, await mint(USD), await mint(GOLD))
  }

  /** A coin for 2,500 dollars, or a little less; ten dollars for a piece of gold. */
  rates = (): Rate[] => [
    { from: COIN, to: this.usd, price: { from: ETHER, to: 2_500n * USD }, least: USD, most: 2_000n * USD },
    { from: this.usd, to: COIN, price: { from: 2_600n * USD, to: ETHER }, least: 1n, most: ETHER },
    { from: this.usd, to: this.gold, price: { from: 10n * USD, to: GOLD }, least: 1n, most: 100n * GOLD },
  ]

  start = (name: string, scene: string, forwarding: Partial<ForwardingPolicy> = {}): Promise<Actor> => {
    const terms = { baseFee: FEE, feePpm: 0n, margin: MARGIN, responseTime: 300n, maxSwapLock: LOCK }
    const node = { forwarding: { ...terms, ...forwarding }, gossip: { limits: { interval: 0 } } }
    return this.stage.start(name, { file: `${name}-${scene}`, node })
  }

  /** Hana, who swaps. */
  trader = (scene: string, forwarding: Partial<ForwardingPolicy> = {}): Promise<Actor> =>
    this.start('mallory', scene, { rates: this.rates(), ...forwarding })

  /** A channel in which each of the two holds of each asset what {@link holding} says. */
  pair = async (one: Actor, other: Actor, assets: readonly Address[]): Promise<ChannelId> => {
    const channelId = await one.node.open(other.address, { period: PERIOD, assets })
    for (const asset of assets)
      await Promise.all([one, other].map(({ node }) => node.deposit(channelId, this.holding(asset), { asset })))
    await until(() =>
      [one, other].every(({ node }) =>
        assets.every((asset) => node.balances(channelId, asset).receivable === this.holding(asset)),
      ),
    )
    return channelId
  }

  /** Alice and hana have coins and dollars in one channel; hana swaps them. */
  direct = async (scene: string, forwarding: Partial<ForwardingPolicy> = {}) => {
    const [alice, hana] = [await this.start('alice', scene), await this.trader(scene, forwarding)]
    const channelId = await this.pair(alice, hana, [COIN, this.usd])
    return { alice, hana, channelId, give: { amount: TENTH }, get: { asset: this.usd, amount: 250n * USD } }
  }

  holding = (asset: Address): bigint => (asset === COIN ? ETHER : HELD * (asset === this.usd ? USD : GOLD))

  /** What a node can spend of an asset in all its channels, beyond or below what it began with. */
  change = ({ node }: Actor, asset: Address): bigint =>
    node
      .channels()
      .flatMap(({ ledgers }) => ledgers.filter((ledger) => ledger.asset === asset))
      .reduce((sum, { spendable }) => sum + spendable - this.holding(asset), 0n)

  balanceOf = async (name: string, asset: Address): Promise<bigint> => {
    const { stage } = this
    if (asset === COIN) return stage.balanceOf(name)
    const contract = new Contract(asset, ['function balanceOf(address) view returns (uint256)'], stage.chain.provider)
    return contract.getFunction('balanceOf')(stage.ownerOf(name))
  }
}

/** How many transfers are locked in the channels of a node. */
export const locked = ({ node }: Actor): number =>
  node.channels().flatMap(({ channelId, ledgers }) => ledgers.flatMap(({ asset }) => node.transfers(channelId, asset)))
    .length

export const nothingLocked = (...actors: Actor[]): Promise<void> =>
  until(() => actors.every((actor) => locked(actor) === 0))

/** The end of a swap that a node began. */
export const ended = ({ node }: Actor): Promise<EventOf<'swap-over'>> =>
  new Promise((resolve) => void node.on('swap-over', (event) => resolve(event)))
