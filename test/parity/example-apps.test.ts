import fc from 'fast-check'
import { artifacts } from 'hardhat'
import * as escrow from '../../examples/apps/escrow/rules.ts'
import * as exchange from '../../examples/apps/limit-order-exchange/rules.ts'
import * as hands from '../../examples/apps/rock-paper-scissors/rules.ts'
import * as auction from '../../examples/apps/sealed-bid-auction/rules.ts'
import * as subscription from '../../examples/apps/subscription/rules.ts'
import * as ticTacToe from '../../examples/apps/tic-tac-toe/rules.ts'
import * as channel from '../../examples/apps/virtual-channel/rules.ts'
import { type App, defineApp } from '../../sdk/apps/define-app.ts'
import type { Twin } from '../../sdk/apps/twin.ts'
import { fromUint, toHex } from '../../sdk/core/bytes.ts'
import type { Hex } from '../../sdk/core/types.ts'
import { checkTwin, type TwinCheck } from '../../sdk/testing/index.ts'

// Random games and random states of the example apps: their twins say what their contracts say.

const ONE = 10n ** 18n
const SEED = 20_261_127

async function agree<State, Move>(name: string, twin: Twin<State, Move>, check: Omit<TwinCheck<State, Move>, 'seed'>) {
  const { abi, bytecode } = await artifacts.readArtifact(name)
  const app = defineApp<readonly unknown[]>({ abi, bytecode, twin: twin as Twin<unknown, unknown> })
  checkTwin(app as App<State, Move>, { ...check, seed: SEED })
}

const word = (value: number): Hex => toHex(fromUint(BigInt(value), 32))
const small = fc.nat(4)
/** Parts of 1e18: few units, any part, or just around all of it. */
const part = fc.oneof(fc.bigInt(0n, 40n), fc.bigInt(0n, ONE), fc.bigInt(ONE - 2n, ONE + 2n))

describe('The twins of the example apps', () => {
  it('play tic-tac-toe', () =>
    agree('TicTacToe', ticTacToe, {
      seats: 2,
      maxMoves: 20,
      openings: fc.oneof(
        fc.constant(ticTacToe.opening),
        fc.record({ board: fc.array(fc.nat(3), { minLength: 9, maxLength: 9 }) }),
      ),
      moves: () => fc.record({ cell: fc.nat(9) }),
    }))

  it('play rock, paper, scissors', () => {
    const salt = word(7)
    const commitments = [hands.NONE, ...[0, 1, 2, 3].map((hand) => hands.commitmentTo(hand, salt))]
    return agree('RockPaperScissors', hands, {
      seats: 2,
      openings: fc.record({
        commitment: fc.constantFrom(...commitments),
        hands: fc.constantFrom([0, 0], [0, 0], [1, 0], [0, 2], [3, 1], [4, 0]),
      }),
      moves: () =>
        fc.record({ commitment: fc.constantFrom(...commitments), hand: small, salt: fc.constantFrom(salt, word(8)) }),
    })
  })

  it('pay in a virtual channel', () =>
    agree('VirtualChannel', channel, {
      seats: 2,
      openings: fc.record({
        owed: fc.oneof(
          part,
          part.map((owed) => -owed),
        ),
        turn: fc.nat(3),
      }),
      moves: () => fc.record({ amount: part, turn: fc.constantFrom(0, 0, 1, 1, 2, 3) }),
    }))

  it('pay for periods of a subscription', () =>
    agree('Subscription', subscription, {
      seats: 2,
      openings: fc.oneof(
        fc.constant(subscription.opening(ONE / 10n, 10)),
        fc.record({ price: part, periods: small, paid: small, ended: fc.boolean() }),
      ),
      moves: () => fc.record({ paid: fc.nat(11), last: fc.constantFrom(false, false, true) }),
    }))

  it('sell with a referee', () =>
    agree('Escrow', escrow, {
      seats: 3,
      openings: fc.oneof(part.map(escrow.opening), fc.record({ turn: small, toSeller: part, fallbackToSeller: part })),
      moves: () => fc.record({ action: fc.nat(5), toSeller: part }),
    }))

  it('auction by sealed bids', () => {
    const commitments = (bidders: number) =>
      Array.from({ length: bidders }, (_, bidder) =>
        auction.commitmentTo(bidders + bidder, BigInt(20 + bidder), word(7)),
      )
    const terms = fc.record({
      bidders: fc.nat(9),
      secondPrice: fc.boolean(),
      lot: fc.constantFrom(0n, 0n, ONE / 2n, ONE - 30n, ONE + 1n),
      reserve: fc.constantFrom(0n, 22n),
    })
    const bid = fc.constantFrom(0n, 0n, 0n, 0n, 9n, 22n, 25n)
    const all = fc.array(bid, { minLength: 4, maxLength: 4 })
    const bids = fc.oneof(all, all, fc.array(bid, { maxLength: 5 }))
    return agree('SealedBidAuction', auction, {
      seats: 8,
      runs: 300,
      maxMoves: 12,
      openings: fc.oneof(
        terms.map((some) => auction.opening({ ...some, bidders: 4 })),
        terms.map((some) => ({ ...auction.opening(some), commitments: commitments(some.bidders) })),
        fc.tuple(terms, bids).map(([some, shown]) => ({
          ...auction.opening({ ...some, bidders: 4 }),
          commitments: commitments(shown.length % 4 === 1 ? 3 : 4),
          bids: shown,
        })),
      ),
      moves: ({ bidders, commitments: made, bids: shown }) => {
        const bidder = made.length < bidders ? made.length : shown.length
        const bid = BigInt(20 + bidder)
        return fc.record({
          commitment: fc.constant(auction.commitmentTo(bidders + bidder, bid, word(7))),
          bid: fc.constantFrom(bid, bid, bid, bid + 1n),
          salt: fc.constantFrom(word(7), word(7), word(7), word(8)),
        })
      },
    })
  })

  it('trade by limit orders', () => {
    const order = fc.record({ party: fc.nat(2), sells: fc.boolean(), base: part, quote: part })
    const few = fc.bigInt(0n, 20n)
    return agree('LimitOrderExchange', exchange, {
      seats: 4,
      openings: fc.oneof(
        fc.constant(exchange.opening),
        fc.record({
          base: fc.oneof(few, fc.constantFrom(-ONE, ONE - 3n)),
          quote: fc.oneof(few, fc.constantFrom(3n - ONE)),
          turn: fc.nat(3),
          orders: fc.array(order, { maxLength: 3 }),
        }),
        fc.constantFrom(15, 16, 17).map((count) => ({
          ...exchange.opening,
          orders: Array.from({ length: count }, (_, index) => ({ party: index % 2, sells: true, base: 9n, quote: 5n })),
        })),
      ),
      moves: () =>
        fc.record({
          action: fc.constantFrom(0, 1, 1, 2, 3, 3, 3, 4, 5),
          order: small,
          sells: fc.boolean(),
          base: few,
          quote: fc.oneof(few, part),
        }),
    })
  })
})
