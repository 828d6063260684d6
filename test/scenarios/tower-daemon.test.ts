import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { COIN } from '../../sdk/core/types.ts'
import { brokenPromises } from '../../sdk/watchtower/receipt.ts'
import type { TowerSpec } from '../../sdk/watchtower/spec.ts'
import { until } from '../until.ts'
import { Daemon, metric } from './daemon.ts'
import { Stage } from './stage.ts'
import { Watch } from './watch.ts'

describe('tallystick tower', () => {
  let stage: Stage
  let watch: Watch
  const daemons: Daemon[] = []

  before(async () => {
    stage = await Stage.build()
    watch = new Watch(stage)
  })
  afterEach(async () => {
    await Promise.all(daemons.splice(0).map((daemon) => daemon.stop('SIGKILL')))
    await stage.stopAll()
  })
  after(() => stage.close())

  const path = (name: string) => join(stage.folder, name)
  function launch(name: string, changes: Readonly<Record<string, string>> = {}): Daemon {
    writeFileSync(path('key'), stage.chain.wallet(4).privateKey)
    const options = {
      rpc: stage.chain.url,
      adjudicator: stage.chain.adjudicator,
      'key-file': path('key'),
      store: path(`${name}.sqlite`),
      listen: 'tcp://127.0.0.1:0',
      metrics: '127.0.0.1:0',
      ...changes,
    }
    const daemon = new Daemon([
      'tower',
      ...Object.entries(options).flatMap(([option, value]) => [`--${option}`, value].filter((part) => part !== '')),
    ])
    daemons.push(daemon)
    return daemon
  }
  const specOf = async (daemon: Daemon) => ((await daemon.said('watching')).towers as TowerSpec[])[0]!
  const metricsOf = async (daemon: Daemon) => (await daemon.said('metrics')).metrics as string

  it('answers for who is offline, says so in log and metrics, and leaves nothing when it is stopped', async () => {
    const daemon = launch('plain')
    const channel = await watch.channel()
    await watch.appoint([await specOf(daemon)], [watch.evidence(channel, [5n, 7n])])
    await watch.challenge(channel, [2n, 0n])
    await watch.answered(channel, [5n, 7n])
    const answered = await daemon.said('answered')
    expect(answered)
      .to.include(watch.ledger(channel))
      .and.to.deep.include({ versions: ['5', '7'], level: 40 })
    const url = await metricsOf(daemon)
    const values = ['ledgers', 'clients', 'disputes', 'events_total{kind="answered"}', 'events_total{kind="appointed"}']
    expect(await Promise.all(values.map((name) => metric(url, `tallystick_tower_${name}`)))).to.deep.equal([
      1, 1, 1, 1, 1,
    ])
    expect(await metric(url, 'tallystick_tower_events_total{kind="settled"}')).to.equal(0)
    const { gasUsed } = (await stage.chain.provider.getTransactionReceipt(answered.transaction as string))!
    expect(await metric(url, 'tallystick_tower_gas_used_total')).to.equal(Number(gasUsed))
    expect(await metric(url, 'tallystick_tower_gas_money')).to.be.within(9_000, 10_000)
    expect((await fetch(url.replace('metrics', 'healthz'))).status).to.equal(200)
    expect(await daemon.stop()).to.equal(0)
    expect(daemon.lines.at(-1)!.msg).to.equal('stopped')
    expect(daemon.errors).to.equal('')
    const again = launch('plain')
    expect((await specOf(again)).tower, 'by the same key').to.equal((daemon.lines[0]!.towers as TowerSpec[])[0]!.tower)
  })

  it('S24 answers after it was killed between the appointment and the challenge', async () => {
    const first = launch('killed')
    const channel = await watch.channel()
    await watch.appoint([await specOf(first)], [watch.evidence(channel, [5n, 7n])])
    await first.stop('SIGKILL')
    await watch.challenge(channel, [2n, 0n])
    const second = launch('killed')
    await watch.answered(channel, [5n, 7n])
    await second.said('answered')
  })

  it('S24 answers for a node that is offline, though it was killed meanwhile, and has kept its promise then', async () => {
    const first = launch('nodes', { settle: '' })
    const { channelId, channel, lane, receipts } = await watch.cheat('nodes', [await specOf(first)])
    await first.stop('SIGKILL')
    expect(receipts).to.have.length(1)
    const { tower, appointment, receipt } = receipts[0]!
    const events = async () => (await stage.hand('alice')).history({ channelId, asset: COIN })
    const broken = async () =>
      brokenPromises(stage.domain, tower, receipt, { appointment, channel, asset: COIN, events: await events() })
    const mallory = await watch.cheated('nodes', channelId)
    await stage.stop(mallory)
    const second = launch('nodes', { settle: '' })
    await second.said('answered')
    expect((await watch.recorded(channelId))[lane]).to.equal(2n)
    await stage.later(700)
    await second.said('settled')
    expect((await events()).map(({ kind }) => kind)).to.include('settled')
    expect(await broken()).to.deep.equal([])
  })

  it('can be convicted by what its client keeps if it did not answer', async () => {
    const daemon = launch('gone')
    const { channelId, channel, lane, receipts } = await watch.cheat('gone', [await specOf(daemon)])
    await daemon.stop('SIGKILL')
    const mallory = await watch.cheated('gone', channelId)
    await stage.later(700)
    const hand = await stage.hand('alice')
    const about = { channelId, asset: COIN }
    await until(async () => {
      await stage.chain.mine()
      return (await hand.history(about)).some(({ kind }) => kind === 'settled')
    })
    await stage.stop(mallory)
    const { tower, appointment, receipt } = receipts[0]!
    const proof = { appointment, channel, asset: COIN, events: await hand.history(about) }
    const broken = brokenPromises(stage.domain, tower, receipt, proof)
    expect(broken.map(({ lane, promised, settled }) => [lane, promised, settled])).to.deep.equal([[lane, 2n, 1n]])
  })

  it('S31 alarms when it has no gas money', async () => {
    writeFileSync(path('poor'), `0x${'5a'.repeat(32)}`)
    const daemon = launch('poor', { 'key-file': path('poor') })
    const url = await metricsOf(daemon)
    const line = daemon.said('watching').then(() => daemon.lines.find(({ code }) => code === 'INSUFFICIENT_GAS_MONEY'))
    expect((await line)?.level).to.equal(50)
    expect(await metric(url, 'tallystick_alarms_total{code="INSUFFICIENT_GAS_MONEY"}')).to.equal(1)
  })

  it('lets nobody but its user read the key it is known by', async () => {
    const daemon = launch('secret')
    await daemon.said('watching')
    expect(statSync(path('secret.sqlite.identity')).mode & 0o777).to.equal(0o600)
  })

  it('tells what is wrong in one sentence, and that the store is in use', async () => {
    await launch('busy').said('watching')
    const wrong: [Record<string, string>, RegExp][] = [
      [{ margin: 'soon' }, /^error: "soon" is not a whole number from 0 on. Check --margin.\n$/],
      [{ 'reserve-gas': 'much' }, /^error: "much" is not a whole number from 0 on. Check --reserve-gas.\n$/],
      [{ 'max-fee-per-gas': '0' }, /^error: "0" is not a whole number from 1 on. Check --max-fee-per-gas.\n$/],
      [{ metrics: 'here' }, /^error: "here" is no HOST:PORT, such as 127.0.0.1:9464. Check --metrics.\n$/],
      [{ 'log-level': 'loud' }, /^error: "loud" is no level. Check --log-level: debug, .*\n$/],
      [{ 'key-file': path('none') }, /^error: The file .*none does not exist. Check --key-file.\n$/],
      [{ listen: 'http://127.0.0.1:1' }, /^error: No transport of this tower serves "http:\/\/127.0.0.1:1".*\n$/],
      [{ store: path('busy.sqlite') }, /^error: .*busy.sqlite is in use.*\n$/],
      [
        { 'identity-file': path('key.txt') },
        /^error: The file .* holds no key of 32 bytes in hex. Check --identity-file.\n$/,
      ],
    ]
    writeFileSync(path('key.txt'), 'words')
    await Promise.all(
      wrong.map(async ([changes, expected], index) => {
        const daemon = launch(`wrong-${index}`, changes)
        expect([await daemon.ended(), daemon.errors]).to.satisfy(
          ([code, errors]: [number, string]) => code === 1 && expected.test(errors),
          daemon.errors,
        )
      }),
    )
  })
})
