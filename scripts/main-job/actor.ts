import { Contract, MaxUint256, Wallet } from 'ethers'
import { tokenAbi } from '../../sdk/chain/abi.ts'
import type { EthersChain } from '../../sdk/chain/adapter.ts'
import { connectChain } from '../../sdk/chain/connect.ts'
import { encodeInvoice } from '../../sdk/core/invoice-text.ts'
import type { Address, ChannelId, LedgerRef } from '../../sdk/core/types.ts'
import { ledgerKey } from '../../sdk/node/keys.ts'
import { Node } from '../../sdk/node/node.ts'
import { keyring } from '../../sdk/signing/keyring.ts'
import { openSqlite } from '../../sdk/storage/sqlite.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import { type KeptState, keepState, showState } from './cheat.ts'
import { type Answer, ORDERS, type Order, type OrderName, type Report, Request } from './messages.ts'
import { payStream } from './pay-stream.ts'
import { CHAIN_ID, openProvider } from './rpc.ts'

// The process of one actor: an ordinary node with its own wallet, store and socket, which does what the main job says.

interface Self {
  readonly node: Node
  readonly chain: EthersChain
  readonly store: Store
  readonly wallet: Wallet
  readonly adjudicator: Address
  readonly kept: Map<string, KeptState>
  /** Stops the node, once. */
  readonly stop: () => Promise<void>
}

/** Milliseconds between reminders and attempts to dial: the job is short. */
const TICK = 200
const LOOK = 50
/** Milliseconds that news of ways may take. */
const PATIENCE = 30_000

type Handlers = {
  readonly [K in OrderName]: (self: Self, order: Order<K>, tell: (report: Report) => void) => Promise<Answer<K>>
}

const HANDLERS: Omit<Handlers, 'start'> = {
  async approve({ wallet, adjudicator }, { token }) {
    const sent = await new Contract(token, tokenAbi, wallet).getFunction('approve')(adjudicator, MaxUint256)
    await sent.wait()
    return {}
  },
  async open({ node }, { peer, assets, period }) {
    return { channelId: await node.open(peer, { assets, period }) }
  },
  async deposit({ node }, { channelId, asset, amount }) {
    await node.deposit(channelId, amount, { asset })
    return {}
  },
  async pay({ node }, order, tell) {
    // After a crash it is the peer that dials again.
    await connected(node, order.channelId)
    await payStream(node, order, (done) => tell({ kind: 'progress', stream: order.stream, done }))
    return {}
  },
  async payOnce({ node }, { channelId, asset, amount }) {
    await node.pay(channelId, amount, { asset })
    return {}
  },
  async invoice({ node }, { amount }) {
    const signed = await node.invoice({ amount })
    return { text: encodeInvoice(node.domain, signed), key: signed.invoice.key }
  },
  async payInvoice({ node }, { text, seconds, route }) {
    const { fee, parts } = await node.payInvoice(text, { seconds, ...(route && { route }) })
    return { fee, parts }
  },
  async findWays({ node }, { text }) {
    const limit = performance.now() + PATIENCE
    for (;;) {
      const refused = await node.quote(text).then(
        () => undefined,
        (error: Error) => error,
      )
      if (!refused) return {}
      if (performance.now() > limit) throw refused
      await new Promise((resolve) => setTimeout(resolve, LOOK))
    }
  },
  async promised({ node }, { channelId, key }) {
    await until(() => node.transfers(channelId).some(({ transfer }) => transfer.legs.some((leg) => leg.key === key)))
    return {}
  },
  async met({ node }) {
    await until(() => node.channels().every(({ connected }) => connected))
    return {}
  },
  async heard({ node }, { channels }) {
    await until(() => node.network().announced >= channels)
    return {}
  },
  async guarded({ node }) {
    await until(() => node.towers().every(({ connected, behind }) => connected && behind === 0))
    return {}
  },
  async betray({ node, stop }) {
    node.on('locked', ({ direction }) => {
      if (direction === 'out') void stop()
    })
    return {}
  },
  async recorded({ chain }, { key }) {
    await until(async () => (await chain.outcomes([key]))[0]!.recordedAt > 0n)
    return {}
  },
  async dispute({ node }, { channelId, asset }) {
    await node.dispute(channelId, { asset })
    return {}
  },
  async withdraw({ node }, { channelId, asset, amount }) {
    await node.withdraw(channelId, amount, { asset })
    return {}
  },
  async close({ node }, { channelId }) {
    await node.close(channelId)
    return {}
  },
  async list({ node }) {
    const totals = new Map<string, Answer<'list'>['totals'][number]>()
    for await (const { channelId, asset, direction, amount } of node.payments()) {
      const key = `${channelId}/${asset}/${direction}`
      const { count, total } = totals.get(key) ?? { count: 0, total: 0n }
      totals.set(key, { channelId, asset, direction, count: count + 1, total: total + amount })
    }
    return { totals: [...totals.values()] }
  },
  async settled({ node }, { channelId, asset }) {
    await until(() => node.balances(channelId, asset).generation > 0)
    return {}
  },
  async keep({ store, kept }, ledger) {
    const found = await keepState(store, ledger)
    kept.set(ledgerKey(ledger), found)
    return { version: found.state.version }
  },
  async cheat({ node, wallet, adjudicator, kept, stop }, ledger: LedgerRef) {
    const { channel } = node.channel(ledger.channelId)
    // An honest node would show the newer state that it knows.
    await stop()
    await showState(wallet, adjudicator, channel, kept.get(ledgerKey(ledger))!)
    return {}
  },
  async stop({ store, wallet, stop }) {
    await stop()
    await store.close()
    wallet.provider!.destroy()
    return {}
  },
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, LOOK))
}

