import { serve } from './ipc.ts'
import { placeOf, sizeOf, startNode } from './peer.ts'

// The hub: a process of its own that carries what its clients pay each other.

const place = placeOf(JSON.parse(process.argv[2]!))
/** What it keeps of each payment, in the asset's units. */
const FEE = 1n

const { node, store } = await startNode(place, 'hub', 100, {
  policy: { minPeriod: 60 },
  forwarding: { baseFee: FEE, feePpm: 0n, margin: 600n, responseTime: 300n },
})

serve({
  listen: async () => ({ address: await node.listen('tcp://127.0.0.1:0'), onionKey: node.onionKey!, fee: FEE }),
  /** Channels with confirmed money of both sides. */
  funded: () =>
    node
      .channels()
      .filter(({ ledgers }) => ledgers.some(({ spendable, receivable }) => spendable > 0n && receivable > 0n)).length,
  usage: () => {
    globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    return { rss, heap: heapUsed, cpu: (user + system) / 1e6, disk: sizeOf(place.folder, 'hub.sqlite') }
  },
  cpu: () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  },
  stop: async () => {
    await node.stop()
    await store.close()
  },
})
