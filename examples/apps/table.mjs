// What the scripts below share: a local chain with the contracts on it, and players with accounts there. They run in a clone of this
// repository, with Node 24: `npm ci`, `npx hardhat build`, then `node examples/apps/tic-tac-toe/play.mjs`.
// In a project of your own the imports are from 'tallystick', the chain is there, and stores are files (`openSqlite`).

import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Contract, parseEther as ether, formatEther } from 'ethers'
import { COIN, connectChain, defineApp, memoryStore, Node, tcpTransport } from '../../sdk/index.ts'
import { artifact, deploy, startAnvil } from '../../test/sdk/chain/anvil.ts'

export { COIN, ether }
export const money = (amount, unit = 'ETH') => `${formatEther(amount)} ${unit}`
/** What a part of 1e18 is of an amount. */
export const partOf = (amount, value) => (amount * value) / 10n ** 18n

/** An app of contracts/apps, with the twin beside the script. */
export const appOf = (name, twin) => defineApp({ ...artifact(`contracts/apps/${name}.sol/${name}`), twin })

/** Tells a story at a table of its own; whatever happens, nothing is left behind. */
export async function tell(story) {
  const chain = await startAnvil()
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => chain.stop().then(() => process.exit(1)))
  const deployer = chain.wallet(9)
  const arbiter = await deploy(deployer, 'contracts/AppArbiter.sol/AppArbiter', chain.registry)
  const table = new Table(chain, arbiter)
  try {
    await story(table)
  } finally {
    await Promise.all([...table.nodes].map((node) => table.leave(node)))
    await chain.stop()
  }
}

class Table {
  nodes = new Set()
  #chain
  #arbiter
  #accounts = new Map()

  constructor(chain, arbiter) {
    this.#chain = chain
    this.#arbiter = arbiter
  }

  /** A node that plays this app with whoever asks; somebody who was here before comes back with what it knew. */
  async player(name, app, options = {}) {
    const { store, seed, wallet } = this.#accountOf(name)
    const deployment = { adjudicator: this.#chain.adjudicator, arbiter: this.#arbiter, block: 0 }
    const chain = await connectChain({ rpc: this.#chain.url, store, signer: wallet, deployment, pollMs: 20 })
    const transports = (signer) => [tcpTransport({ signer })]
    // A short challenge period, and news of channels at once: nobody wants to wait for a story.
    const hurry = { policy: { minPeriod: 600 }, gossip: { limits: { interval: 0 } }, tick: 20 }
    const node = await Node.start({ seed, owner: wallet.address, chain, store, transports, ...hurry, ...options })
    this.nodes.add(node)
    node.on('alarm', ({ error }) => console.log(`  (${name}: ${error.message})`))
    if (app) node.registerApp(app, () => true)
    return node
  }

  /** A node that carries what others lock, for a fee, and plays nothing. */
  hub(name) {
    return this.player(name, undefined, {
      forwarding: { baseFee: ether('0.0001'), feePpm: 0n, margin: 600n, responseTime: 300n },
    })
  }

  #accountOf(name) {
    const account = this.#accounts.get(name) ?? {
      store: memoryStore(),
      seed: randomBytes(32),
      wallet: this.#chain.wallet(this.#accounts.size),
    }
    this.#accounts.set(name, account)
    return account
  }

  /** A program ends: from now on its player is silent. */
  async leave(node) {
    this.nodes.delete(node)
    await node.stop()
  }

  meet = async (one, other) => one.connect(await other.listen('tcp://127.0.0.1:0'))

  /** A channel in which both have this much of each asset. */
  async channel(one, other, amount, assets = [COIN]) {
    const channel = await one.open(await other.listen('tcp://127.0.0.1:0'), { period: 600, assets })
    for (const asset of assets) for (const node of [one, other]) await node.deposit(channel, amount, { asset })
    await until(() =>
      [one, other].every((node) => assets.every((asset) => node.balances(channel, asset).receivable === amount)),
    )
    return channel
  }

  /** A token of which each of the players so far has a hundred. */
  async token() {
    const deployer = this.#chain.wallet(9)
    const address = await deploy(deployer, 'contracts/demo/DemoToken.sol/DemoToken', ether('10000'))
    const token = new Contract(address, ['function transfer(address, uint256)'], deployer)
    for (const { wallet } of this.#accounts.values()) await (await token.transfer(wallet.address, ether('100'))).wait()
    return address
  }

  /** Lets time pass on the chain. */
  async later(seconds) {
    await this.#chain.rpc('evm_increaseTime', seconds)
    await this.#chain.mine()
  }

  /** How many transactions there have been: this chain makes a block of each. */
  blocks = () => this.#chain.provider.getBlockNumber()

  /** What somebody has on chain. */
  purse = (name) => this.#chain.provider.getBalance(this.#accounts.get(name).wallet.address)
}

/** Waits until something holds. */
export async function until(holds) {
  for (let left = 4_000; !(await holds()); left--) {
    if (left === 0) throw new Error(`This never came true: ${holds}`)
    await setTimeout(10)
  }
}

/** What another player began, once it has begun at this node. */
export async function join(node, app, id) {
  await until(() => node.apps().includes(id) && node.app(app, id).version > 0)
  return node.app(app, id)
}

/** Each of these games makes the next move in turn. */
export async function play(games, moves, say = () => {}) {
  for (const move of moves) {
    const mover = games.find(({ turn, mine }) => mine.includes(turn))
    await until(() => mover.isMyTurn)
    await mover.move(move)
    await until(() => games.every(({ version }) => version >= mover.version))
    say(mover, move)
  }
}