async function connected(node: Node, channelId: ChannelId): Promise<void> {
  if (node.channel(channelId).connected) return
  await new Promise<void>((resolve) => {
    const forget = node.on('connected', () => {
      if (!node.channel(channelId).connected) return
      forget()
      resolve()
    })
  })
}

async function start(order: Order<'start'>, tell: (report: Report) => void): Promise<Self> {
  const { file, rpc, adjudicator, seed, ownerKey, towers, feePpm } = order
  const signer = keyring(seed).signer()
  const wallet = new Wallet(ownerKey, openProvider(rpc))
  const store = openSqlite(file, { identity: { chainId: CHAIN_ID, adjudicator, signer: signer.address } })
  const chain = await connectChain({ rpc, store, signer: wallet, deployment: { adjudicator }, chainId: CHAIN_ID })
  const node = await Node.start({
    seed,
    owner: wallet.address,
    chain,
    store,
    transports: (session) => [tcpTransport({ signer: session })],
    tick: TICK,
    towers,
    forwarding: { baseFee: 0n, feePpm },
  })
  node.on('alarm', ({ error }) => tell({ kind: 'alarm', ...described(error) }))
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= node.stop()
    return stopping
  }
  return { node, chain, store, wallet, adjudicator, kept: new Map(), stop }
}

function described(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: String(error) }
  const { code } = error as { code?: unknown }
  return { code: typeof code === 'string' ? code : error.name, message: error.message }
}

function listenToJob(): void {
  let self: Self | undefined
  const tell = (report: Report) => {
    if (process.connected) process.send!(report)
  }
  const obey = async (name: OrderName, order: unknown): Promise<unknown> => {
    if (name === 'start') {
      const parsed = ORDERS.start.order.parse(order)
      self = await start(parsed, tell)
      const listening = await self.node.listen(parsed.listen)
      return {
        owner: self.wallet.address.toLowerCase(),
        signer: self.node.address,
        onionKey: self.node.onionKey,
        listening,
      }
    }
    if (!self) throw new Error('The first order to an actor is "start".')
    const handler = HANDLERS[name] as (self: Self, order: unknown, tell: (report: Report) => void) => Promise<unknown>
    return handler(self, ORDERS[name].order.parse(order), tell)
  }
  process.on('message', (message) => {
    const { id, name, order } = Request.parse(message)
    obey(name, order).then(
      (answer) => {
        tell({ kind: 'done', id, answer })
        if (name === 'stop') process.disconnect()
      },
      (error) => tell({ kind: 'failed', id, ...described(error) }),
    )
  })
  // Ctrl-C reaches every process of the terminal; the job decides what it means, and when the job is gone so is this.
  process.on('SIGINT', () => {})
  process.on('disconnect', () => process.exit())
}

listenToJob()
