import { type ChannelId, COIN } from '../../sdk/core/types.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

// Where the money of a world is, as its chain has it.

export const isEmpty = (world: World): boolean => world.edges.every(({ channelId }) => left(world, channelId) === 0n)

/** What a ledger holds; at least 1n while there is a dispute. */
export function left({ chain }: World, channelId: ChannelId): bigint {
  const { balances, dispute } = chain.entry({ channelId, asset: COIN })
  return balances[0] + balances[1] + (dispute ? 1n : 0n)
}

/** What the chain holds for members, in ledgers. */
export function held({ chain, edges }: World): bigint {
  return edges.reduce((sum, { channelId }) => {
    const { balances } = chain.entry({ channelId, asset: COIN })
    return sum + balances[0] + balances[1]
  }, 0n)
}

export function deposited({ chain, edges }: World, machine?: Machine): bigint {
  let sum = 0n
  for (const { ends, channelId } of edges)
    for (const end of ends) {
      const other = ends[0] === end ? ends[1] : ends[0]
      if (machine && machine !== end) continue
      sum += chain.tip.paidIn.get(`${channelId}/${end.signer < other.signer ? 0 : 1}`) ?? 0n
    }
  return sum
}

export const paidOut = ({ chain, machines }: World): bigint =>
  machines.reduce((sum, { owner }) => sum + chain.paidTo(owner), 0n)

/** What settlements keep for transfers. */
export const reserved = (world: World): bigint => deposited(world) - paidOut(world) - held(world)
