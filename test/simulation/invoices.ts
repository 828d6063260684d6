import { toHex } from '../../sdk/core/bytes.ts'
import { invoiceDigest, type PaymentProof, type SignedInvoice } from '../../sdk/core/invoice.ts'
import type { Hex } from '../../sdk/core/types.ts'
import type { Route } from '../../sdk/node/hops/quote.ts'
import { invoiceKey } from '../../sdk/node/keys.ts'
import type { Node } from '../../sdk/node/node.ts'
import { drain } from '../sdk/node/simulation.ts'
import { reveal } from './locks.ts'
import type { Machine } from './machine.ts'
import type { Edge, World } from './world.ts'

/** An invoice and what became of it. */
export interface Bill {
  readonly payer: Machine
  readonly payee: Machine
  readonly id: Hex
  readonly signed: SignedInvoice
  readonly amount: bigint
  /** With fees. */
  readonly cost: bigint
  proof: PaymentProof | undefined
  /** Code of the error that the payer was told. */
  failure: unknown
}

/** Seconds that payments over hops may be locked for. */
const LOCKED = 3_600n

/** The way along the line between two machines. */
function routeOf(world: World, from: number, to: number): Route | undefined {
  const step = from < to ? 1 : -1
  const edges: Edge[] = []
  for (let at = from; at !== to; at += step) {
    const edge = world.edges.find(
      ({ ends }) => ends.some((e) => e.index === at) && ends.some((e) => e.index === at + step),
    )
    if (!edge) return undefined
    edges.push(edge)
  }
  const hops = edges.slice(1).map(({ channelId }, i) => {
    const { node, down } = world.machines[from + step * (i + 1)]!
    return { onionKey: down ? undefined : node.onionKey, channelId, fee: 2n }
  })
  if (hops.some(({ onionKey }) => onionKey === undefined)) return undefined
  return { channelId: edges[0]!.channelId, hops: hops as Route['hops'] }
}

/** Has an invoice made and paid; answers what was done, or undefined if it is not possible. */
export async function invoice(world: World, a: number, b: number, c: number): Promise<string | undefined> {
  const ends = c % 3 === 0 ? [a % world.machines.length, b % world.machines.length] : [0, world.machines.length - 1]
  const [from, to] = a % 5 === 0 ? ends.reverse() : ends
  const [payer, payee] = [world.machines[from!]!, world.machines[to!]!]
  const route = from === to ? undefined : routeOf(world, from!, to!)
  if (!route || payer.down || payee.down) return undefined
  const amount = BigInt(1 + (c % 800))
  const asking = payee.node.invoice({ amount, seconds: 7_200n }).catch(() => undefined)
  for (let i = 0; i < 20; i++) {
    await drain()
    if (payee.store.pending.length > 0) payee.store.finish(true)
  }
  const signed = await Promise.race([asking, drain()])
  if (!signed || payer.down || payee.down) return undefined
  const mode = b % 3 === 0 ? 'plain' : 'sprites'
  const cost = amount + 2n * BigInt(route.hops.length)
  const id = toHex(invoiceDigest(world.chain.domain, signed.invoice))
  const bill: Bill = { payer, payee, id, signed, amount, cost, proof: undefined, failure: undefined }
  world.bills.push(bill)
  pay(world, payer.node, bill, route, mode)
  world.count(`invoice ${mode}, ${route.hops.length} hops`)
  return `${payer.name} pays an invoice of ${payee.name} over ${amount}, ${mode}`
}

function pay(world: World, node: Node, bill: Bill, route: Route, mode: 'plain' | 'sprites'): void {
  node.payInvoice(bill.signed, { route, mode, seconds: LOCKED }).then(
    (proof) => {
      bill.proof = proof
      world.count('invoice paid')
    },
    (error: { readonly code?: unknown }) => {
      bill.failure = error.code
      world.count('invoice failed')
    },
  )
}

/** A payee that keeps its secret to itself until shortly before the deadline, and then shows it to the chain alone. */
export function revealLate(world: World): void {
  const { timestamp } = world.chain.tip.head
  for (const { payee, signed, id } of world.bills) {
    if (payee !== world.hostile) continue
    const stored = payee.disk.get(invoiceKey(id))
    const locked = world.edges.some(
      ({ channelId, ends }) =>
        ends.includes(payee) &&
        !payee.down &&
        payee.node
          .transfers(channelId)
          .some(
            ({ direction, transfer }) =>
              direction === 'in' &&
              transfer.legs[0]?.key === signed.invoice.key &&
              transfer.deadline - timestamp < 320n,
          ),
    )
    if (stored && locked) reveal(world, stored.slice(1, 33), 'revealed at the last moment')
  }
}
