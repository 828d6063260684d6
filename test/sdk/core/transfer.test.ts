import { expect } from 'chai'
import { keccak256, solidityPackedKeccak256 } from 'ethers'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { type Outcome, WHOLE } from '../../../sdk/core/outcome.ts'
import { AMOUNT_BOUND, ZERO_HASH } from '../../../sdk/core/state.ts'
import {
  appendTransfer,
  divideTransfer,
  InvalidTransferError,
  isDecided,
  leavesRoot,
  MAX_LEGS,
  MAX_LEGS_EACH,
  MAX_TRANSFERS,
  NO_TRANSFERS,
  removeTransfer,
  type TransferList,
  transferLeaf,
  transfersRoot,
  validateTransfer,
} from '../../../sdk/core/transfer.ts'
import type { Hex, Transfer } from '../../../sdk/core/types.ts'
import { transfer as anyTransfer } from './arbitraries.ts'

const key = (digit: string): Hex => `0x${digit.repeat(64)}`
const transfer: Transfer = { amount: 100n, deadline: 1_000n, refundTo: 0, legs: [{ to: 1, key: key('a') }] }

function complaint(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    expect(error).to.be.instanceOf(InvalidTransferError).with.property('code', 'INVALID_TRANSFER')
    return (error as InvalidTransferError).field
  }
  return 'none'
}

describe('Transfer', () => {
  it('S16 has the leaf that ethers packs', () => {
    fc.assert(
      fc.property(anyTransfer(32), (any) => {
        const types = ['uint128', 'uint64', 'uint8', ...any.legs.flatMap(() => ['uint8', 'bytes32'])]
        const values = [any.amount, any.deadline, any.refundTo, ...any.legs.flatMap((leg) => [leg.to, leg.key])]
        expect(toHex(transferLeaf(any))).to.equal(solidityPackedKeccak256(types, values))
      }),
    )
  })

  it('is valid among members who exist, and refused with any other', () => {
    fc.assert(fc.property(anyTransfer(3), (any) => validateTransfer(any, 3)))
    const leg = { to: 2, key: key('a') }
    const refused: [Partial<Transfer>, string][] = [
      [{ amount: 0n }, 'amount'],
      [{ amount: -1n }, 'amount'],
      [{ amount: AMOUNT_BOUND }, 'amount'],
      [{ deadline: -1n }, 'deadline'],
      [{ deadline: 2n ** 64n }, 'deadline'],
      [{ refundTo: 2 }, 'refundTo'],
      [{ refundTo: 0.5 }, 'refundTo'],
      [{ legs: [leg] }, 'legs'],
      [{ legs: [] }, 'legs'],
      [{ legs: new Array(MAX_LEGS_EACH + 1).fill({ ...leg, to: 0 }) }, 'legs'],
    ]
    for (const [change, field] of refused)
      expect(
        complaint(() => validateTransfer({ ...transfer, ...change }, 2)),
        Object.keys(change)[0],
      ).to.equal(field)
  })
})

describe('List of transfers', () => {
  it('S16 has the root of its leaves in order, and zero if it is empty', () => {
    expect(transfersRoot([])).to.equal(ZERO_HASH)
    fc.assert(
      fc.property(fc.array(anyTransfer(2), { minLength: 1, maxLength: 6 }), (all) => {
        const leaves = all.map((each) => toHex(transferLeaf(each)).slice(2))
        expect(transfersRoot(all)).to.equal(keccak256(`0x${leaves.join('')}`))
      }),
    )
  })

  it('kept up to date by any additions and removals is the list computed at once', () => {
    const change = fc.oneof(anyTransfer(2), fc.nat())
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        let list: TransferList = NO_TRANSFERS
        let plain: Transfer[] = []
        for (const one of changes) {
          if (typeof one === 'object') {
            list = appendTransfer(list, one)
            plain = [...plain, one]
          } else if (plain.length > 0) {
            list = removeTransfer(list, one % plain.length)
            plain = plain.toSpliced(one % plain.length, 1)
          }
        }
        expect(list.transfers).to.deep.equal(plain)
        expect(leavesRoot(list.leaves)).to.equal(transfersRoot(plain))
        expect(list.locked).to.equal(plain.reduce((sum, { amount }) => sum + amount, 0n))
        expect(list.legs).to.equal(plain.reduce((sum, { legs }) => sum + legs.length, 0))
      }),
    )
  })

  it('C42 takes 512 transfers, 1,536 legs and an amount below 2^106, and not one more', () => {
    let full: TransferList = NO_TRANSFERS
    for (let i = 0; i < MAX_TRANSFERS; i++) full = appendTransfer(full, transfer)
    expect(complaint(() => appendTransfer(full, transfer))).to.equal('list')

    const wide = { ...transfer, legs: new Array(MAX_LEGS).fill(transfer.legs[0]) }
    expect(complaint(() => appendTransfer(NO_TRANSFERS, wide))).to.equal('none')
    expect(complaint(() => appendTransfer(appendTransfer(NO_TRANSFERS, wide), transfer))).to.equal('list')

    const heavy = { ...transfer, amount: AMOUNT_BOUND - 1n }
    expect(complaint(() => appendTransfer(appendTransfer(NO_TRANSFERS, heavy), transfer))).to.equal('list')
  })

  it('says so if the position to remove is not there', () => {
    for (const position of [0, -1, 7]) expect(complaint(() => removeTransfer(NO_TRANSFERS, position))).to.equal('list')
  })
})

