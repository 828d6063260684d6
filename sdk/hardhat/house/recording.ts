import type { ChainReceipt } from '../../chain/chain.ts'
import type { HouseChain } from '../../chain/house/house-chain.ts'
import { recorder, type Sent } from '../sent.ts'

/** What sends a transaction and gives its receipt. */
const SENDS: ReadonlySet<string | symbol> = new Set([
  'deposit',
  'request',
  'collect',
  'exit',
  'exitLock',
  'refund',
  'advance',
  'challenge',
  'reclaim',
] satisfies (keyof HouseChain)[])

/** The same connection, with a note of what is sent by it. */
export function recordHouseSends(chain: HouseChain): { chain: HouseChain; sent: readonly Sent[] } {
  const { sent, record } = recorder()
  const recorded = new Proxy(chain, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const call = value.bind(target) as (...args: unknown[]) => unknown
      if (!SENDS.has(name)) return call
      return (...args: unknown[]) => record(String(name), call(...args) as Promise<ChainReceipt>)
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  })
  return { chain: recorded, sent }
}
