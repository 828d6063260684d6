import { encodeInvoice } from '../../sdk/core/invoice-text.ts'
import { type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import type { Route } from '../../sdk/node/hops/quote.ts'
import type { Node } from '../../sdk/node/node.ts'
import { serve } from './ipc.ts'
import { placeOf, startNode } from './peer.ts'

// Many clients of the hub in one process: each has a key, a store, a connection to the hub and one to the chain of its own.

/** What the parent asks this process to pay. */
export interface Job {
  /** Of each client that pays: how, and what. */
  readonly work: readonly Work[]
  /** Payments of one client that are on their way at once. */
  readonly inFlight: number
  /** Whether the clients take turns, so that one payment is on its way in all. */
  readonly turns: boolean
}

/** What one client pays. */
export interface Work {
  readonly client: number
  readonly count: number
  /** Invoices to pay over the hub. */
  readonly invoices: readonly string[]
  /** The hub's channel to the payee, and what it wants; undefined: the hub itself is paid. */
  readonly hop: { readonly onionKey: Hex; readonly channelId: ChannelId; readonly fee: bigint } | undefined
}

/** What became of a {@link Job}: milliseconds that each payment took, and for how long payments were made. */
export interface Done {
  readonly latencies: Float64Array
  readonly elapsed: number
}

interface Client {
  readonly node: Node
  readonly channelId: ChannelId
  /** Takes a look at the chain now. */
  hurry(): void
  stop(): Promise<void>
}

const { place: given, group, hub } = JSON.parse(process.argv[2]!)
const place = placeOf(given)
const clients: Client[] = []

async function open(): Promise<Client> {
  const name = `${group}-${clients.length}`
  // Clients live on machines of their own: here they look at the chain seldom, so that they leave the processors to the payments.
  const { node, store, chain } = await startNode(place, name, 30_000, {
    tick: 10_000,
    policy: { minPeriod: 60 },
    forwarding: { forwards: false, margin: 600n, responseTime: 300n },
  })
  const channelId = await node.open(hub, { period: 3_600 })
  return {
    node,
    channelId,
    hurry: () => chain.watch({ channelId, asset: COIN }),
    stop: async () => {
      await node.stop()
      await store.close()
    },
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Pays until nothing is left to pay. */
async function pay({ work, inFlight, turns }: Job): Promise<Done> {
  const latencies: number[] = []
  const start = performance.now()
  const loops = work.map(({ client, count, hop, invoices }) => {
    let paid = 0
    return async (): Promise<boolean> => {
      if (paid === count) return false
      const began = performance.now()
      await payOnce(clients[client]!, hop, invoices[paid++])
      latencies.push(performance.now() - began)
      return true
    }
  })
  const forever = async (once: () => Promise<boolean>) => {
    while (await once());
  }
  if (turns) {
    let at = 0
    await forever(() => loops[at++ % loops.length]!())
  } else await Promise.all(loops.flatMap((once) => Array.from({ length: inFlight }, () => forever(once))))
  return { latencies: Float64Array.from(latencies), elapsed: performance.now() - start }
}

async function payOnce({ node, channelId }: Client, hop: Work['hop'], invoice: string | undefined): Promise<void> {
  if (!hop) await node.pay(channelId, 1n)
  else await node.payInvoice(invoice!, { route: { channelId, hops: [hop] } satisfies Route })
}

serve({
  /** Opens this many more channels; answers their ids, with the index of the client in them. */
  open: async (count: number) => {
    const opened = []
    for (let i = 0; i < count; i++) {
      const client = await open()
      clients.push(client)
      opened.push({ channelId: client.channelId, member: client.node.channel(client.channelId).me })
    }
    return opened
  },
  /** Waits until all of them can pay. */
  ready: async () => {
    for (const { node, channelId, hurry } of clients)
      while (node.balances(channelId).spendable === 0n || node.balances(channelId).receivable === 0n) {
        // Its own look at the chain would come too late.
        hurry()
        await pause(20)
      }
  },
  invoices: async ({ client, count }: { client: number; count: number }) => {
    const { node } = clients[client]!
    const made = await Promise.all(Array.from({ length: count }, () => node.invoice({ amount: 1n, seconds: 86_400n })))
    return made.map((signed) => encodeInvoice(node.domain, signed))
  },
  pay,
  /** What all of them hold, to compare with what was paid. */
  held: () => clients.map(({ node, channelId }) => node.balances(channelId).entitlement),
  stop: async () => {
    for (const client of clients) await client.stop()
  },
})
