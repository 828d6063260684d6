// The payer of bench/browser.ts, in a page.

import { indexedDbStore, Node, sessionSigner, webSocketTransport } from '../sdk/index.ts'
import { funded } from './funded-chain.ts'
import { run } from './payments-run.ts'

async function pay(address: string, name: string, seconds: number) {
  const [size, mode] = name.split(' ') as [string, string]
  const signer = sessionSigner(crypto.getRandomValues(new Uint8Array(32)))
  const chain = funded(signer.address)
  const store = await indexedDbStore(name, { identity: { ...chain.domain, signer: signer.address } })
  const node = await Node.start({
    signer,
    owner: signer.address,
    chain,
    store,
    transports: [webSocketTransport({ signer })],
    policy: { minPeriod: 60 },
    maxPerSignature: Number(size),
  })
  const channelId = await node.open(address, { period: 3_600 })
  await run(node, channelId, Number(size), mode, 0.5)
  const result = await run(node, channelId, Number(size), mode, seconds)
  const sent = -node.balances(channelId).entitlement + (1n << 100n)
  await node.stop()
  await store.close()
  return { ...result, sent }
}

/** Durable commits of one small value, one after the other, a second. */
async function commits(seconds: number): Promise<number> {
  const signer = `0x${'51'.repeat(20)}` as const
  const store = await indexedDbStore('commits', { identity: { ...funded(signer).domain, signer } })
  const [start, end] = [performance.now(), performance.now() + 1_000 * seconds]
  let count = 0
  for (; performance.now() < end; count++) await store.commit([{ key: `${count}`, value: new Uint8Array(700) }])
  await store.close()
  return (1_000 * count) / (performance.now() - start)
}

const payer = { pay, commits }
export type Payer = typeof payer
Object.assign(window, { payer })
