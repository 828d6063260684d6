// Alice, bob and carol owe each other in a circle: one round of their group clears it, whatever each has. Then they pay and close.
//
// Needs a chain with the contracts on it and three funded accounts:
//   RPC=http://127.0.0.1:8545 ADJUDICATOR=0x... KEYS=0x...,0x...,0x... node examples/a-round-of-debts.mjs

import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { formatEther, parseEther, Wallet } from 'ethers'
import { connectChain, memoryStore, Node, tcpTransport } from 'tallystick'

const { RPC: rpc, ADJUDICATOR: adjudicator, KEYS = '' } = process.env
if (!rpc || !adjudicator || KEYS.split(',').length !== 3) {
  console.error('Set RPC, ADJUDICATOR and KEYS (three private keys, separated by commas).')
  process.exit(1)
}

/** A node with an account of its own; it forgets everything when it ends. */
async function enter(key) {
  const wallet = new Wallet(key)
  const store = memoryStore()
  const chain = await connectChain({ rpc, store, signer: wallet, deployment: { adjudicator } })
  const transports = (signer) => [tcpTransport({ signer })]
  return Node.start({ seed: randomBytes(32), owner: wallet.address, chain, store, transports })
}

const nodes = await Promise.all(KEYS.split(',').map(enter))
const [alice, bob, carol] = nodes
const members = [await bob.listen('tcp://127.0.0.1:0'), await carol.listen('tcp://127.0.0.1:0')]
// If somebody is silent for two minutes the chain pays everybody, and the others may go on with up to an ether each.
const { channelId } = await alice.openGroup({ members, limit: 120_000, goOn: { upTo: parseEther('1') } })
const groups = nodes.map((node) => node.group(channelId))
await Promise.all(groups.map((group) => group.deposit(parseEther('0.1'))))

// Each owes the next fifty times what it has.
const debt = parseEther('5')
const paid = await Promise.all(
  groups.map((group, index) => group.net([{ to: nodes[(index + 1) % 3].address, amount: debt }])),
)
console.log(
  `netted: ${paid
    .flat()
    .map((one) => formatEther(one.paid))
    .join(', ')} ETH, and nobody has moved a wei`,
)

await groups[0].pay(bob.address, parseEther('0.02'))
while (groups[1].status().spendable !== parseEther('0.12')) await setTimeout(20)
console.log(`bob can spend ${formatEther(groups[1].status().spendable)} ETH`)

await groups[2].close()
await Promise.all(nodes.map((node) => node.stop()))
console.log('everybody is paid out')
