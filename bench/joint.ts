import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Group } from '../sdk/node/groups/group.ts'
import { Node } from '../sdk/node/node.ts'
import { sessionSigner } from '../sdk/signing/session.ts'
import { memoryStore } from '../sdk/storage/memory.ts'
import { type MemoryNetwork, memoryTransport } from '../sdk/transport/memory.ts'
import { funded } from './funded-chain.ts'

// How many rounds a second a group completes, with all of its members in this one process: every signature is made once and checked by
// each other member, so a group on machines of its own is bound by a share of this and by its slowest connection.

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    ms: { type: 'string', default: '3000' },
    payments: { type: 'string', default: '64' },
  },
})
const [MS, PAYMENTS] = [Number(values.ms), Number(values.payments)]

interface Row {
  readonly members: number
  /** Payments that each member asks for at once. */
  readonly each: number
  readonly roundsPerSecond: number
  readonly paymentsPerSecond: number
}

const owner = (index: number) => `0x${(index + 1).toString(16).padStart(40, '0')}`

async function start(members: number): Promise<{ nodes: Node[]; groups: Group[] }> {
  const network: MemoryNetwork = new Map()
  const nodes = await Promise.all(
    Array.from({ length: members }, (_, index) =>
      Node.start({
        signer: sessionSigner(new Uint8Array(32).fill(index + 1)),
        owner: owner(index),
        chain: funded(owner(index) as `0x${string}`),
        store: memoryStore(),
        transports: (signer) => [memoryTransport({ signer, network })],
        listen: [`memory:${index}`],
        tick: 50,
      }),
    ),
  )
  const [first] = nodes
  const others = nodes.slice(1).map((_, index) => `memory:${index + 1}`)
  const { channelId } = await first!.openGroup({ members: others, limit: 600_000, patience: 60_000 })
  const groups = nodes.map((node) => node.group(channelId))
  while (!groups.every((group) => group.status().gathered)) await new Promise((resolve) => setTimeout(resolve, 20))
  return { nodes, groups }
}

async function measure({ nodes, groups }: Awaited<ReturnType<typeof start>>, each: number): Promise<Row> {
  const members = nodes.length
  const round = () =>
    Promise.all(
      groups.flatMap((group, index) =>
        Array.from({ length: each }, () => group.pay(nodes[(index + 1) % members]!.address, 1n)),
      ),
    )
  // What is compiled late is not measured.
  await round()
  const before = groups[0]!.status().version
  const began = performance.now()
  let paid = 0
  while (performance.now() - began < MS) {
    await round()
    paid += members * each
  }
  const seconds = (performance.now() - began) / 1_000
  const rounds = Number(groups[0]!.status().version - before)
  return { members, each, roundsPerSecond: rounds / seconds, paymentsPerSecond: paid / seconds }
}

const rows: Row[] = []
for (const members of [3, 8, 32]) {
  const stage = await start(members)
  for (const each of [1, PAYMENTS]) rows.push(await measure(stage, each))
  await Promise.all(stage.nodes.map((node) => node.stop()))
}
const three = (value: number) => Number(value.toPrecision(3))
console.table(
  rows.map(({ members, each, roundsPerSecond, paymentsPerSecond }) => ({
    members,
    'payments of each': each,
    'rounds a second': three(roundsPerSecond),
    'payments a second': three(paymentsPerSecond),
  })),
)
if (values.json) writeFileSync(values.json, JSON.stringify(rows, null, 1))
