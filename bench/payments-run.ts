import type { ChannelId } from '../sdk/core/types.ts'
import type { Node } from '../sdk/node/node.ts'

/** Payments of one unit each, so that the sum counts them. */
export async function run(node: Node, channelId: ChannelId, size: number, mode: string, seconds: number) {
  const start = performance.now()
  const end = start + 1_000 * seconds
  let done = 0
  const latencies: number[] = []
  const one = async (count: number) => {
    const began = performance.now()
    if (count === 1) await node.pay(channelId, 1n)
    else await node.payMany(channelId, new BigUint64Array(count).fill(1n))
    done += count
    latencies.push(performance.now() - began)
  }
  if (mode === 'sequential') while (performance.now() < end) await one(size)
  else {
    // Enough on its way to keep both sides busy: callers that each wait for their own payments.
    const callers = size === 1 ? 512 : size === 10 ? 128 : 64
    const caller = async () => {
      while (performance.now() < end) await one(size === 1 ? 1 : 4 * size)
    }
    await Promise.all(Array.from({ length: callers }, caller))
  }
  const elapsed = (performance.now() - start) / 1_000
  latencies.sort((a, b) => a - b)
  return { rate: done / elapsed, p50: latencies[Math.floor(latencies.length / 2)]! }
}
