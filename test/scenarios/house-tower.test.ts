import { expect } from 'chai'
import { toBytes } from '../../sdk/core/bytes.ts'
import { secretKey } from '../../sdk/core/outcome.ts'
import { parseHouseExit } from '../../sdk/house/member/exit-file.ts'
import { exitHouse } from '../../sdk/house/member/exit-run.ts'
import type { HouseTower, HouseTowerEvent } from '../../sdk/house/tower/tower.ts'
import { type WatchHouseOptions, watchHouse } from '../../sdk/house/tower/watch-house.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import type { Transport } from '../../sdk/transport/transport.ts'
import { tampering, withholding } from '../house/intercepted.ts'
import { type Citizen, Town, WINDOW } from '../house/town.ts'
import { until } from '../until.ts'
import { pause } from './stage.ts'

const TOWER = sessionSigner(new Uint8Array(32).fill(77))

interface Watching {
  readonly tower: HouseTower
  readonly events: HouseTowerEvent[]
}

describe('a tower for members of a clearing house that are away', () => {
  let town: Town
  let alice: Citizen
  let bob: Citizen
  let towers: HouseTower[]

  beforeEach(async () => {
    town = await Town.found()
    towers = []
    ;[alice, bob] = await Promise.all([town.join(1), town.join(2)])
    await Promise.all([alice.house.deposit(1_000n), bob.house.deposit(500n)])
    await alice.house.pay(bob.house.id, 60n)
    await until(() => bob.house.balance().available === 560n)
    await town.cut(alice, bob)
  })
  afterEach(async () => {
    for (const tower of towers) await tower.stop()
    await town.stop()
  })

  async function watch(
    text: string,
    {
      through = (one: Transport) => one,
      stores: [memory, chain] = [memoryStore(), memoryStore()],
      ...options
    }: Partial<WatchHouseOptions> & { through?: (one: Transport) => Transport; stores?: [Store, Store] } = {},
  ): Promise<Watching> {
    const events: HouseTowerEvent[] = []
    const tower = await watchHouse(text, await town.connect(5, chain), {
      store: memory,
      operator: town.address,
      transports: [through(tcpTransport({ signer: TOWER }))],
      onEvent: (event) => void events.push(event),
      ...options,
    })
    towers.push(tower)
    return { tower, events }
  }

  /** It looks at each block. A second apart, with time for each: half a window must not pass meanwhile, or it asks the court. */
  const soon = (isSo: () => boolean) =>
    until(async () => {
      await town.chain.rpc('anvil_mine', 1, 1)
      await pause(100)
      return isSo()
    }, 20_000)
  const seen = (tower: HouseTower, epoch: bigint) => soon(() => tower.verifyEpoch(epoch) !== undefined)
  const kinds = ({ events }: Watching) => events.map(({ kind }) => kind)

  it('is shown its leaf by the operator, at no cost, and keeps an exit file that is new enough', async () => {
    const { tower, events } = await watch(bob.house.exportWatch({ tower: TOWER.address }))
    await town.leave(bob)
    await town.pass(WINDOW)
    await alice.house.pay(bob.house.id, 7n)
    const epoch = await town.cut(alice)
    await seen(tower, epoch)
    expect(tower.verifyEpoch(epoch)).to.deep.equal([])
    await town.pass(WINDOW)
    await soon(() => tower.final === epoch)
    expect(events.filter(({ kind }) => kind === 'fault' || kind === 'disputed')).to.deep.equal([])
    await town.leave(alice)
    await town.halt()
    await town.pass(100_000n)
    const before = await town.balance(bob.owner)
    const chain = await town.connect(6, memoryStore())
    await chain.start()
    await exitHouse(tower.exitFile(), chain, { pollMs: 20 })
    await chain.stop()
    expect((await town.balance(bob.owner)) - before).to.equal(567n)
  })

  for (const [how, through, rule] of [
    ['withholds its leaf', withholding, 'path'],
    ['shows another leaf than it committed', tampering, 'credits'],
  ] as const)
    it(`challenges an operator that ${how}: the house halts, and the member leaves whole`, async () => {
      const text = bob.house.exportWatch({ tower: TOWER.address })
      await town.leave(bob)
      await town.pass(WINDOW)
      const epoch = await town.cut(alice)
      // It cannot answer, though it is there.
      await town.chain.rpc('anvil_setBalance', town.chain.wallet(0).address, '0x0')
      const watching = await watch(text, { through })
      if (through === tampering) await seen(watching.tower, epoch)
      await town.halt()
      await town.pass(WINDOW / 2n)
      await until(() => kinds(watching).includes('disputed'))
      const faults = watching.events.flatMap((event) => (event.kind === 'fault' ? event.findings : []))
      expect(faults.map((one) => one.rule)).to.include(rule)
      await town.pass(3_000n)
      const chain = await town.connect(6, memoryStore())
      await chain.start()
      expect(await chain.isFailed(epoch)).to.equal(true)
      const before = await town.balance(bob.owner)
      await exitHouse(watching.tower.exitFile(), chain, { pollMs: 20 })
      expect((await town.balance(bob.owner)) - before).to.equal(560n)
      await chain.stop()
      await alice.house.exit({ pollMs: 20 })
      expect(await town.balance(town.founded.house)).to.equal(0n)
      await until(async () => (await town.balance(town.founded.court)) === 0n)
    })

  it('demands each epoch before the court if nobody lets it look, and the house goes on', async () => {
    const watching = await watch(bob.house.exportWatch())
    await town.leave(bob)
    const epoch = await town.cut(alice)
    await town.pass(WINDOW / 2n)
    await until(() => kinds(watching).includes('disputed'))
    await until(async () => (await alice.chain.openDemands(epoch)).length === 0)
    await town.pass(WINDOW)
    await soon(() => watching.tower.final === epoch)
    const shown = parseHouseExit(watching.tower.exitFile()).epochs.at(-1)
    expect(shown?.epoch.number).to.equal(epoch)
    expect(shown?.proof.leaf.lines[0]).to.deep.include({ deposited: 500n, credits: 60n })
  })

  it('is shown nothing with another key than the member named, and says so', async () => {
    const watching = await watch(bob.house.exportWatch({ tower: bob.owner }))
    await town.cut(alice, bob)
    await soon(() => kinds(watching).includes('alarm'))
    const alarm = watching.events.find((event) => event.kind === 'alarm')
    expect(alarm?.kind === 'alarm' && alarm.error.message).to.match(/BAD_SIGNATURE/)
  })

  it('demands what its file does not know, until the file is renewed', async () => {
    const old = bob.house.exportWatch({ tower: TOWER.address })
    const watching = await watch(old)
    await bob.house.pay(alice.house.id, 5n)
    await town.cut(alice, bob)
    await soon(() => kinds(watching).includes('outdated'))
    await until(() => kinds(watching).includes('disputed'))
    await watching.tower.renew(bob.house.exportWatch({ tower: TOWER.address }))
    await town.leave(bob)
    const epoch = await town.cut(alice)
    await seen(watching.tower, epoch)
    expect(watching.tower.verifyEpoch(epoch)).to.deep.equal([])
    expect(await watching.tower.renew(old).catch(({ code }) => code)).to.equal('HOUSE_WATCH_TOO_OLD')
    const of = await watching.tower.renew(alice.house.exportWatch()).catch(({ code }) => code)
    expect(of).to.equal('HOUSE_WATCH_OF_ANOTHER')
  })

  it('begins again with what it remembers, whatever file it is given', async () => {
    const text = bob.house.exportWatch({ tower: TOWER.address })
    const stores: [Store, Store] = [memoryStore(), memoryStore()]
    const first = await watch(text, { stores })
    await town.leave(bob)
    const epoch = await town.cut(alice)
    await seen(first.tower, epoch)
    await first.tower.stop()
    const next = await town.cut(alice)
    const second = await watch(text, { stores, through: withholding })
    expect(second.tower.verifyEpoch(epoch)).to.deep.equal([])
    await town.pass(WINDOW / 2n)
    await until(() => second.events.some((event) => event.kind === 'disputed' && event.number === next))
  })

  it('asks the operator, too, if its store is newer than its file', async () => {
    const old = bob.house.exportWatch({ tower: TOWER.address })
    const stores: [Store, Store] = [memoryStore(), memoryStore()]
    await bob.house.pay(alice.house.id, 5n)
    const first = await watch(bob.house.exportWatch({ tower: TOWER.address }), { stores })
    await town.leave(bob)
    await first.tower.stop()
    const second = await watch(old, { stores })
    const epoch = await town.cut(alice)
    await seen(second.tower, epoch)
    expect(second.tower.verifyEpoch(epoch)).to.deep.equal([])
  })

  it('takes a file without keys and secrets, of this house alone', async () => {
    const secret = `0x${'5e'.repeat(32)}` as const
    const deadline = BigInt((await town.chain.provider.getBlock('latest'))!.timestamp) + 50_000n
    const lock = await alice.house.lock(
      { signer: sessionSigner(new Uint8Array(32).fill(2)).address, owner: bob.owner },
      9n,
      {
        key: secretKey({ chainId: 31_337n, condition: town.chain.registry }, toBytes(secret)),
        deadline,
      },
    )
    await until(() => bob.house.locks().length > 0)
    await bob.house.release(bob.house.locks()[0]!, { secret })
    const text = bob.house.exportWatch()
    expect(text).to.include(lock.key)
    expect(text).not.to.include('5e'.repeat(32))
    expect(parseHouseExit(bob.house.exitFile()).epochs).to.have.length(1)
    const refused = (one: string) => watch(one).catch(({ code }) => code)
    expect(await refused('{}')).to.equal('NOT_A_HOUSE_WATCH')
    expect(await refused(bob.house.exitFile())).to.equal('NOT_A_HOUSE_WATCH')
    const other = `0x${'11'.repeat(20)}`
    expect(await refused(text.replaceAll(town.founded.house, other))).to.equal('HOUSE_WATCH_OF_ANOTHER')
    for (const field of ['committedAt', 'cutHash', 'deadline', 'lines', 'entries'])
      expect(await refused(text.replaceAll(`"${field}"`, '"other"')), field).to.equal('NOT_A_HOUSE_WATCH')
    const receipt = /"receipts": [\s\S]*?"credits": \[\s*\{\s*"\$n": "60"/
    expect(text).to.match(receipt)
    expect(await refused(text.replace(receipt, (found) => `${found.slice(0, -1)}1"`))).to.equal('NOT_A_HOUSE_WATCH')
  })
})
