import type { Node } from '../../sdk/node/node.ts'
import type { Order } from './messages.ts'
import { amountOf, idOf } from './plan.ts'

/** The part of the payments that waits for acknowledgements at the same time, as if from independent callers. */
const CALLERS = 0.05
/** Reports come after so many milliseconds, or this part of the payments. */
const PACE = 100
const PART = 0.02

/** Makes the payments of a stream, each on its own; tells how many are acknowledged without a gap. */
export async function payStream(node: Node, order: Order<'pay'>, tell: (done: number) => void): Promise<void> {
  const { channelId, asset, stream, from, to } = order
  const early = new Set<number>()
  const step = PART * (to - from)
  let [next, done] = [from, from]
  let told = { at: performance.now(), done }
  const finish = (index: number) => {
    early.add(index)
    while (early.delete(done)) done++
    if (performance.now() < told.at + PACE && done < told.done + step) return
    told = { at: performance.now(), done }
    tell(done)
  }
  const caller = async () => {
    while (next < to) {
      const index = next++
      await node.pay(channelId, amountOf(stream, index), { asset, id: idOf(stream, index) })
      finish(index)
    }
  }
  await Promise.all(Array.from({ length: Math.ceil(CALLERS * (to - from)) }, caller))
  tell(done)
}