describe('Division of a transfer', () => {
  const at = (outcome?: Outcome) => () => outcome
  const divided = (outcome: Outcome | undefined, now: bigint) =>
    divideTransfer(transfer, at(outcome), now)?.map(({ amount }) => amount)

  it('C47 pays on an outcome at the deadline, refunds after it, and never both', () => {
    const inTime = { value: WHOLE, recordedAt: 1_000n }
    expect(divided(inTime, 1_000n)).to.deep.equal([100n, 0n])
    expect(divided(inTime, 9_999n)).to.deep.equal([100n, 0n])
    const late = { value: WHOLE, recordedAt: 1_001n }
    expect(divided(late, 1_001n)).to.deep.equal([0n, 100n])
  })

  it('waits while there is no outcome, up to and including the deadline', () => {
    expect(divided(undefined, 1_000n)).to.equal(undefined)
    expect(divided({ value: WHOLE, recordedAt: 0n }, 1_000n)).to.equal(undefined)
    expect(isDecided(transfer, at(), 1_000n)).to.equal(false)
    expect(isDecided(transfer, at(), 1_001n)).to.equal(true)
    expect(divided(undefined, 1_001n)).to.deep.equal([0n, 100n])
  })

  it('rounds each leg down and refunds the rest', () => {
    expect(divided({ value: WHOLE / 3n, recordedAt: 1n }, 5n)).to.deep.equal([33n, 67n])
  })

  it('caps each leg at what those before it left', () => {
    const pot = { ...transfer, legs: ['a', 'b', 'c'].map((digit, to) => ({ to, key: key(digit) })) }
    const shares = divideTransfer(pot, at({ value: (WHOLE * 2n) / 3n, recordedAt: 1n }), 5n)
    expect(shares?.map(({ amount }) => amount)).to.deep.equal([66n, 34n, 0n, 0n])
  })

  it('gives out exactly the amount there is, whatever the outcomes', () => {
    const outcome = fc.option(fc.record({ value: fc.bigInt(0n, WHOLE), recordedAt: fc.bigInt(0n, 2n ** 64n - 1n) }))
    fc.assert(
      fc.property(
        anyTransfer(4),
        fc.array(outcome, { minLength: 5, maxLength: 5 }),
        fc.bigInt(0n, 2n ** 64n),
        fc.nat(100),
        (any, known, now, percent) => {
          const outcomes = (wanted: Hex) => known[any.legs.findIndex((leg) => leg.key === wanted)] ?? undefined
          const amount = (any.amount * BigInt(percent)) / 100n
          const shares = divideTransfer(any, outcomes, now, amount)
          expect(shares !== undefined).to.equal(isDecided(any, outcomes, now))
          if (!shares) return
          expect(shares.reduce((sum, share) => sum + share.amount, 0n)).to.equal(amount)
          expect(shares.every((share) => share.amount >= 0n)).to.equal(true)
          expect(shares.at(-1)?.to).to.equal(any.refundTo)
        },
      ),
    )
  })
})
