import fc from 'fast-check'
import type { Address } from '../../../sdk/core/types.ts'
import { observe } from '../../../sdk/routing/belief.ts'
import { Network } from '../../../sdk/routing/network.ts'
import type { PathQuery } from '../../../sdk/routing/path.ts'
import type { Policy } from '../../../sdk/routing/policy.ts'

// One seed, so that a failure repeats; FUZZ_SEED explores further.
fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED ?? 20) })

/** Node `index`; the ids of channels are made the same way. */
export const name = (index: number): Address => `0x${index.toString(16).padStart(40, '0')}`

export const [alice, bob, hana, hugo] = [0, 1, 2, 3].map(name) as [Address, Address, Address, Address]

export const FREE: Policy = { base: 0n, rate: 0, min: 1n, max: 1n << 100n, margin: 0, maxLock: 1_000_000 }

/** A channel as tests write it: between nodes by number, with a policy for each direction and, if known, what each can carry. */
export interface Plan {
  readonly between: readonly [number, number]
  readonly capacity: bigint
  readonly policies: readonly [Partial<Policy>, Partial<Policy>]
  readonly known?: readonly [bigint | undefined, bigint | undefined]
}

/** The network of these channels; channel i has edges 2i and 2i + 1. */
export function networkOf(plans: readonly Plan[]): Network {
  const network = new Network()
  for (const [index, { between, capacity, policies, known = [undefined, undefined] }] of plans.entries()) {
    const slot = network.addChannel({ channelId: name(index), members: [name(between[0]), name(between[1])], capacity })
    for (const side of [0, 1] as const) {
      network.setPolicy(2 * slot + side, { ...FREE, ...policies[side] })
      if (known[side] !== undefined) observe(network, 2 * slot + side, known[side])
    }
  }
  return network
}

/** Channels in a row: node 0 to 1, 1 to 2 and so on, the same policy everywhere. */
export const row = (count: number, policy: Partial<Policy> = {}, capacity = 1_000_000n): Plan[] =>
  Array.from({ length: count }, (_, i) => ({ between: [i, i + 1], capacity, policies: [policy, policy] }) as const)

export const ask = (query: Partial<PathQuery> = {}): PathQuery => ({
  from: alice,
  to: bob,
  amount: 1_000n,
  maxFee: 1_000n,
  now: 1_700_000_000,
  lock: 3_600,
  ...query,
})

const policy: fc.Arbitrary<Policy> = fc.record({
  base: fc.bigInt(0n, 20n),
  rate: fc.integer({ min: 0, max: 100_000 }),
  min: fc.bigInt(1n, 300n),
  max: fc.bigInt(300n, 1_500n),
  margin: fc.integer({ min: 0, max: 4_000 }),
  maxLock: fc.integer({ min: 3_000, max: 12_000 }),
})

/** Up to `channels` channels among `nodes` nodes, some of them known, some parallel. */
export const plans = (nodes: number, channels: number): fc.Arbitrary<Plan[]> =>
  fc.array(
    fc
      .record({
        between: fc.tuple(fc.nat(nodes - 1), fc.nat(nodes - 1)).filter(([a, b]) => a !== b),
        capacity: fc.bigInt(100n, 3_000n),
        policies: fc.tuple(policy, policy),
        known: fc.tuple(fc.option(fc.bigInt(0n, 3_000n)), fc.option(fc.bigInt(0n, 3_000n))),
      })
      .map(({ known, ...plan }): Plan => {
        const [first, second] = known.map((value) => (value === null || value > plan.capacity ? undefined : value))
        return { ...plan, known: [first, second] }
      }),
    { minLength: 1, maxLength: channels },
  )
