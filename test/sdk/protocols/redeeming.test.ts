import { expect } from 'chai'
import fc from 'fast-check'
import type { Outcome } from '../../../sdk/core/outcome.ts'
import { leavesRoot, transferLeaf } from '../../../sdk/core/transfer.ts'
import type { Hex, Transfer } from '../../../sdk/core/types.ts'
import { keysOf, redemptionList, settledPositions, settlementList } from '../../../sdk/protocols/redeeming.ts'

const key = (index: number): Hex => `0x${(index + 1).toString(16).padStart(64, '0')}`

/** A lane's transfers, what is recorded and when, and a moment at which it is settled. Times are small, so that they often meet. */
interface Story {
  readonly transfers: readonly { readonly deadline: bigint; readonly keys: readonly number[] }[]
  readonly recorded: readonly (bigint | undefined)[]
  readonly settledAt: bigint
}

const story: fc.Arbitrary<Story> = fc.record({
  transfers: fc.array(
    fc.record({
      deadline: fc.bigInt(1n, 12n),
      keys: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  recorded: fc.array(fc.option(fc.bigInt(1n, 14n), { nil: undefined }), { minLength: 6, maxLength: 6 }),
  settledAt: fc.bigInt(1n, 14n),
})

interface Told {
  readonly transfers: readonly Transfer[]
  /** What is recorded up to a moment. */
  readonly outcomesAt: (now: bigint) => (key: Hex) => Outcome | undefined
}

function tell({ transfers, recorded }: Pick<Story, 'transfers' | 'recorded'>): Told {
  const outcomesAt = (now: bigint) => (asked: Hex) => {
    const recordedAt = recorded.find((_, index) => key(index) === asked)
    return recordedAt !== undefined && recordedAt <= now ? { value: 1n, recordedAt } : undefined
  }
  return {
    outcomesAt,
    transfers: transfers.map(({ deadline, keys }, index) => ({
      amount: BigInt(index + 1),
      deadline,
      refundTo: 0,
      legs: keys.map((one) => ({ to: 1, key: key(one) })),
    })),
  }
}

const END = 20n

describe('what a settlement reserved', () => {
  it('C47 is found again by its root alone, and redeemed as soon as all of it is decided, never before', () => {
    fc.assert(
      fc.property(story, ({ settledAt, ...plan }) => {
        const { transfers, outcomesAt } = tell(plan)
        const shown = settlementList(0, transfers, outcomesAt(settledAt), settledAt)
        const isShown = (position: number) => shown !== undefined && !(shown.entries[position] instanceof Uint8Array)
        const leaves = transfers.map((transfer, at) => (isShown(at) ? new Uint8Array(32) : transferLeaf(transfer)))
        const left = transfers.filter((_, position) => !isShown(position))
        const reserve = { lane: 0, root: leavesRoot(leaves), locked: 1n, reserved: 1n }
        const lists = Array.from({ length: Number(END - settledAt) }, (_, later) => {
          const now = settledAt + BigInt(later)
          return { now, list: redemptionList(reserve, transfers, outcomesAt(now), now) }
        })
        const first = lists.find(({ list }) => list)
        expect(first, 'at the latest deadline all is decided').not.to.equal(undefined)
        for (const { now, list } of lists) {
          expect(list !== undefined).to.equal(now >= first!.now)
          const again = settlementList(0, left, outcomesAt(now), now)
          const areAll = left.length === 0 || (again?.entries.every((entry) => !(entry instanceof Uint8Array)) ?? false)
          expect(list !== undefined, 'every one that is left, and no other').to.equal(areAll)
          const isBare = list?.entries.map((entry) => entry instanceof Uint8Array)
          if (isBare) expect(isBare).to.deep.equal(transfers.map((_, at) => isShown(at)))
        }
      }),
    )
  })

  it('is not made up for another root', () => {
    const { transfers, outcomesAt } = tell({ transfers: [{ deadline: 5n, keys: [0, 1] }], recorded: [] })
    const outcomes = outcomesAt(END)
    expect(settledPositions(key(9), transfers, outcomes)).to.equal(undefined)
    expect(redemptionList({ lane: 0, root: key(9), locked: 1n, reserved: 1n }, transfers, outcomes, END)).to.equal(
      undefined,
    )
    expect(keysOf([...transfers, ...transfers])).to.deep.equal([key(0), key(1)])
  })
})
