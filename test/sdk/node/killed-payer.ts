import { startPeer } from '../../../bench/payments-peer.ts'
import type { ChannelId } from '../../../sdk/core/types.ts'

// A payer in a process of its own, which the test kills at any moment: pays without pause, one, few and many at a time.

const [file, address, channelId] = process.argv.slice(2) as [string, string, ChannelId | '']

const { node } = await startPeer('killed', file, { maxPerSignature: 50 })
await node.connect(address)
const channel = channelId || (await node.open(address, { period: 3_600 }))
process.send!({ channel })
for (let round = 0; ; round++) {
  const bulk = node.payMany(channel, new BigUint64Array(1 + (round % 200)).fill(1n), { wait: 'signed' })
  const single = node.pay(channel, 1n, { wait: round % 3 === 0 ? 'acked' : 'signed' })
  await Promise.all([bulk, single])
  process.send!({ paid: 2 + (round % 200) })
}
