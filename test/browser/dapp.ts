// What a dApp does: runs in a page, bundled, with a wallet that shows EIP-1193 and nothing else.

import { BrowserProvider } from 'ethers'
import {
  type Address,
  type ChannelId,
  COIN,
  connectChain,
  eip1193Wallet,
  indexedDbStore,
  keyring,
  Node,
  newMnemonic,
  openSqlite,
  type SessionSigner,
  type Store,
  sessionSigner,
  signDirect,
  tcpTransport,
  webSocketTransport,
} from '../../sdk/index.ts'

let node: Node
let store: Store

const dapp = {
  /** Starts the node of this browser, with what an earlier page left in its database. */
  async start(adjudicator: Address): Promise<string> {
    const seed = localStorage.getItem('seed') ?? newMnemonic()
    localStorage.setItem('seed', seed)
    const identity = { chainId: 31337n, adjudicator, signer: keyring(seed).signer().address }
    store = await indexedDbStore('dapp', { identity })
    const wallet = await eip1193Wallet(window.ethereum)
    const signer = await new BrowserProvider(window.ethereum).getSigner(wallet.address)
    const chain = await connectChain({ rpc: window.ethereum, store, signer, deployment: { adjudicator } })
    const transports = (session: SessionSigner) => [webSocketTransport({ signer: session })]
    node = await Node.start({ seed, owner: wallet.address, wallet, chain, store, transports })
    return node.address
  },

  async stop(): Promise<void> {
    await node.stop()
    await store.close()
  },

  open: (hub: string): Promise<ChannelId> => node.open(hub),
  connect: (hub: string): Promise<string> => node.connect(hub),
  deposit: async (channel: ChannelId, amount: bigint): Promise<void> => void (await node.deposit(channel, amount)),
  close: (channel: ChannelId): Promise<void> => node.close(channel),

  async payOften(channel: ChannelId, amount: bigint, times: number): Promise<void> {
    for (let paid = 0; paid < times; paid++) await node.pay(channel, amount, { memo: `payment ${paid}` })
  },

  channels: (): ChannelId[] => node.channels().map(({ channelId }) => channelId),

  async listed(): Promise<{ in: number; out: number }> {
    const count = { in: 0, out: 0 }
    for await (const { direction } of node.payments()) count[direction] += 1
    return count
  },

  /** What a key signs here. */
  signature: (key: Uint8Array, digest: Uint8Array): Uint8Array => signDirect(sessionSigner(key), digest),

  /** The codes with which what needs Node says so. */
  async refusals(): Promise<unknown[]> {
    const identity = { chainId: 1n, adjudicator: COIN, signer: COIN }
    const options = { signer: keyring(newMnemonic()).signer() }
    const attempts = [
      async () => openSqlite('dapp.sqlite', { identity }),
      () => tcpTransport(options).dial('tcp://127.0.0.1:7000'),
      () => webSocketTransport(options).listen('ws://127.0.0.1:0', () => {}),
    ]
    const outcomes = await Promise.allSettled(attempts.map((attempt) => attempt()))
    return outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)
  },
}

export type Dapp = typeof dapp
Object.assign(window, { dapp, loaded: true })
