import { invoiceKey, sentKey } from '../../sdk/node/keys.ts'
import { verifyReceipt } from '../../sdk/signing/invoice.ts'
import type { Bill } from './invoices.ts'
import { isDecided, type Lock, REGISTRY } from './locks.ts'
import type { Machine } from './machine.ts'
import { deposited, held, isEmpty, paidOut, reserved } from './money.ts'
import type { World } from './world.ts'

/** What must hold when all is over; answers the rules that do not. */
export async function verdict(world: World): Promise<string[]> {
  const broken = [...world.broken, ...conservation(world)]
  for (const machine of world.machines)
    if (world.isHonest(machine) && !machine.restored) broken.push(...(await loss(world, machine)))
  for (const bill of world.bills) broken.push(...proofs(world, bill))
  broken.push(...(await promises(world)))
  return broken
}

/** Everything that was paid in was paid out: no wei is made, lost or stuck. */
function conservation(world: World): string[] {
  const broken: string[] = []
  const [put, paid, kept] = [deposited(world), paidOut(world), held(world)]
  if (paid + kept > put) broken.push(`${paid + kept} came out of ${put}`)
  if (kept > 0n || !isEmpty(world)) broken.push(`${kept} are stuck in ledgers`)
  if (reserved(world) > 0n) broken.push(`${reserved(world)} are stuck for transfers`)
  return broken
}

/** Nobody ends below what it paid in, was paid and did not give away. Fees of others only add to that. */
async function loss(world: World, machine: Machine): Promise<string[]> {
  let least = deposited(world, machine)
  if (!machine.gone) {
    for await (const { direction, amount } of machine.node.payments()) least += direction === 'in' ? amount : -amount
  }
  for (const bill of world.bills) {
    if (bill.payee === machine && isPaid(bill)) least += bill.amount
    if (bill.payer === machine && hasPaid(bill)) least -= bill.cost
  }
  for (const lock of world.locks) least += shareOf(world, lock, machine)
  const had = world.chain.paidTo(machine.owner)
  return had < least ? [`${machine.name} ends with ${had} instead of ${least}`] : []
}

function shareOf(world: World, lock: Lock, machine: Machine): bigint {
  const { payer, payee, amount, given, taken, returned, due } = lock
  if (payer === machine && given) return -amount
  return payee === machine && !returned && (taken || (due && isDecided(world, lock))) ? amount : 0n
}

/** The payee showed its secret. */
const isPaid = ({ payee, id }: Bill): boolean => payee.disk.get(invoiceKey(id))?.[0] === 1

/** The payer knows that it has paid: what it remembers is not marked as pending. */
const hasPaid = ({ payer, id }: Bill): boolean => (payer.disk.get(sentKey(id))?.[0] ?? 0) !== 0

/** A payer has a proof exactly if its payee has the money. */
function proofs(world: World, bill: Bill): string[] {
  const { payer, payee, proof, failure } = bill
  const { domain } = world.chain
  const what = `${payer.name}'s invoice of ${payee.name} over ${bill.amount}`
  const broken: string[] = []
  if (proof && !verifyReceipt(domain, { chainId: domain.chainId, condition: REGISTRY }, proof))
    broken.push(`The proof for ${what} proves nothing`)
  if (proof && failure !== undefined) broken.push(`${what} was paid and refused`)
  if (failure === 'PAYMENT_FAILED' && hasPaid(bill))
    broken.push(`${what} is paid, but its payer was told that it is not`)
  if (payer.restored || payee.restored || payer.gone) return broken
  if (world.isHonest(payee) && hasPaid(bill) && !isPaid(bill)) broken.push(`${what} is paid, but not to the payee`)
  if (world.isHonest(payer) && world.isHonest(payee) && isPaid(bill) && !hasPaid(bill) && !world.hostile)
    broken.push(`${what} reached the payee, but its payer does not know`)
  return broken
}

/** Whoever was told that a payment is final finds it with its peer. */
async function promises(world: World): Promise<string[]> {
  const lists = new Map<Machine, Map<string, bigint>>()
  for (const machine of world.machines) {
    const list = new Map<string, bigint>()
    if (!machine.down)
      for await (const { direction, id, amount } of machine.node.payments())
        if (direction === 'in') list.set(id, amount)
    lists.set(machine, list)
  }
  return world.promised.flatMap(({ from, to, id, amount }) => {
    if (!world.isHonest(to) || to.restored || lists.get(to)!.get(id) === amount) return []
    return [`${from.name} was told that ${id} is final, but ${to.name} does not have it`]
  })
}
