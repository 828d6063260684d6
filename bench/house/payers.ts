import { memberId } from '../../sdk/clearing/account.ts'
import type { Address, Domain } from '../../sdk/core/types.ts'
import { serve } from '../hub/ipc.ts'
import { BenchMember, identityOf, PAYERS } from './member.ts'

// Members that pay, in a process of their own.

export interface Load {
  /** Members that pay at a time, one account after the other each. */
  readonly payers: number
  /** Payments under one signature. */
  readonly each: number
  readonly ms: number
}

export interface Paid {
  readonly payments: number
  readonly accounts: number
  readonly seconds: number
  /** Milliseconds from sending an account to its answer. */
  readonly p50: number
  readonly p99: number
}

const members: BenchMember[] = []
let ids: `0x${string}`[] = []

serve({
  async join({
    address,
    operator,
    domain,
    count,
    all,
  }: {
    address: string
    operator: Address
    domain: Domain
    count: number
    all: number
  }) {
    // None of those that pay: nobody pays itself.
    ids = Array.from({ length: Math.min(all - PAYERS, 4_096) }, (_, i) => memberId(identityOf(PAYERS + i)))
    for (let i = 0; i < count; i++) members.push(await BenchMember.join(i, address, operator, domain))
  },
  async pay({ payers, each, ms }: Load): Promise<Paid> {
    const latencies: number[] = []
    const began = performance.now()
    const run = async (member: BenchMember, start: number) => {
      for (let at = start; performance.now() - began < ms; at += each) {
        const sent = performance.now()
        await member.pay(each, (i) => ids[(at + i * 31) % ids.length]!)
        latencies.push(performance.now() - sent)
      }
    }
    await Promise.all(members.slice(0, payers).map((member, i) => run(member, i * 997)))
    const seconds = (performance.now() - began) / 1_000
    latencies.sort((a, b) => a - b)
    const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!
    const accounts = latencies.length
    return { payments: accounts * each, accounts, seconds, p50: at(0.5), p99: at(0.99) }
  },
  close() {
    for (const member of members) member.close()
  },
})
