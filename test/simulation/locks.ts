import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { toHex } from '../../sdk/core/bytes.ts'
import { secretKey } from '../../sdk/core/outcome.ts'
import { type Address, COIN, type Hex } from '../../sdk/core/types.ts'
import type { Machine } from './machine.ts'
import type { Edge, World } from './world.ts'

export const REGISTRY: Address = `0x${'4e'.repeat(20)}`

/** A transfer that a user locked. */
export interface Lock {
  readonly edge: Edge
  readonly payer: Machine
  readonly payee: Machine
  readonly amount: bigint
  readonly secret: Uint8Array
  readonly deadline: bigint
  id: Hex | undefined
  /** The payer may have given it away. */
  given: boolean
  /** The payee acknowledged that it has it. */
  taken: boolean
  returned: boolean
  /** The payee had it, durably, when the secret was revealed. */
  due: boolean
  /** The payer heard a wish of the payee. */
  asked: boolean
}

const keyOf = ({ chain }: World, secret: Uint8Array): Hex =>
  secretKey({ chainId: chain.domain.chainId, condition: REGISTRY }, secret)

/** Locks money of `payer`; answers what was done. */
export function lock(world: World, payer: Machine, payee: Machine, edge: Edge, amount: bigint): string {
  const secret = sha256(utf8ToBytes(`${world.plan.seed}/${world.locks.length}`))
  const key = keyOf(world, secret)
  const deadline = world.chain.tip.head.timestamp + 1_500n
  const states = { id: undefined, given: false, taken: false, returned: false, due: false, asked: false }
  const lock: Lock = { edge, payer, payee, amount, secret, deadline, ...states }
  world.locks.push(lock)
  payer.node.lock(edge.channelId, { amount, deadline, key }).then(
    (id) => {
      lock.id = id
      world.count('lock final')
    },
    () => {},
  )
  return `${payer.name} locks ${amount} for ${payee.name}`
}

/** Goes on with a lock: answers what was done, or undefined if it is not possible. */
export function resolve(
  world: World,
  kind: 'unlock' | 'cancel' | 'askCancel' | 'askUnlock' | 'reveal',
  c: number,
): string | undefined {
  const lock = world.locks[c % Math.max(1, world.locks.length)]
  if (!lock?.id) return undefined
  const { payer, payee, edge, id } = lock
  const { channelId } = edge
  const ignore = () => {}
  if (kind === 'reveal') {
    lock.given = true
    lock.due = has(payee, lock) && payee.store.pending.length === 0
    reveal(world, lock.secret, 'secret revealed')
    return `secret of ${payer.name}'s lock revealed`
  }
  const ends = kind === 'unlock' || kind === 'cancel'
  if (!has(ends ? payer : payee, lock)) return undefined
  try {
    if (kind === 'askCancel') {
      // Whoever has the money already does not give it up.
      if (lock.given) return undefined
      lock.returned = true
      payee.node.askCancel(channelId, id)
    } else if (kind === 'cancel' && !(lock.returned && lock.asked)) return undefined
    else if (kind === 'askUnlock') payee.node.askUnlock(channelId, id)
    else if (kind === 'cancel') payer.node.cancel(channelId, id).then(() => world.count('cancel final'), ignore)
    else {
      lock.given = true
      payer.node.unlock(channelId, id).then(() => {
        lock.taken = true
        world.count('unlock final')
      }, ignore)
    }
  } catch {
    return undefined
  }
  return `${ends ? payer.name : payee.name}: ${kind}`
}

/** Its secret was revealed in time. */
export function isDecided(world: World, { secret, deadline }: Lock): boolean {
  const key = keyOf(world, secret)
  const { recordedAt } = world.chain.outcomes([key], world.chain.final)[0]!
  return recordedAt > 0n && recordedAt <= deadline
}

const has = ({ down, node }: Machine, { edge, id }: Lock): boolean =>
  !down && node.transfers(edge.channelId).some((one) => one.id === id)

/** Users end what they locked: by its outcome, or when its time is over. */
export function settleLocks(world: World): void {
  const { timestamp } = world.chain.final.head
  for (const lock of world.locks) {
    const { payer, payee, id, edge, deadline } = lock
    if (payer.down || !id || !payer.node.transfers(edge.channelId).some((one) => one.id === id)) continue
    const ignore = () => {}
    if (isDecided(world, lock)) payer.node.unlock(edge.channelId, id).catch(ignore)
    else if (lock.returned && lock.asked) payer.node.cancel(edge.channelId, id).catch(ignore)
    else if (timestamp > deadline && !payee.down && has(payee, lock)) {
      lock.returned = true
      payee.node.askCancel(edge.channelId, id)
    }
  }
}

/** Shows a secret to the chain; counted `as`. */
export function reveal(world: World, secret: Uint8Array, as: string): void {
  const [known] = world.chain.outcomes([keyOf(world, secret)])
  if (known!.recordedAt > 0n) return
  world.count(as)
  world.note(`  ${as}`)
  world.chain.call(COIN, { to: 'registry', functionName: 'reveal', args: [toHex(secret)] })
}
