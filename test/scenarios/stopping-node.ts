import { connectChain } from '../../sdk/chain/connect.ts'
import type { Address } from '../../sdk/core/types.ts'
import { Node } from '../../sdk/node/node.ts'
import { openSqlite } from '../../sdk/storage/sqlite.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import { webSocketTransport } from '../../sdk/transport/websocket.ts'
import { keyOf, ownerOf, signerOf } from '../sdk/node/actors.ts'

// A process with a node that opens a channel, stops when it is told to, and then has nothing left to do.

const [rpc, adjudicator, file, bob] = process.argv.slice(2) as [string, Address, string, string]
const store = openSqlite(file, { identity: { chainId: 31337n, adjudicator, signer: signerOf('carol').address } })
const chain = await connectChain({ rpc, store, deployment: { adjudicator } })
const node = await Node.start({
  key: keyOf('carol'),
  owner: ownerOf('carol'),
  chain,
  store,
  transports: (signer) => [tcpTransport({ signer }), webSocketTransport({ signer })],
  listen: ['tcp://127.0.0.1:0', 'ws://127.0.0.1:0'],
  tick: 20,
})
const channelId = await node.open(bob, { period: 3_600 })
const waiting = [node.pay(channelId, 1n), node.withdraw(channelId, 1n), node.connect(bob)]
for (const each of waiting) each.catch(() => {})
process.once('message', async () => {
  await node.stop()
  await store.close()
  process.disconnect()
})
process.send!('ready')
