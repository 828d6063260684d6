import { expect } from 'chai'
import type { ListedPayment } from '../../sdk/node/ledgers/history.ts'
import { accountOf } from '../../sdk/node/payments/accounting.ts'
import { ownerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { Mallory } from './mallory.ts'
import { ETHER, rejection, Stage } from './stage.ts'

/** The memo's cell in a CSV of one payment. */
async function cellOf(memo: string): Promise<string> {
  const hash = `0x${'11'.repeat(32)}` as const
  const place = { channelId: hash, asset: ownerOf('token'), generation: 0, version: 1n, index: 0 }
  async function* one(): AsyncGenerator<ListedPayment> {
    const direction = 'in' as const
    yield { id: `0x${'00'.repeat(16)}`, amount: 5n, memo, ...place, direction, peer: ownerOf('mallory'), time: 0 }
  }
  let text = ''
  for await (const piece of accountOf(one(), 'csv')) text += piece
  return text
    .split('\r\n')[1]!
    .replace(/^(?:[^,]*,){7}/, '')
    .replace(/,0,1,0$/, '')
}

describe('what a peer writes', () => {
  it('S18 begins no formula in a spreadsheet, where commas separate cells and where semicolons do', async () => {
    expect(await cellOf('=1+1')).to.equal(`"'=1+1"`)
    expect(await cellOf('  =1+1')).to.equal(`"'  =1+1"`)
    expect(await cellOf('＝1+1')).to.equal(`"'＝1+1"`)
    expect(await cellOf('tea;=HYPERLINK("http://x")')).to.equal(`"tea;'=HYPERLINK(""http://x"")"`)
    expect(await cellOf('tea;"=1+1')).to.equal(`"tea;'""=1+1"`)
    expect(await cellOf('a\u001b[31m\r\nb')).to.equal('a\\u{1b}[31m\\u{d}\\u{a}b')
    expect(await cellOf('rent - may')).to.equal('rent - may')
  })

  it('S18 reaches events and errors with its control characters escaped', async () => {
    const stage = await Stage.build()
    try {
      const alice = await stage.start('alice')
      const mallory = await Mallory.dial(stage, alice)
      const ledger = await mallory.open(alice, 1n)
      const { channelId } = ledger.ref
      await alice.node.deposit(channelId, ETHER)
      ledger.sync()
      await until(() => alice.node.balances(channelId).blocked === undefined)
      const reasons: string[] = []
      alice.node.on('refused', ({ reason }) => reasons.push(reason))
      const refused = rejection(alice.node.withdraw(channelId, 1n))
      const { seq } = await mallory.hears('propose')
      ledger.say({ kind: 'refuse', seq, again: false, reason: 'no\u001b[2J\u202e\n' })
      expect((await refused).message).to.contain('no\\u{1b}[2J\\u{202e}\\u{a}')
      expect(reasons).to.deep.equal(['no\\u{1b}[2J\\u{202e}\\u{a}'])
    } finally {
      await stage.close()
    }
  })
})
