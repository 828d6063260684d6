import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { toHex } from '../../../sdk/core/bytes.ts'
import { invoiceDigest } from '../../../sdk/core/invoice.ts'
import type { ChannelId, Hex } from '../../../sdk/core/types.ts'
import { InvoiceUnknownError } from '../../../sdk/node/errors.ts'
import { INVOICES, invoiceKey } from '../../../sdk/node/keys.ts'
import type { Node } from '../../../sdk/node/node.ts'
import { InvoiceRefusedError } from '../../../sdk/protocols/invoice-terms.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { until } from '../../until.ts'
import { ownerOf, World } from './actors.ts'
import type { ModelView } from './model-chain.ts'

describe('invoices of a node', () => {
  let world: World
  /** Lets a store that was frozen go on. */
  let thaw = () => {}
  beforeEach(() => {
    world = new World()
  })
  afterEach(async () => {
    thaw()
    await world.stop()
  })

  interface Pair {
    readonly alice: Node
    readonly view: ModelView
    readonly bob: Node
    readonly store: Store
    readonly channelId: ChannelId
  }

  /** Alice, who sees the chain by `view`, and bob, whose commits wait for `frozen`. */
  async function pair(frozen: () => Promise<void> = async () => {}): Promise<Pair> {
    const [view, memory] = [world.chain.connect(ownerOf('alice')), memoryStore()]
    const store: Store = { ...memory, commit: (writes) => frozen().then(() => memory.commit(writes)) }
    const [alice, bob] = [await world.start('alice', { chain: view }), await world.start('bob', { store })]
    const channelId = await alice.open('memory:bob')
    await Promise.all([alice.deposit(channelId, 1_000_000n), bob.deposit(channelId, 1_000_000n)])
    return { alice, view, bob, store, channelId }
  }

  /** Bob is frozen as soon as alice has locked, and the chain decides in his favour; answers his secret, and how her payment ends. */
  async function decidedByChain() {
    let frozen = Promise.resolve()
    const { alice, view, bob, store, channelId } = await pair(() => frozen)
    const signed = await bob.invoice({ amount: 1_000n })
    const id = toHex(invoiceDigest(world.chain.domain, signed.invoice))
    const secret: Hex = toHex((await store.get(invoiceKey(id)))!.slice(1, 33))
    const locked = new Promise<void>((resolve) => {
      alice.on('locked', () => {
        frozen = new Promise((go) => {
          thaw = go
        })
        resolve()
      })
    })
    const paying = alice.payInvoice(signed, { route: { channelId, hops: [] } })
    const outcome = paying.then(
      ({ secret }) => toHex(secret),
      (error: { code?: string }) => error.code,
    )
    await locked
    await alice.dispute(channelId)
    const reveal = () => world.chain.call(ownerOf('bob'), { to: 'registry', functionName: 'reveal', args: [secret] })
    return { alice, view, secret, outcome, reveal }
  }

  it('paid by the word of the chain are proved once an RPC that failed answers again', async () => {
    const { view, secret, outcome, reveal } = await decidedByChain()
    let asked = 0
    view.secretOf = async () => {
      if (asked++ < 2) throw new Error('The RPC does not answer.')
      return secret
    }
    reveal()
    expect(await outcome).to.equal(secret)
    expect(asked).to.equal(3)
  })

  it('are forgotten a margin after their deadline if nobody paid them, and kept as receipts if somebody did', async () => {
    const { alice, bob, store, channelId } = await pair()
    const [paid, unpaid, cancelled] = [
      await bob.invoice({ amount: 1_000n }),
      await bob.invoice({ amount: 2_000n }),
      await bob.invoice({ amount: 3_000n }),
    ].map((signed) => ({ signed, id: toHex(invoiceDigest(world.chain.domain, signed.invoice)) }))
    bob.cancelInvoice(cancelled!.id)
    await alice.payInvoice(paid!.signed, { route: { channelId, hops: [] } })
    const kept = async () => {
      const keys: string[] = []
      for await (const [key] of store.list(INVOICES)) keys.push(key)
      return keys
    }
    expect(await kept()).to.have.length(3)
    world.chain.advance(7_300n)
    while ((await kept()).length > 1) await pause(5)
    expect(await kept()).to.deep.equal([invoiceKey(paid!.id)])
    expect(() => bob.cancelInvoice(paid!.id)).to.throw(InvoiceRefusedError)
    expect(() => bob.cancelInvoice(unpaid!.id)).to.throw(InvoiceUnknownError)
  })

  it('whose proof is looked for end when the node stops', async () => {
    const { alice, view, outcome, reveal } = await decidedByChain()
    let asked = 0
    view.secretOf = async () => {
      asked++
      throw new Error('The RPC does not answer.')
    }
    reveal()
    await until(() => asked > 1)
    await alice.stop()
    expect(await outcome).to.equal('NODE_STOPPED')
  })
})
