import { expect } from 'chai'
import { AbiCoder, TypedDataEncoder } from 'ethers'
import fc from 'fast-check'
import {
  ACCOUNT_TYPE,
  accountHash,
  LOCK_RECEIPT_TYPE,
  lockReceiptHash,
  RECEIPT_TYPE,
  RELEASE_TYPE,
  receiptHash,
} from '../../sdk/clearing/account.ts'
import { type Leaf, leafRow } from '../../sdk/clearing/epoch.ts'
import { buildTally, type Row, sumWord, tallyHash, tallyPath, tallyPaths, topOf } from '../../sdk/clearing/tally.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import type { Hex } from '../../sdk/core/types.ts'
import vectors from '../vectors/houses.json' with { type: 'json' }
import { ethers, views } from './harness.ts'

const harness = views(await ethers.deployContract('HouseHarness'))

/** ethers' types of an EIP-712 type string. */
function typesOf(text: string) {
  const [, name, fields] = /^(\w+)\((.*)\)$/.exec(text)!
  return {
    [name!]: fields!.split(',').map((field) => {
      const [type, key] = field.split(' ')
      return { type: type!, name: key! }
    }),
  }
}

const domain = {
  name: 'Tallystick',
  version: '1',
  chainId: vectors.domain.chainId,
  verifyingContract: vectors.domain.adjudicator,
}

function expectTyped(type: string, value: object, { hash, digest }: { hash: string; digest: string }): void {
  const [name] = Object.keys(typesOf(type))
  expect(TypedDataEncoder.hashStruct(name!, typesOf(type), value)).to.equal(hash)
  expect(TypedDataEncoder.hash(domain, typesOf(type), value)).to.equal(digest)
}

const flat = (rows: readonly { readonly hash: string; readonly sums: readonly (string | bigint)[] }[]) =>
  rows.flatMap(({ hash, sums }) => [hash, ...sums])

describe('Vectors of clearing houses', () => {
  it('S16 hold for what is signed, by the contracts and by another EIP-712 encoder', async () => {
    for (const { account, ...typed } of vectors.accounts) {
      expect(await harness('account', account)).to.equal(typed.hash)
      expectTyped(ACCOUNT_TYPE, account, typed)
    }
    for (const { receipt, ...typed } of vectors.receipts) {
      expect(await harness('receipt', receipt)).to.equal(typed.hash)
      expectTyped(RECEIPT_TYPE, receipt, typed)
    }
    for (const { lockReceipt, ...typed } of vectors.lockReceipts) {
      expect(await harness('lockReceipt', lockReceipt)).to.equal(typed.hash)
      expectTyped(LOCK_RECEIPT_TYPE, lockReceipt, typed)
    }
    for (const { payer, position, lock, payment, ...typed } of vectors.releases) {
      expect(await harness('release', payer, position, lock, payment)).to.equal(typed.hash)
      expectTyped(RELEASE_TYPE, { payer, position, lock, payment }, typed)
    }
  })

  it('S16 hold for members, payments, legs, locks and what became of them', async () => {
    const { identity, id } = vectors.member
    const encoded = AbiCoder.defaultAbiCoder().encode(['address', 'address'], [identity.signer, identity.owner])
    expect(ethers.keccak256(encoded)).to.equal(id)
    for (const { payment, hash } of vectors.payments) expect(await harness('payment', payment)).to.equal(hash)
    for (const { leg, hash } of vectors.legs) expect(await harness('leg', leg)).to.equal(hash)
    for (const { lock, hash } of vectors.locks) expect(await harness('lock', lock)).to.equal(hash)
    for (const { payer, position, lock, paid, hash } of vectors.lockCredits)
      expect(await harness('lockCredit', payer, position, lock, paid)).to.equal(hash)
    for (const { lock, status, hash, sums } of vectors.statuses) {
      const lockHash = vectors.locks[0]!.hash
      expect(await harness('status', status, lockHash, lock.asset, sums.length / 2)).to.deep.equal([
        hash,
        sums.map(BigInt),
      ])
    }
  })

  it('S16 hold for leaves, epochs and postings', async () => {
    for (const { leaf, hash, sums } of vectors.leaves)
      expect(await harness('leaf', leaf)).to.deep.equal([hash, sums.map(BigInt)])
    for (const { epoch, hash } of vectors.epochs) expect(await harness('epoch', epoch)).to.equal(hash)
    for (const { posting, hash } of vectors.postings) expect(await harness('posting', posting)).to.equal(hash)
  })

  it('S16 hold for the path of every leaf, and of several at once', async () => {
    for (const { rows, top, hash, paths, several } of vectors.tallies) {
      const expected = [BigInt(top.depth), top.node, top.sums.map(BigInt)]
      for (const [i, row] of rows.entries())
        expect(await harness('climb', i, row.hash, row.sums, paths[i])).to.deep.equal([expected, hash])
      const { positions, path } = several
      if (positions.length === 0) continue
      const chosen = flat(positions.map((i) => rows[i]!))
      expect(await harness('fold', positions, chosen, top.depth, path)).to.deep.equal(expected)
    }
  })
})

