import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type Address, COIN } from '../../sdk/core/types.ts'
import type { Mined } from './transactions.ts'

// What each step of the job cost, under the names of bench/peer-gas.json, so that it can stand beside other projects.

const Peers = z.object({ operations: z.record(z.string(), z.record(z.string(), z.number())) })
/** Gas of an operation by project, and of the floor. */
export type PeerGas = z.infer<typeof Peers>['operations']

export const readPeerGas = (): PeerGas =>
  Peers.parse(JSON.parse(readFileSync(new URL('../../bench/peer-gas.json', import.meta.url), 'utf8'))).operations

/** What one kind of step cost in this run. */
export interface StepGas {
  readonly name: string
  readonly times: number
  /** Of one, on average. */
  readonly gas: number
}

/** One step in several transactions. */
const DEPLOYMENT = 'deploy shared contracts'

const PATHS: Readonly<Record<string, readonly string[]>> = {
  'path: open, both deposit, co-operative close': [
    'first deposit, native',
    "second member's deposit, native",
    'co-operative close paying both, native',
  ],
  'path: challenge, respond, finalise': ['challenge', 'respond', 'finalise and pay both, native'],
}

/** Steps in the order in which they first happened, then whole paths. */
export function measureSteps(transactions: readonly Mined[], token: Address): StepGas[] {
  const name = namer(token)
  const gas = new Map<string, bigint[]>()
  for (const transaction of transactions) {
    const step = transaction.succeeded ? name(transaction) : undefined
    if (step) gas.set(step, [...(gas.get(step) ?? []), transaction.gasUsed])
  }
  const steps = [...gas].map(([step, used]) =>
    step === DEPLOYMENT
      ? { name: step, times: 1, gas: sum(used) }
      : { name: step, times: used.length, gas: mean(used) },
  )
  const paths = Object.entries(PATHS).flatMap(([path, parts]) => {
    const found = parts.map((part) => steps.find((step) => step.name === part))
    if (found.some((step) => !step)) return []
    return [{ name: path, times: 1, gas: found.reduce((sum, step) => sum + step!.gas, 0) }]
  })
  return [...steps, ...paths]
}

const sum = (used: readonly bigint[]): number => Number(used.reduce((a, b) => a + b, 0n))
const mean = (used: readonly bigint[]): number => Math.round(sum(used) / used.length)

/** Names transactions one after the other: what a deposit or a submitted state is depends on those before it. */
function namer(token: Address): (transaction: Mined) => string | undefined {
  const members = new Map<string, Set<unknown>>()
  const disputed = new Set<string>()
  let tokenIsNew = true
  const deposit = (channelId: unknown, asset: unknown, member: unknown): string => {
    const known = members.get(`${channelId}/${asset}`) ?? new Set()
    const kind = known.has(member) ? 'top-up' : known.size > 0 ? "second member's deposit" : 'first deposit'
    members.set(`${channelId}/${asset}`, known.add(member))
    const fresh = asset !== COIN && tokenIsNew
    if (fresh) tokenIsNew = false
    // It pays for the adjudicator's balance in the token's books, once for all its users.
    return fresh ? 'first deposit of a token that is new to the contract' : `${kind}, ${kindOf(asset)}`
  }
  return ({ call, created, from, to }) => {
    if (created) return created === token ? undefined : DEPLOYMENT
    if (!call || to === undefined) return undefined
    const { name, args } = call
    const asset = String(args[name === 'deposit' ? 2 : 1]).toLowerCase()
    switch (name) {
      case 'depositCoin':
        return deposit(args[0], COIN, args[1])
      case 'deposit':
        return deposit(args[0], asset, args[1])
      case 'approve':
        return 'approve a token once'
      case 'withdraw':
        return `${isClosing(args[2]) ? 'co-operative close paying both' : 'partial withdrawal'}, ${kindOf(asset)}`
      case 'submit': {
        const ledger = `${args[0]}/${asset}`
        const step = disputed.has(ledger) ? 'respond' : 'challenge'
        disputed.add(ledger)
        const kind = asset === COIN ? '' : ', ERC-20'
        // A member leaves its own signature out.
        const whose = String(args[0]).includes(from.slice(2)) ? '' : ', by a watchtower'
        return step + kind + (locks(args[2]) ? ', with a hash lock' : '') + whose
      }
      case 'settle':
        return `finalise and pay both, ${kindOf(asset)}${hasLocks(args[2]) ? ', with a hash lock' : ''}`
      default:
        return name
    }
  }
}

/** Whether the first of packed states locks money: 14 bytes after the count, its lane and its version (docs/protocol.md §6). */
const locks = (states: unknown): boolean => /[^0]/.test(String(states).slice(2 + 2 * 10, 2 + 2 * 24))

/** Three words and up to two states without locks, and no list (docs/protocol.md §6). */
const PLAIN_PROOFS = [0, 1, 2].map((states) => 2 + 2 * (96 + 51 * states + 1))
const hasLocks = (proof: unknown): boolean => !PLAIN_PROOFS.includes(String(proof).length)

const kindOf = (asset: unknown): string => (asset === COIN ? 'native' : 'ERC-20')

/** The first byte of a packed withdrawal (docs/protocol.md §6). */
const isClosing = (withdrawal: unknown): boolean => String(withdrawal).startsWith('0x01')
