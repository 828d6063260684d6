import fc from 'fast-check'
import { fromUint, toHex } from '../../../sdk/core/bytes.ts'
import { sortMembers } from '../../../sdk/core/channel.ts'
import type { Logic } from '../../../sdk/core/conditions.ts'
import { type Invoice, memoHashOf, NOTHING_WANTED } from '../../../sdk/core/invoice.ts'
import { WHOLE } from '../../../sdk/core/outcome.ts'
import { pointOf } from '../../../sdk/core/points.ts'
import { AMOUNT_BOUND, laneCount, MAX_GENERATION, MAX_VERSION, ZERO_HASH } from '../../../sdk/core/state.ts'
import { transfersRoot } from '../../../sdk/core/transfer.ts'
import {
  type Address,
  type Channel,
  COIN,
  type Domain,
  type Hex,
  type LedgerWord,
  type State,
  type Transfer,
  type Withdrawal,
} from '../../../sdk/core/types.ts'
import { MAX_SEQ } from '../../../sdk/core/withdrawal.ts'

// One seed, so that a failure repeats; FUZZ_SEED explores further.
fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED ?? 20) })

const hexOf = (bytes: number): fc.Arbitrary<Hex> =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((array) => `0x${Buffer.from(array).toString('hex')}` as const)

export const bytes32 = hexOf(32)
export const address: fc.Arbitrary<Address> = hexOf(20).filter((text) => text !== COIN)
export const asset = fc.oneof(fc.constant(COIN), address)
export const domain: fc.Arbitrary<Domain> = fc.record({ chainId: fc.bigInt(1n, 2n ** 256n - 1n), adjudicator: address })

/** A channel of `min` to `max` members. */
export const channel = (min = 2, max = 32): fc.Arbitrary<Channel> =>
  fc.record({
    period: fc.integer({ min: 60, max: 2_592_000 }),
    nonce: fc.bigInt(0n, 2n ** 128n - 1n),
    members: fc
      .uniqueArray(fc.record({ signer: address, owner: address }), {
        minLength: min,
        maxLength: max,
        selector: ({ signer }) => signer,
      })
      .map(sortMembers),
  })

/** A channel id: 31 bytes of hash and the number of members. */
export const channelId = (members: number): fc.Arbitrary<Hex> =>
  hexOf(31).map((hash) => `${hash}${members.toString(16).padStart(2, '0')}` as Hex)

/** A logic of up to six parts, some of them equal, some without weight. */
export const logic: fc.Arbitrary<Logic> = fc.array(bytes32, { minLength: 1, maxLength: 4 }).chain((keys) => {
  const parts = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 6 })
  const key = fc.constantFrom(...keys)
  const weight = fc.oneof(fc.constantFrom(0n, WHOLE / 2n, WHOLE), fc.bigInt(0n, 2n ** 64n - 1n))
  return fc.oneof(
    fc.record({ operation: fc.constantFrom('and', 'or', 'sum'), parts: parts(key) }),
    fc.record({ operation: fc.constant('weighted'), parts: parts(fc.record({ key, weight })) }),
  )
})

/** A transfer that is valid among `members`. */
export const transfer = (members: number, keys: fc.Arbitrary<Hex> = bytes32): fc.Arbitrary<Transfer> =>
  fc.record({
    amount: fc.bigInt(1n, AMOUNT_BOUND / 1024n),
    deadline: fc.bigInt(0n, 2n ** 64n - 1n),
    refundTo: fc.integer({ min: 0, max: members - 1 }),
    legs: fc.array(fc.record({ to: fc.integer({ min: 0, max: members - 1 }), key: keys }), {
      minLength: 1,
      maxLength: 5,
    }),
  })

/** Credits of `members` that sum up to `-locked`, each within its bound. */
function credits(members: number, locked: bigint): fc.Arbitrary<bigint[]> {
  const bound = (AMOUNT_BOUND - 1n - locked) / BigInt(members)
  return fc
    .array(fc.bigInt(-bound, bound), { minLength: members - 1, maxLength: members - 1 })
    .map((others) => [...others, -locked - others.reduce((sum, credit) => sum + credit, 0n)])
}

