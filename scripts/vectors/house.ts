import { utf8ToBytes } from '@noble/hashes/utils.js'
import {
  type Account,
  accountHash,
  amountRow,
  type HouseLock,
  type Leg,
  legHash,
  lockCreditHash,
  lockHash,
  lockReceiptHash,
  memberId,
  type Payment,
  paymentHash,
  type Receipt,
  receiptHash,
  releaseHash,
  statusRow,
} from '../../sdk/clearing/account.ts'
import { type Epoch, epochHash, type Leaf, type Line, leafRow } from '../../sdk/clearing/epoch.ts'
import { type Posting, postingHash } from '../../sdk/clearing/posting.ts'
import { buildTally, type Row, sumWord, tallyHash, tallyPath, tallyPaths, topOf } from '../../sdk/clearing/tally.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { typedDigest } from '../../sdk/core/eip712.ts'
import { keccak256 } from '../../sdk/core/keccak.ts'
import { ZERO_HASH } from '../../sdk/core/state.ts'
import type { Address, Domain, Hex } from '../../sdk/core/types.ts'

// Vectors of clearing houses, docs/clearing.md §2.

const word = (text: string): Hex => toHex(keccak256(utf8ToBytes(text)))
const address = (text: string): Address => `0x${word(text).slice(26)}`
const domain: Domain = { chainId: 31_337n, adjudicator: address('house') }
const MOST = (1n << 128n) - 1n

const identity = { signer: address('signer of alice'), owner: address('owner of alice') }
const alice = memberId(identity)
const bob = word('bob')
const struct = (hash: Uint8Array) => ({ hash: toHex(hash), digest: toHex(typedDigest(domain, hash)) })

const account: Account = {
  member: alice,
  index: 7,
  epoch: 3n,
  seq: 41n,
  debits: [5n, MOST],
  locked: [0n, 1n << 127n],
  locks: word('locks'),
  payments: word('payments'),
}
const accounts = [account, { ...account, index: 2 ** 32 - 1, epoch: (1n << 64n) - 1n, debits: [1n], locked: [0n] }]

const receipt: Receipt = {
  member: bob,
  index: 0,
  epoch: 1n,
  seq: 0n,
  credits: [0n, 0n, 0n, MOST],
  income: word('income'),
}

const payments: Payment[] = [
  { from: alice, to: bob, epoch: 3n, position: 0, asset: 0, amount: 1n, group: ZERO_HASH, leg: 0 },
  {
    from: bob,
    to: alice,
    epoch: 3n,
    position: 2 ** 20 - 1,
    asset: 3,
    amount: MOST,
    group: word('group'),
    leg: 1_000,
  },
]
const leg: Leg = { from: alice, to: bob, asset: 1, amount: 12n }
const lock: HouseLock = { to: bob, asset: 1, amount: 100n, key: word('key'), deadline: 1_900_000_000n, epoch: 3n }
const lockId = toHex(lockHash(lock))
const lockReceipt = { payer: alice, index: 7, position: 3, lock: lockId }

const line = (change: Partial<Line> = {}): Line => ({
  deposited: 1_000n,
  credits: 50n,
  debits: 20n,
  locked: 100n,
  paid: 30n,
  refunded: 10n,
  withdrawn: 45n,
  leaving: 5n,
  ...change,
})
const names = { locks: word('locks'), statuses: word('statuses'), payments: word('payments'), income: word('income') }
const leaves: Leaf[] = [
  { member: alice, seq: 41n, ...names, lines: [line()] },
  {
    member: bob,
    seq: 0n,
    ...names,
    lines: [line({ leaving: 0n }), line({ deposited: MOST, credits: 0n, withdrawn: MOST - 200n }), line(), line()],
  },
]

const posting: Posting = {
  number: 2n,
  previous: word('posting 1'),
  member: alice,
  asset: 1,
  amount: 7n,
  deposited: 1_007n,
  requested: 45n,
  totals: [0n, MOST],
}

const rowsOf = (count: number, width: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    hash: keccak256(utf8ToBytes(`row ${i}`)),
    sums: Array.from({ length: width }, (_, k) => sumWord(BigInt(i * 1_000 + k), BigInt(i))),
  }))

/** A tree with each leaf's path and the path of several leaves. */
const tallies = [
  [0, 1],
  [1, 1],
  [2, 1],
  [5, 2],
  [8, 4],
  [13, 3],
].map(([count, width]) => {
  const rows = rowsOf(count!, width!)
  const tree = buildTally(rows, width!)
  const positions = rows.flatMap((_, i) => (i % 3 === 1 ? [i] : []))
  return {
    width: width!,
    rows: rows.map(({ hash, sums }) => ({ hash: toHex(hash), sums })),
    top: topOf(tree),
    hash: toHex(tallyHash(topOf(tree))),
    paths: rows.map((_, i) => tallyPath(tree, i)),
    several: { positions, path: positions.length > 0 ? tallyPaths(tree, positions) : [] },
  }
})

const epoch: Epoch = {
  number: 3n,
  cutTime: 1_900_000_000n,
  cut: 2n,
  cutHash: word('posting 2'),
  members: topOf(buildTally(leaves.slice(0, 1).map(leafRow), 1)),
  left: [MOST],
  limits: topOf(buildTally([], 1)),
}

const status = { paid: 30n, refunded: 10n, live: 0n }
const hashed = ({ hash, sums }: Row) => ({ hash: toHex(hash), sums })

/** All of them; bigints are to be written as decimal strings. */
export const houses = {
  domain,
  member: { identity, id: alice },
  accounts: accounts.map((one) => ({ account: one, ...struct(accountHash(one)) })),
  receipts: [{ receipt, ...struct(receiptHash(receipt)) }],
  lockReceipts: [{ lockReceipt, ...struct(lockReceiptHash(lockReceipt)) }],
  releases: [ZERO_HASH, word('payment')].map((payment) => ({
    payer: alice,
    position: 3,
    lock: lockId,
    payment,
    ...struct(releaseHash(alice, 3, lockId, payment)),
  })),
  payments: payments.map((one) => ({
    payment: one,
    ...hashed(amountRow(paymentHash(one), one.asset, one.amount, 4)),
  })),
  legs: [{ leg, hash: toHex(legHash(leg)) }],
  locks: [{ lock, hash: lockId }],
  lockCredits: [
    { payer: alice, position: 3, lock: lockId, paid: 30n, hash: toHex(lockCreditHash(alice, 3, lockId, 30n)) },
  ],
  statuses: [{ lock, status, ...hashed(statusRow(lock, status, 2)) }],
  leaves: leaves.map((leaf) => ({ leaf, ...hashed(leafRow(leaf)) })),
  epochs: [{ epoch, hash: epochHash(epoch) }],
  postings: [{ posting, hash: postingHash(posting) }],
  tallies,
}
