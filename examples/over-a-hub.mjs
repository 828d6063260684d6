// Alice pays carol over hana, a hub that both have a channel with: one invoice, one deadline, no transaction.
//
// Needs a chain with the contracts on it and three funded accounts:
//   RPC=http://127.0.0.1:8545 ADJUDICATOR=0x... KEYS=0x...,0x...,0x... node examples/over-a-hub.mjs

import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { formatEther, parseEther, Wallet } from 'ethers'
import { connectChain, encodeInvoice, memoryStore, Node, tcpTransport } from 'tallystick'

const { RPC: rpc, ADJUDICATOR: adjudicator, KEYS = '' } = process.env
if (!rpc || !adjudicator || KEYS.split(',').length !== 3) {
  console.error('Set RPC, ADJUDICATOR and KEYS (three private keys, separated by commas).')
  process.exit(1)
}

const fee = parseEther('0.0001')

/** A node with an account of its own; it forgets everything when it ends. */
async function enter(key) {
  const wallet = new Wallet(key)
  const store = memoryStore()
  const chain = await connectChain({ rpc, store, signer: wallet, deployment: { adjudicator } })
  const transports = (signer) => [tcpTransport({ signer })]
  const forwarding = { baseFee: fee, feePpm: 0n, revealCost: parseEther('0.001') }
  return Node.start({ seed: randomBytes(32), owner: wallet.address, chain, store, transports, forwarding })
}

/** A channel of two nodes, with money on the side that will pay in it. */
async function channelBetween(payer, other) {
  const channel = await payer.open(await other.listen('tcp://127.0.0.1:0'))
  await payer.deposit(channel, parseEther('1'))
  return channel
}

const [alice, hana, carol] = await Promise.all(KEYS.split(',').map(enter))
const first = await channelBetween(alice, hana)
const second = await channelBetween(hana, carol)

const text = encodeInvoice(carol.domain, await carol.invoice({ amount: parseEther('0.25'), memo: 'a table' }))
console.log(`carol asks: ${text.slice(0, 40)}...`)

// Alice and carol have no channel. Alice hears from hana, within seconds, that hana and carol do.
while (!(await alice.quote(text).catch(() => false))) await setTimeout(100)
const proof = await alice.payInvoice(text)
console.log(`alice paid, and holds the proof: ${Buffer.from(proof.secret).toString('hex').slice(0, 16)}...`)
// Hana pays carol on her own channel at the same moment; its last message may still be on the way.
while (carol.balances(second).spendable === 0n) await setTimeout(20)
console.log(`carol can spend ${formatEther(carol.balances(second).spendable)} ETH`)

await Promise.all([alice.close(first), hana.close(second)])
await Promise.all([alice, hana, carol].map((node) => node.stop()))
console.log('all channels are paid out')