describe('A clearing house’s hashes', () => {
  const u128 = fc.bigInt(0n, (1n << 128n) - 1n)
  const u64 = fc.bigInt(0n, (1n << 64n) - 1n)
  const u32 = fc.nat(2 ** 32 - 1)
  const word = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex)
  const amounts = fc.array(u128, { minLength: 1, maxLength: 4 })
  const runs = { numRuns: 40, seed: 11 }

  it('are the contracts’ own for any account, receipt and lock receipt', async () => {
    const account = fc.record({
      member: word,
      index: u32,
      epoch: u64,
      seq: u64,
      debits: amounts,
      locked: amounts,
      locks: word,
      payments: word,
    })
    const receipt = fc.record({ member: word, index: u32, epoch: u64, seq: u64, credits: amounts, income: word })
    const lockReceipt = fc.record({ payer: word, index: u32, position: u32, lock: word })
    await fc.assert(
      fc.asyncProperty(account, receipt, lockReceipt, async (one, two, three) => {
        expect(await harness('account', one)).to.equal(toHex(accountHash(one)))
        expect(await harness('receipt', two)).to.equal(toHex(receiptHash(two)))
        expect(await harness('lockReceipt', three)).to.equal(toHex(lockReceiptHash(three)))
      }),
      runs,
    )
  })

  it('are the contracts’ own for any leaf that can stand in a tree', async () => {
    const part = fc.bigInt(0n, 1n << 120n)
    const line = fc
      .tuple(part, part, part, part, part, part)
      .map(([balance, live, paid, refunded, debits, leaving]) => {
        const locked = live + paid + refunded
        return {
          deposited: balance + leaving + debits + live + paid,
          credits: 0n,
          debits,
          locked,
          paid,
          refunded,
          withdrawn: leaving,
          leaving,
        }
      })
    const leaf: fc.Arbitrary<Leaf> = fc.record({
      member: word,
      seq: u64,
      locks: word,
      statuses: word,
      payments: word,
      income: word,
      lines: fc.array(line, { minLength: 1, maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(leaf, async (one) => {
        const { hash, sums } = leafRow(one)
        expect(await harness('leaf', one)).to.deep.equal([toHex(hash), sums])
      }),
      runs,
    )
  })

  it('lead from any leaves of any tree to its top', async () => {
    const rows = (width: number): fc.Arbitrary<Row[]> =>
      fc.array(
        fc.record({
          hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
          sums: fc.array(
            fc.tuple(fc.bigInt(0n, 1n << 120n), fc.bigInt(0n, 1n << 120n)).map(([high, low]) => sumWord(high, low)),
            { minLength: width, maxLength: width },
          ),
        }),
        { minLength: 1, maxLength: 20 },
      )
    const tree = fc
      .integer({ min: 1, max: 4 })
      .chain((width) => fc.record({ width: fc.constant(width), rows: rows(width) }))
    await fc.assert(
      fc.asyncProperty(tree, fc.infiniteStream(fc.boolean()), async ({ width, rows: all }, chosen) => {
        const built = buildTally(all, width)
        const { depth, node, sums } = topOf(built)
        const expected = [BigInt(depth), node, sums]
        const positions = all.flatMap((_, i) => (chosen.next().value ? [i] : []))
        const first = all[0]!
        const climbed = await harness('climb', 0, first.hash, first.sums, tallyPath(built, 0))
        expect(climbed).to.deep.equal([expected, toHex(tallyHash(topOf(built)))])
        if (positions.length === 0) return
        const picked = flat(positions.map((i) => ({ hash: toHex(all[i]!.hash) as Hex, sums: all[i]!.sums })))
        expect(await harness('fold', positions, picked, depth, tallyPaths(built, positions))).to.deep.equal(expected)
      }),
      runs,
    )
  })
})
