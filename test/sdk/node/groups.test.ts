import { expect } from 'chai'
import { funded } from '../../../bench/funded-chain.ts'
import { WHOLE } from '../../../sdk/core/outcome.ts'
import type { Address, Hex } from '../../../sdk/core/types.ts'
import type { Group } from '../../../sdk/node/groups/group.ts'
import { Node, type NodeOptions } from '../../../sdk/node/node.ts'
import { encodeGroupMessage } from '../../../sdk/protocols/joint-wire.ts'
import { encodeMessage } from '../../../sdk/protocols/wire.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { type MemoryNetwork, memoryTransport } from '../../../sdk/transport/memory.ts'
import { until } from '../../until.ts'
import { keyOf, ownerOf, rejection, signerOf } from './actors.ts'

const NAMES = ['alice', 'bob', 'carol'] as const

/** A store whose commits wait while it is held. */
function slow(): Store & { hold(): void; release(): void } {
  const store = memoryStore()
  let gate = Promise.resolve()
  let release = () => {}
  return {
    get: (key) => store.get(key),
    list: (prefix, from) => store.list(prefix, from),
    close: () => store.close(),
    commit: async (writes) => {
      await gate
      await store.commit(writes)
    },
    hold() {
      gate = new Promise((resolve) => {
        release = resolve
      })
    },
    release: () => release(),
  }
}

/** A store whose disk fails in a commit of one's choice, before or after it is written; what is written outlives that. */
class Failing {
  readonly inner = memoryStore()
  #left = Number.POSITIVE_INFINITY
  #writes = false
  isBroken = false

  breakAt(commit: number, writes: boolean): void {
    Object.assign(this, { isBroken: false })
    this.#left = commit
    this.#writes = writes
  }