/** A valid state and the transfers it locks, in a channel of 2 to `max` members. */
export const lockedState = (max = 32): fc.Arbitrary<{ state: State; transfers: Transfer[] }> =>
  fc.integer({ min: 2, max }).chain((members) =>
    fc.array(transfer(members), { maxLength: 4 }).chain((transfers) => {
      const locked = transfers.reduce((sum, { amount }) => sum + amount, 0n)
      return fc
        .record({
          channelId: channelId(members),
          asset,
          generation: fc.integer({ min: 0, max: MAX_GENERATION }),
          lane: fc.integer({ min: 0, max: laneCount(members) - 1 }),
          version: fc.bigInt(1n, MAX_VERSION),
          credits: credits(members, locked),
        })
        .map((rest) => ({ state: { ...rest, locked, transfersRoot: transfersRoot(transfers) }, transfers }))
    }),
  )

export const state = (max = 32): fc.Arbitrary<State> => lockedState(max).map((locked) => locked.state)

export const withdrawal: fc.Arbitrary<Withdrawal> = fc.integer({ min: 2, max: 32 }).chain((members) => {
  const member = fc.integer({ min: 0, max: members - 1 })
  const amount = fc.bigInt(1n, 2n ** 111n - 1n)
  const toAddress = fc.record({
    member,
    amount,
    to: asset,
    toChannel: fc.constant(ZERO_HASH),
    toMember: fc.constant(0),
  })
  const toChannel = fc.record({
    member,
    amount,
    to: fc.constant(COIN),
    toChannel: channelId(3),
    toMember: fc.integer({ min: 0, max: 2 }),
  })
  return fc.record({
    channelId: channelId(members),
    asset,
    generation: fc.integer({ min: 0, max: MAX_GENERATION }),
    seq: fc.integer({ min: 0, max: MAX_SEQ }),
    parts: fc.array(fc.oneof(toAddress, toChannel), { maxLength: 5 }),
    closing: fc.boolean(),
    validUntil: fc.bigInt(0n, 2n ** 64n - 1n),
    dispute: fc.bigInt(0n, 2n ** 40n - 1n),
  })
})

const balance = fc.bigInt(-(2n ** 111n), 2n ** 111n - 1n)
export const ledgerWord: fc.Arbitrary<LedgerWord> = fc.oneof(
  fc.record({
    phase: fc.constant('open' as const),
    recorded: fc.boolean(),
    generation: fc.integer({ min: 0, max: MAX_GENERATION }),
    seq: fc.integer({ min: 0, max: MAX_SEQ }),
    balances: fc.tuple(balance, balance),
  }),
  fc.record({
    phase: fc.constant('disputed' as const),
    recorded: fc.boolean(),
    generation: fc.integer({ min: 0, max: MAX_GENERATION }),
    expiry: fc.bigInt(0n, 2n ** 40n - 1n),
    commitment: fc.bigInt(0n, 2n ** 199n - 1n),
  }),
)

const split = fc.record({ to: address, share: fc.bigInt(1n, 10n ** 17n) })

/** A valid invoice and the memo whose hash is in it. */
export const invoice: fc.Arbitrary<{ invoice: Invoice; memo: string | undefined }> = fc
  .record({
    uri: fc.stringMatching(/^pay:\/\/[!-~]{1,40}$/),
    payee: address,
    payer: asset,
    asset,
    amount: fc.oneof(fc.constant(0n), fc.bigInt(1n, AMOUNT_BOUND - 1n)),
    partial: fc.boolean(),
    key: bytes32.filter((key) => key !== ZERO_HASH),
    point: fc.bigInt(1n, 2n ** 255n).map((scalar) => toHex(pointOf(fromUint(scalar, 32)))),
    deadline: fc.bigInt(1n, 2n ** 64n - 1n),
    memo: fc.option(fc.string({ unit: 'grapheme', maxLength: 20 }), { nil: undefined }),
    splits: fc
      .uniqueArray(split, { maxLength: 4, selector: ({ to }) => to })
      .map((splits) => splits.sort((a, b) => (a.to < b.to ? -1 : 1))),
    want: fc.oneof(fc.constant(NOTHING_WANTED), fc.record({ asset, amount: fc.bigInt(1n, AMOUNT_BOUND - 1n) })),
    onionKey: fc.oneof(fc.constant(ZERO_HASH), bytes32),
    hints: fc.array(fc.record({ onionKey: bytes32, channelId: bytes32 }), { maxLength: 4 }),
    nonce: fc.bigInt(0n, 2n ** 128n - 1n),
  })
  .map(({ memo, ...rest }) => ({
    invoice: {
      ...rest,
      partial: rest.partial && rest.amount > 0n,
      memoHash: toHex(memoHashOf(memo)),
      hints: rest.onionKey === ZERO_HASH ? [] : rest.hints,
    },
    memo,
  }))
