import { expect } from 'chai'
import { type Epoch, emptyLeaf } from '../../../sdk/clearing/epoch.ts'
import { insuredOf, limitRow, standsIn } from '../../../sdk/clearing/limits.ts'
import { buildTally, tallyPath, topOf } from '../../../sdk/clearing/tally.ts'
import type { Hex } from '../../../sdk/core/types.ts'

const [alice, bob]: Hex[] = [`0x${'0a'.repeat(32)}`, `0x${'0b'.repeat(32)}`]

describe('limits', () => {
  it('stand in an epoch for one member, at one index, with these amounts', () => {
    const tree = buildTally([limitRow(alice!, [5n, 6n]), undefined, limitRow(bob!, [7n, 0n])], 2)
    const epoch = { limits: topOf(tree), left: [0n, 0n] } as unknown as Epoch
    const limits = { amounts: [7n, 0n], path: tallyPath(tree, 2) }
    expect(standsIn(epoch, bob!, 2, limits)).to.equal(true)
    expect(standsIn(epoch, alice!, 2, limits)).to.equal(false)
    expect(standsIn(epoch, bob!, 0, limits)).to.equal(false)
    for (const amounts of [[8n, 0n], [7n], []])
      expect(standsIn(epoch, bob!, 2, { ...limits, amounts }), amounts.join()).to.equal(false)
    expect(standsIn(epoch, bob!, 2, { ...limits, path: limits.path.slice(1) })).to.equal(false)
  })

  it('cover what was credited beyond the last final epoch and not spent, and no more', () => {
    const line = { ...emptyLeaf(1).lines[0]!, credits: 100n, debits: 30n, locked: 10n }
    const insured = (credits: bigint, spent: bigint, limit = 50n) => insuredOf(line, limit, credits, spent)
    expect(insured(130n, 40n)).to.equal(30n)
    expect(insured(130n, 60n), 'some is spent').to.equal(10n)
    expect(insured(130n, 90n), 'more is spent').to.equal(0n)
    expect(insured(130n, 0n), 'a lock came back').to.equal(30n)
    expect(insured(190n, 40n), 'the limit').to.equal(50n)
    expect(insured(90n, 40n), 'an older receipt').to.equal(0n)
  })
})
