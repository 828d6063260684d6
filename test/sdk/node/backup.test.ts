import { expect } from 'chai'
import type { ChannelId } from '../../../sdk/core/types.ts'
import { Node } from '../../../sdk/node/node.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { until } from '../../until.ts'
import { ownerOf, rejection, World } from './actors.ts'

const PASSWORD = 'correct horse battery staple'

describe('a backup', () => {
  let world: World
  let alice: Node
  let bob: Node
  let channelId: ChannelId
  beforeEach(async () => {
    world = new World()
    ;({ alice, bob, channelId } = await world.pair(1_000n))
    await alice.payMany(channelId, [1n, 2n, 3n])
  })
  afterEach(() => world.stop())

  const restored = async (backup: Uint8Array) => {
    await alice.stop()
    const store = memoryStore()
    await Node.importBackup(store, backup, PASSWORD)
    return world.start('alice', { store, chain: world.chain.connect(ownerOf('alice')) })
  }

  it('of the newest state signs nothing but a closing, and goes on in the next generation', async () => {
    await alice.pay(channelId, 4n, { wait: 'signed' })
    await until(() => alice.balances(channelId).unacknowledged === 0n)
    const again = await restored(await alice.exportBackup(PASSWORD))
    expect(await rejection(again.dispute(channelId))).to.have.property('code', 'RESTORED_NOT_COMPARED')
    await again.connect('memory:bob')
    await until(() => again.balances(channelId).blocked === 'LEDGER_FROZEN')
    expect(await rejection(again.pay(channelId, 5n))).to.have.property('code', 'LEDGER_FROZEN')
    await again.close(channelId)
    expect(world.chain.paidTo(ownerOf('bob'))).to.equal(1_010n)
    await again.deposit(channelId, 5n)
    await again.pay(channelId, 5n)
    await until(() => bob.balances(channelId).entitlement === 5n)
    let count = 0
    for await (const _ of again.payments()) count++
    expect(count).to.equal(5)
  })

  it('S3 that is too old is detected, and nothing is signed from it', async () => {
    const backup = await alice.exportBackup(PASSWORD)
    await alice.pay(channelId, 100n)
    const again = await restored(backup)
    await again.connect('memory:bob')
    await until(() => again.balances(channelId).blocked === 'LEDGER_FROZEN')
    expect(await rejection(again.pay(channelId, 1n))).to.have.property('code', 'LEDGER_FROZEN')
    expect(await rejection(again.dispute(channelId))).to.have.property('code', 'LEDGER_FROZEN')
    await again.close(channelId)
    expect(world.chain.paidTo(ownerOf('bob'))).to.equal(1_106n)
    await until(() => again.balances(channelId).blocked === undefined)
  })

  it('opens with its password alone, whole and into an empty store', async () => {
    const backup = await alice.exportBackup(PASSWORD)
    const codeOf = async (bytes: Uint8Array, password = PASSWORD, store = memoryStore()) =>
      ((await rejection(Node.importBackup(store, bytes, password))) as { code: string }).code
    expect(await codeOf(backup, 'wrong')).to.equal('BACKUP_NOT_OPENED')
    const damaged = backup.slice()
    damaged[damaged.length - 1]! ^= 1
    expect(await codeOf(damaged)).to.equal('BACKUP_NOT_OPENED')
    expect(await codeOf(backup.subarray(0, 20))).to.equal('NOT_A_BACKUP')
    expect(await codeOf(new Uint8Array(100))).to.equal('NOT_A_BACKUP')
    const newer = backup.slice()
    newer[8]! = 30
    expect(await codeOf(newer)).to.equal('NOT_A_BACKUP')
    const used = memoryStore()
    await used.commit([{ key: 'x', value: Uint8Array.of(1) }])
    expect(await codeOf(backup, PASSWORD, used)).to.equal('STORE_NOT_EMPTY')
  })

  it('holds no payment in the clear', async () => {
    await alice.pay(channelId, 9n, { memo: 'a secret present' })
    const backup = await alice.exportBackup(PASSWORD)
    expect(Buffer.from(backup).includes('a secret present')).to.equal(false)
  })
})

describe('the account of a node', () => {
  it('is exported as CSV and JSON, safe for spreadsheets', async () => {
    const world = new World()
    const { alice, channelId } = await world.pair(1_000n)
    const id = '0x000102030405060708090a0b0c0d0e0f' as const
    await alice.pay(channelId, 7n, { id, memo: '=cmd("x"),\n' })
    await alice.pay(channelId, 8n)
    const textOf = async (format: 'csv' | 'json') => {
      let text = ''
      for await (const piece of alice.exportPayments(format)) text += piece
      return text
    }
    const [head, first, second, end] = (await textOf('csv')).split('\r\n')
    expect(head).to.equal('time,direction,amount,asset,peer,channelId,id,memo,generation,version,index')
    expect(first).to.match(
      /Z,out,7,0x0{40},0x[0-9a-f]{40},0x[0-9a-f]{64},0x000102030405060708090a0b0c0d0e0f,"'=cmd\(""x""\),\\u\{a\}",0,1,0$/,
    )
    expect(second).to.contain(',out,8,')
    expect(end).to.equal('')
    const rows = JSON.parse(await textOf('json'))
    expect(rows).to.have.length(2)
    expect(rows[0]).to.include({ direction: 'out', amount: '7', id, version: '1' })
    const nobody = await world.start('carol')
    let empty = ''
    for await (const piece of nobody.exportPayments('json')) empty += piece
    expect(JSON.parse(empty)).to.deep.equal([])
    await world.stop()
  })
})