  store(): Store {
    return {
      get: (key) => this.inner.get(key),
      list: (prefix, from) => this.inner.list(prefix, from),
      close: async () => {},
      commit: async (writes) => {
        if (--this.#left > 0) return this.inner.commit(writes)
        if (this.#writes && !this.isBroken) await this.inner.commit(writes)
        this.isBroken = true
        throw new Error('The disk failed.')
      },
    }
  }

  mend(): void {
    this.#left = Number.POSITIVE_INFINITY
    this.isBroken = false
  }
}

describe('a node in a group', () => {
  let network: MemoryNetwork
  let nodes: Node[]
  beforeEach(() => {
    network = new Map()
    nodes = []
  })
  afterEach(() => Promise.all(nodes.map((node) => node.stop())))

  async function start(name: string, options: Partial<NodeOptions> = {}): Promise<Node> {
    const node = await Node.start({
      key: keyOf(name),
      owner: ownerOf(name),
      chain: funded(ownerOf(name)),
      store: memoryStore(),
      transports: (signer) => [memoryTransport({ signer, network })],
      listen: [`memory:${name}`],
      tick: 20,
      ...options,
    })
    nodes.push(node)
    return node
  }

  async function gather(options: Partial<Record<(typeof NAMES)[number], Partial<NodeOptions>>> = {}): Promise<Group[]> {
    const all = await Promise.all(NAMES.map((name) => start(name, options[name])))
    const { channelId } = await all[0]!.openGroup({
      members: ['memory:bob', 'memory:carol'],
      patience: 400,
      limit: 60_000,
    })
    const groups = all.map((node) => node.group(channelId))
    await until(() => groups.every((group) => group.status().gathered))
    return groups
  }

  it('S53 stores what it signed before anybody sees the signature', async () => {
    const store = slow()
    const [alice] = (await gather({ bob: { store } })) as [Group]
    store.hold()
    const paying = alice.pay(signerOf('carol').address, 5n)
    await until(() => alice.status().missing.includes(signerOf('bob').address))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(alice.status()).to.deep.include({ version: 0n, missing: [signerOf('bob').address] })
    store.release()
    await paying
    expect(alice.status().version > 0n).to.equal(true)
  })

  /** Lets bob's disk fail at every commit in turn, `runs` times, while alice pays it 1 in some way; answers what bob holds then. */
  async function failing(runs: number, pay: (alice: Group, bob: Address) => Promise<unknown>): Promise<[Group, Group]> {
    const disk = new Failing()
    const [alice, bob] = (await gather({ bob: { store: disk.store() } })) as [Group, Group]
    let node = nodes.find(({ address }) => address === signerOf('bob').address)!
    const frozen: unknown[] = []
    let broken = 0
    for (let run = 0; run < runs; run++) {
      disk.breakAt(1 + (run % 3), run % 2 === 0)
      let isPaid = false
      const paying = pay(alice, bob.channel.members[bob.me]!.signer)
      void paying.then(() => {
        isPaid = true
      })
      await until(() => disk.isBroken || isPaid)
      if (disk.isBroken) broken++
      nodes.splice(nodes.indexOf(node), 1)
      await node.stop()
      disk.mend()
      node = await start('bob', { store: disk.store() })
      node.on('frozen', (event) => frozen.push(event))
      await paying
    }
    const after = node.group(alice.channelId)
    await until(() => after.status().version === alice.status().version)
    expect(after.status().balances[after.me]! - (1n << 100n)).to.equal(BigInt(runs))
    expect(frozen).to.deep.equal([])
    expect(broken >= (2 * runs) / 3, `${broken} failures`).to.equal(true)
    return [alice, after]
  }

  it('S53 goes on after its disk failed at any commit, and counts every payment once', async () => {
    const [, bob] = await failing(12, (alice, to) => alice.pay(to, 1n))
    const listed = await Array.fromAsync(bob.payments())
    expect(listed.map(({ amount }) => amount)).to.deep.equal(Array<bigint>(12).fill(1n))
  })

  it('S53 goes on after its disk failed at any commit, and counts every lock once', async () => {
    const key: Hex = `0x${'77'.repeat(32)}`
    const [alice, bob] = await failing(12, async (group, to) => {
      const id = await group.lock({ amount: 1n, legs: [{ to, key }], deadline: 1n << 40n })
      await group.resolve(id, [WHOLE])
    })
    expect([alice.transfers(), bob.transfers()]).to.deep.equal([[], []])
  })

  it('takes back a payment that was aborted before it was signed, and says of one that is signed that it may count', async () => {
    const store = slow()
    const [alice] = (await gather({ bob: { store } })) as [Group]
    const spendable = alice.status().spendable
    const early = alice.pay(signerOf('carol').address, 5n, { signal: AbortSignal.abort(new Error('never')) })
    expect(await rejection(early)).to.include({ message: 'never' })
    expect(alice.status().spendable).to.equal(spendable)
    store.hold()
    const abort = new AbortController()
    const late = alice.pay(signerOf('carol').address, 5n, { signal: abort.signal })
    // Until alice has signed the round, too.
    await until(() => alice.status().spendable === spendable - 5n)
    await new Promise((resolve) => setTimeout(resolve, 100))
    abort.abort(new Error('too late'))
    const reason = (await rejection(late)) as Error & { code?: string }
    expect(reason.code === 'PAYMENT_PENDING' || reason.message === 'too late').to.equal(true)
    store.release()
  })

  it('lists the payments of final rounds, after a restart too', async () => {
    const store = memoryStore()
    const [alice] = (await gather({ alice: { store } })) as [Group]
    const [bob, carol] = [signerOf('bob').address, signerOf('carol').address]
    await alice.pay(bob, 5n)
    await alice.pay(carol, 6n)
    await Promise.all(nodes.splice(0).map((node) => node.stop()))
    const again = await start('alice', { store })
    const listed = await Array.fromAsync(again.group(alice.channelId).payments())
    expect(listed.map(({ from, to, amount }) => [from, to, amount])).to.deep.equal([
      [signerOf('alice').address, bob, 5n],
      [signerOf('alice').address, carol, 6n],
    ])
  })

  it('takes obligations back when their time is over, and pays nothing of them later', async () => {
    const [alice, bob] = (await gather()) as [Group, Group]
    // More than anybody has: what is left over stays on offer.
    const [owed] = await alice.net([{ to: signerOf('bob').address, amount: 2n ** 101n }], { wait: 300 })
    expect(owed!.paid).to.equal(2n ** 100n)
    await bob.pay(signerOf('alice').address, 7n)
    await bob.pay(signerOf('carol').address, 1n)
    expect(alice.status().spendable).to.equal(7n)
  })

  it('declines a group whose rounds have too little time, and opens none of two', async () => {
    const [alice] = await Promise.all(NAMES.map((name) => start(name)))
    const members = ['memory:bob', 'memory:carol']
    const hurried = await rejection(alice!.openGroup({ members, patience: 10, limit: 20 }))
    expect(hurried).to.include({ code: 'PEER_REFUSED', peerCode: 'PACE_REFUSED' })
    expect(await rejection(alice!.openGroup({ members: ['memory:bob'] }))).to.include({ code: 'INVALID_OPTION' })
  })

  it('hangs up on a stranger that speaks about a group of others', async () => {
    const [alice] = (await gather()) as [Group]
    const transport = memoryTransport({ signer: signerOf('mallory'), network })
    const connection = await transport.dial('memory:alice')
    let isClosed = false
    connection.onFrame = () => {}
    connection.onClose = () => {
      isClosed = true
    }
    const { domain } = nodes[0]!
    connection.send(encodeMessage({ kind: 'hello', protocol: 1, domain, owner: ownerOf('mallory') }))
    const ready = { kind: 'ready', attempt: 1n, complete: 0n, wants: true, wishes: [], resolutions: [] } as const
    const body = encodeGroupMessage({ kind: 'joint', channelId: alice.channelId, generation: 0, message: ready })
    connection.send(encodeMessage({ kind: 'group', body }))
    await until(() => isClosed)
    await alice.pay(signerOf('bob').address, 1n)
  })
})
