import { toHex } from '../../sdk/core/bytes.ts'
import { encodeStates } from '../../sdk/core/calldata.ts'
import { encodeChannel } from '../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import { COIN } from '../../sdk/core/types.ts'
import { drain } from '../sdk/node/simulation.ts'
import { invoice } from './invoices.ts'
import { lock, resolve } from './locks.ts'
import type { Machine } from './machine.ts'
import type { Action } from './plan.ts'
import { linkOf, type World } from './world.ts'

/** Lets one thing happen. What is not possible now leaves no line. */
export async function perform(world: World, action: Action): Promise<void> {
  world.now += 100
  const before = world.lines.length
  world.note('')
  const what = await act(world, action)
  world.entitle(before, what)
  if (what !== undefined) world.count(action.do)
  await drain()
}

/** What was done, or undefined if it is not possible. */
async function act(world: World, { do: kind, a, b, c }: Action): Promise<string | undefined> {
  const machine = world.machines[a % world.machines.length]!
  const edge = world.edges[b % world.edges.length]!
  switch (kind) {
    case 'time': {
      const seconds = 20 + (c % 100)
      await world.pass(seconds, a)
      return `${seconds} s pass`
    }
    case 'reorg': {
      const depth = world.plan.confirmations - 1
      if (depth === 0 || world.chain.tip.head.number < 12) return undefined
      world.chain.reorg(1 + (a % depth))
      world.chain.include(b)
      return `reorganisation of ${1 + (a % depth)} blocks`
    }
    case 'delay':
      world.chain.faults.delay = world.chain.faults.delay > 0 ? 0 : 1 + (a % 2)
      return `transactions wait ${world.chain.faults.delay} blocks`
    case 'late':
      world.chain.faults.late = !world.chain.faults.late
      return `late looks: ${world.chain.faults.late}`
    case 'include':
      world.chain.include(a)
      return 'block'
    case 'partition': {
      const link = linkOf(...edge.ends)
      if (!world.cuts.delete(link)) {
        world.cuts.add(link)
        return `no network: ${link}`
      }
      return `network again: ${link}`
    }
    case 'cut':
      for (const connection of machine.connections) connection.cut()
      return `${machine.name} is cut off`
    case 'invoice':
      return invoice(world, a, b, c)
  }
  if (machine.down) return undefined
  return actOn(world, machine, kind, b, c)
}

function actOn(world: World, machine: Machine, kind: Action['do'], b: number, c: number): string | undefined {
  const own = world.edges.filter(({ ends }) => ends.includes(machine))
  const edge = own[b % own.length]!
  const { channelId } = edge
  const peer = edge.ends[0] === machine ? edge.ends[1] : edge.ends[0]
  const { node, name } = machine
  const amount = BigInt(1 + (c % 900))
  const ignore = () => {}
  switch (kind) {
    case 'pay':
      node.pay(channelId, amount).then(({ id }) => {
        world.count('payment final')
        world.promised.push({ from: machine, to: peer, id, amount })
      }, ignore)
      return `${name} pays ${peer.name} ${amount}`
    case 'payMany': {
      const count = 2 + (c % 7)
      node.payMany(channelId, new Array<bigint>(count).fill(3n)).then((receipt) => {
        world.count('batch final')
        for (let i = 0; i < count; i++) world.promised.push({ from: machine, to: peer, id: receipt.id(i), amount: 3n })
      }, ignore)
      return `${name} pays ${peer.name} ${count} times 3`
    }
    case 'deposit':
      node.deposit(channelId, amount, { wait: 'mined' }).then(() => world.count('deposit mined'), ignore)
      return `${name} deposits ${amount} towards ${peer.name}`
    case 'withdraw':
      node.withdraw(channelId, amount, { validFor: 400 }).then(() => world.count('withdrawal final'), ignore)
      return `${name} withdraws ${amount} of what is with ${peer.name}`
    case 'close':
      node.close(channelId, { validFor: 400 }).then(() => world.count('closing final'), ignore)
      return `${name} closes with ${peer.name}`
    case 'dispute':
      node.dispute(channelId).catch(ignore)
      return `${name} disputes with ${peer.name}`
    case 'lock':
      return lock(world, machine, peer, edge, amount)
    case 'unlock':
    case 'cancel':
    case 'askCancel':
    case 'askUnlock':
    case 'reveal':
      return resolve(world, kind, c)
    case 'write':
      if (machine.store.pending.length === 0) return undefined
      machine.store.finish(true)
      return `${name} writes`
    case 'crash': {
      const busy = machine.store.pending.length > 0
      machine.crash(c % 2 === 1)
      if (busy) world.count(c % 2 === 1 ? 'crash after a write' : 'crash before a write')
      return `${name} crashes${busy ? ` ${c % 2 === 1 ? 'after' : 'before'} a write` : ''}`
    }
    case 'backup':
      machine.backup = new Map(machine.disk)
      return `${name} makes a backup`
    case 'restore':
      if (!world.plan.restores || machine.index !== world.plan.restores - 1 || machine.restored) return undefined
      machine.crash(false)
      machine.disk = new Map(machine.backup)
      machine.restored = true
      world.witness.forget(machine)
      return `${name} comes back with an old backup`
    case 'tick':
      machine.tick()
      return `${name} ticks`
    case 'clock':
      machine.skew = ((c % 60) - 30) * 3_600_000
      return `${name}'s clock is ${(c % 60) - 30} h off`
    case 'rpc':
      machine.view!.fail(1 + (c % 2))
      return `${name}'s RPC fails`
    case 'remember':
      machine.remember()
      return `${name} remembers its states`
    case 'cheat':
      if (!world.plays('cheat', machine)) return undefined
      return cheat(world, machine)
    case 'vanish':
      if (!world.plays('silent', machine)) return undefined
      machine.crash(false)
      machine.gone = true
      return `${name} vanishes`
    case 'dial':
      node.connect(`sim:${peer.name}`).catch(ignore)
      return `${name} dials ${peer.name}`
    case 'deliver':
    case 'drop':
    case 'duplicate':
    case 'swap': {
      const busy = machine.busy()
      if (busy.length === 0) return undefined
      world.deliver(machine, busy[c % busy.length]!, kind)
      return `${kind} at ${name}`
    }
    default:
      return undefined
  }
}

/** Its owner challenges, or answers, with what it remembers, past its own node. */
function cheat(world: World, machine: Machine): string | undefined {
  let done: string | undefined
  for (const { channel, states, channelId } of machine.remembered) {
    const shown = states.map(({ state, signatures }) => ({
      state,
      signatures: signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature })),
    }))
    const args = [toHex(encodeChannel(channel)), COIN, toHex(encodeStates(shown))]
    const intent = `cheat/${channelId}/${world.now}`
    world.chain.broadcast(intent, () =>
      world.chain.call(machine.owner, { to: 'adjudicator', functionName: 'submit', args }),
    )
    done = `${machine.name} submits old states`
  }
  return done
}
