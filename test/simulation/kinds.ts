import { HOSTILITIES, KINDS } from './plan.ts'

/** What has to happen somewhere in a few hundred simulations: else they do not reach what they are for. */
export const EXPECTED: readonly string[] = [
  ...KINDS,
  ...HOSTILITIES.map((kind) => `hostile: ${kind}`),
  ...[2, 3, 4, 5].map((nodes) => `${nodes} nodes`),
  ...[0, 1, 2, 3].flatMap((hops) => [`invoice plain, ${hops} hops`, `invoice sprites, ${hops} hops`]),
  'payment final',
  'batch final',
  'deposit mined',
  'withdrawal final',
  'closing final',
  'lock final',
  'unlock final',
  'cancel final',
  'invoice paid',
  'invoice failed',
  'secret revealed',
  'revealed at the last moment',
  'wish ignored',
  'RPC error',
  'late look',
  'transaction delayed',
  'transaction reverted',
  'transaction reorganised',
  'crash before a write',
  'crash after a write',
  'event disputed',
  'event ended',
  'event redeemed',
  'event frozen',
  'event refused',
  'event expired',
]

/** Adds what one simulation met to what others did. */
export function addCounts(all: Map<string, number>, counts: Iterable<readonly [string, number]>): void {
  for (const [what, times] of counts) all.set(what, (all.get(what) ?? 0) + times)
}
