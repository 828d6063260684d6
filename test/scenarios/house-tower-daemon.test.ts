import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Address } from '../../sdk/core/types.ts'
import { parseHouseExit } from '../../sdk/house/member/exit-file.ts'
import { exitHouse } from '../../sdk/house/member/exit-run.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { deafToTowers } from '../house/intercepted.ts'
import { type Citizen, Town, WINDOW } from '../house/town.ts'
import { until } from '../until.ts'
import { Daemon, type Line, metric } from './daemon.ts'
import { pause } from './stage.ts'

describe('tallystick house-tower', () => {
  const daemons: Daemon[] = []
  let folder: string
  let town: Town
  let alice: Citizen
  let bob: Citizen
  let isDeaf: boolean

  beforeEach(async () => {
    isDeaf = false
    folder = mkdtempSync(join(tmpdir(), 'house-tower-'))
    for (const name of ['watch', 'exits']) mkdirSync(path(name))
    town = await Town.found({ through: deafToTowers(() => isDeaf) })
    ;[alice, bob] = await Promise.all([town.join(1), town.join(2)])
    await Promise.all([alice.house.deposit(1_000n), bob.house.deposit(500n)])
    await alice.house.pay(bob.house.id, 60n)
    await until(() => bob.house.balance().available === 560n)
    await town.cut(alice, bob)
  })
  afterEach(async () => {
    await Promise.all(daemons.splice(0).map((daemon) => daemon.stop('SIGKILL')))
    await town.stop()
    rmSync(folder, { recursive: true })
  })

  const path = (...names: string[]) => join(folder, ...names)
  const put = (name: string, text: string) => writeFileSync(path('watch', name), text)

  function launch(changes: Readonly<Record<string, string>> = {}): Daemon {
    writeFileSync(path('key'), town.chain.wallet(5).privateKey)
    const options = {
      rpc: town.chain.url,
      house: town.founded.house,
      'from-block': String(town.founded.fromBlock),
      'key-file': path('key'),
      store: path('tower.sqlite'),
      operator: town.address,
      watch: path('watch'),
      exits: path('exits'),
      metrics: '127.0.0.1:0',
      ...changes,
    }
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    const daemon = new Daemon(['house-tower', ...args])
    daemons.push(daemon)
    return daemon
  }

  const keyOf = async (daemon: Daemon) => (await daemon.said('ready')).tower as Address
  const linesOf = (daemon: Daemon, msg: string, facts: object = {}): Line[] =>
    daemon.lines.filter((line) => line.msg === msg && Object.entries(facts).every(([name, is]) => line[name] === is))
  const codes = (daemon: Daemon) => daemon.lines.flatMap(({ code, file }) => (code ? [{ code, file }] : []))
  const exitFile = ({ house }: Citizen) => path('exits', `31337-${town.founded.house}-${house.id}.json`)

  /** It looks at each block. A second apart, with time for each: half a window must not pass meanwhile, or it asks the court. */
  const soon = (isSo: () => boolean) =>
    until(async () => {
      await town.chain.rpc('anvil_mine', 1, 1)
      await pause(100)
      return isSo()
    })
  const hasChecked = (daemon: Daemon, epoch: bigint, ...citizens: Citizen[]) =>
    soon(() => {
      const lines = linesOf(daemon, 'epoch', { epoch: String(epoch) })
      return citizens.every(({ house }) => lines.some(({ member }) => member === house.id))
    })

  /** Both hand over their files and go. */
  async function leave(daemon: Daemon): Promise<void> {
    const tower = await keyOf(daemon)
    put('alice.json', alice.house.exportWatch({ tower }))
    put('bob.json', bob.house.exportWatch({ tower }))
    await until(() => linesOf(daemon, 'watching').length === 2)
    await town.leave(alice)
    await town.leave(bob)
  }

  it('checks for two members that are away and keeps their exit files, whatever file lies beside', async () => {
    const daemon = launch()
    put('broken.json', '{}')
    put('note.txt', 'no watch file')
    await leave(daemon)
    const epoch = await town.cut()
    await hasChecked(daemon, epoch, alice, bob)
    for (const { rules } of linesOf(daemon, 'epoch', { epoch: String(epoch) })) expect(rules).to.deep.equal([])
    for (const citizen of [alice, bob]) {
      const kept = parseHouseExit(readFileSync(exitFile(citizen), 'utf8'))
      expect(kept.identity.owner).to.equal(citizen.owner)
      expect(kept.epochs.at(-1)?.epoch.number).to.equal(epoch)
      expect(statSync(exitFile(citizen)).mode & 0o777).to.equal(0o600)
    }
    expect(readdirSync(path('exits'))).to.have.length(2)
    // It has looked at the folder again and again by now.
    expect(codes(daemon)).to.deep.equal([{ code: 'NOT_A_HOUSE_WATCH', file: 'broken.json' }])
    const url = (await daemon.said('metrics')).metrics as string
    const values = ['members', 'checked_epoch', 'committed_epoch', 'events_total{kind="disputed"}']
    const found = await Promise.all(values.map((name) => metric(url, `tallystick_house_tower_${name}`)))
    expect(found).to.deep.equal([2, Number(epoch), Number(epoch), 0])
    expect(await metric(url, 'tallystick_house_tower_gas_money')).to.be.within(9_000, 10_000)
    expect((await fetch(url.replace('metrics', 'healthz'))).status).to.equal(200)
    expect(await daemon.stop()).to.equal(0)
    expect(daemon.lines.at(-1)!.msg).to.equal('stopped')
    expect(daemon.errors).to.equal('')
    const secrets = [5, 1, 2].map((account) => town.chain.wallet(account).privateKey.slice(2))
    for (const secret of secrets) expect(JSON.stringify(daemon.lines)).not.to.include(secret)
  })

  it('challenges an operator that withholds leaves, also after it was killed, and the members leave by its files', async () => {
    const first = launch()
    await leave(first)
    const shown = await town.cut()
    await hasChecked(first, shown, alice, bob)
    await first.stop('SIGKILL')
    isDeaf = true
    const epoch = await town.cut()
    // It cannot answer, though it is there.
    await town.chain.rpc('anvil_setBalance', town.chain.wallet(0).address, '0x0')
    const second = launch()
    expect(await keyOf(second), 'by the same key').to.equal(await keyOf(first))
    await town.pass(WINDOW / 2n)
    await until(() => linesOf(second, 'disputed').length === 2)
    expect(linesOf(second, 'epoch'), 'nothing is checked twice').to.deep.equal([])
    const url = (await second.said('metrics')).metrics as string
    const values = ['checked_epoch', 'events_total{kind="disputed"}', 'findings_total{rule="path"}']
    const found = await Promise.all(values.map((name) => metric(url, `tallystick_house_tower_${name}`)))
    expect(found).to.deep.equal([Number(shown), 2, 2])
    await second.stop('SIGKILL')
    const third = launch()
    await until(() => linesOf(third, 'disputed').length === 2)
    const chain = await town.connect(6, memoryStore())
    await chain.start()
    expect(await chain.openDemands(epoch), 'nothing is demanded twice').to.have.length(2)
    await town.pass(3_000n)
    expect(await chain.isFailed(epoch)).to.equal(true)
    expect(await third.stop()).to.equal(0)
    for (const [citizen, has] of [
      [alice, 940n],
      [bob, 560n],
    ] as const) {
      const before = await town.balance(citizen.owner)
      await exitHouse(readFileSync(exitFile(citizen), 'utf8'), chain, { pollMs: 20 })
      expect((await town.balance(citizen.owner)) - before).to.equal(has)
    }
    await chain.stop()
  })

  it('takes a newer file while it runs, refuses an older one, and goes on without it', async () => {
    const daemon = launch()
    const tower = await keyOf(daemon)
    const old = bob.house.exportWatch({ tower })
    put('bob.json', old)
    await until(() => linesOf(daemon, 'watching').length === 1)
    await bob.house.pay(alice.house.id, 5n)
    put('bob.json', bob.house.exportWatch({ tower }))
    await until(() => linesOf(daemon, 'watching', { file: 'bob.json' }).length === 2)
    put('older.json', old)
    await until(() => codes(daemon).length > 0)
    rmSync(path('watch', 'bob.json'))
    await daemon.said('file gone, its member is watched until a restart')
    await town.leave(bob)
    const epoch = await town.cut(alice)
    await hasChecked(daemon, epoch, bob)
    expect(linesOf(daemon, 'outdated')).to.deep.equal([])
    expect(codes(daemon)).to.deep.equal([{ code: 'HOUSE_WATCH_TOO_OLD', file: 'older.json' }])
  })

  it('alarms when it has no gas money, and tells in one sentence what is wrong with its options', async () => {
    writeFileSync(path('poor'), `0x${'5a'.repeat(32)}`)
    const daemon = launch({ 'key-file': path('poor') })
    await until(() => codes(daemon).some(({ code }) => code === 'INSUFFICIENT_GAS_MONEY'))
    const url = (await daemon.said('metrics')).metrics as string
    expect(await metric(url, 'tallystick_alarms_total{code="INSUFFICIENT_GAS_MONEY"}')).to.equal(1)
    const wrong: [Record<string, string>, RegExp][] = [
      [{ watch: path('none') }, /^error: There is no folder .*none, or it may not be read. Check --watch.\n$/],
      [{ exits: path('key') }, /^error: There is no folder .*key, or it may not be read. Check --exits.\n$/],
      [{ exits: path('watch') }, /^error: Exit files in .* would be taken for watch files. Choose another --exits.\n$/],
      [{ operator: 'http://house.example' }, /^error: No transport serves "http:\/\/house.example".*\n$/],
      [{ 'key-file': path('poor') }, /^error: .*tower.sqlite is in use.*\n$/],
    ]
    await Promise.all(
      wrong.map(async ([changes, expected]) => {
        const one = launch(changes)
        expect(await one.ended()).to.equal(1)
        expect(one.errors).to.match(expected)
      }),
    )
  })
})
