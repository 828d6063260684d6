import { PARTS } from '../../sdk/node/keys.ts'
import { settleLocks } from './locks.ts'
import type { Machine } from './machine.ts'
import { isEmpty, left, reserved } from './money.ts'
import type { Edge, World } from './world.ts'

/** Calm: everybody but who vanished is there, and stays until every deadline is over. */
export async function calm(world: World): Promise<void> {
  world.cuts.clear()
  world.chain.faults.delay = 0
  world.chain.faults.late = false
  for (let round = 0; round < 60; round++) {
    await world.pass(round < 4 ? 5 : 110)
    if (round === 3 && world.plan.hostile?.kind === 'late') world.fighting = false
    settleLocks(world)
    if (round > 4 && !isPending(world) && !carries(world) && world.chain.pool.length === 0) break
  }
  world.fighting = false
}

/** Somebody still carries a part of a payment. */
const carries = (world: World): boolean =>
  world.machines.some(({ down, disk }) => !down && [...disk.keys()].some((key) => key.startsWith(PARTS)))

/** Somebody still has a transfer or a dispute. */
const isPending = ({ machines, edges }: World): boolean =>
  machines.some(({ down, node }, index) =>
    edges.some(({ channelId, ends }) => {
      if (down || !ends.some((end) => end.index === index)) return false
      return node.transfers(channelId).length > 0 || node.balances(channelId).disputedUntil !== undefined
    }),
  )

/** Everybody leaves: together, or by a dispute. */
export async function leave(world: World): Promise<void> {
  for (const { ends, channelId } of world.edges) {
    const [leaver] = leavers(world, ends)
    leaver?.node.close(channelId, { validFor: 300 }).catch(() => {})
  }
  for (let round = 0; round < 8 && !isEmpty(world); round++) await world.pass(60)
  for (let attempt = 0; attempt < 3 && !isEmpty(world); attempt++) {
    for (const { ends, channelId } of world.edges)
      if (left(world, channelId) > 0n)
        leavers(world, ends)
          .at(-(attempt % 2))
          ?.node.dispute(channelId)
          .catch(() => {})
    for (let round = 0; round < 16 && !isEmpty(world); round++) await world.pass(110)
  }
  for (let round = 0; round < 12 && reserved(world) > 0n; round++) await world.pass(400)
}

/** Who can leave, those first who know what they signed. */
function leavers(world: World, ends: Edge['ends']): Machine[] {
  const rank = (machine: Machine) => Number(!world.isHonest(machine)) + Number(machine.restored)
  return ends.filter(({ down }) => !down).sort((a, b) => rank(a) - rank(b))
}
