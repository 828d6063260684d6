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
import { artifact } from '../../test/sdk/chain/anvil.ts'

/** An example app, and one game of it. */
export interface Known {
  readonly app: App<unknown, unknown>
  readonly name: string
  readonly seats: number
  readonly opening: unknown
  readonly moves: readonly unknown[]
}

const ONE = 10n ** 18n
const word = (value: number): Hex => toHex(fromUint(BigInt(value), 32))

/** An example app with its twin, or by its bytecode alone. */
export function exampleApp<State, Move>(name: string, twin?: Twin<State, Move>): App<State, Move> {
  const { abi, bytecode } = artifact(`contracts/apps/${name}.sol/${name}`)
  const source = { abi: abi as readonly unknown[], bytecode, ...(twin && { twin: twin as Twin<unknown, unknown> }) }
  return defineApp<readonly unknown[]>(source) as App<State, Move>
}

function known<State, Move>(
  name: string,
  twin: Twin<State, Move>,
  game: { readonly seats: number; readonly opening: State; readonly moves: readonly Partial<Move>[] },
  missing?: Move,
): Known {
  const moves = game.moves.map((move) => ({ ...missing, ...move }))
  return { app: exampleApp(name, twin) as App<unknown, unknown>, name, ...game, moves }
}

/** Every example app; what a move does not use is zero. */
export function knownApps(): Known[] {
  const [salt, bids] = [word(7), [20n, 21n, 22n, 23n]]
  const commitments = bids.map((bid, bidder) => auction.commitmentTo(4 + bidder, bid, salt))
  return [
    known('TicTacToe', ticTacToe, {
      seats: 2,
      opening: ticTacToe.opening,
      moves: [0, 1, 2, 3, 5, 4, 6, 8, 7].map((cell) => ({ cell })),
    }),
    known(
      'RockPaperScissors',
      hands,
      {
        seats: 2,
        opening: hands.opening,
        moves: [{ commitment: hands.commitmentTo(1, salt) }, { hand: 2 }, { hand: 1, salt }],
      },
      { commitment: hands.NONE, hand: 0, salt: hands.NONE },
    ),
    known('VirtualChannel', channel, {
      seats: 2,
      opening: channel.opening,
      moves: Array.from({ length: 10 }, (_, index) => ({ amount: 10n ** 9n, turn: (index + 1) % 2 })),
    }),
    known('Subscription', subscription, {
      seats: 2,
      opening: subscription.opening(ONE / 12n, 12),
      moves: Array.from({ length: 12 }, (_, index) => ({ paid: index + 1, last: false })),
    }),
    known('Escrow', escrow, {
      seats: 3,
      opening: escrow.opening(ONE / 2n),
      moves: [escrow.ACTION.refuse, escrow.ACTION.call, escrow.ACTION.divide].map((action) => ({
        action,
        toSeller: ONE / 3n,
      })),
    }),
    known(
      'SealedBidAuction',
      auction,
      {
        seats: 8,
        opening: auction.opening({ bidders: 4, secondPrice: true, lot: ONE / 2n, reserve: 5n }),
        moves: [...commitments.map((commitment) => ({ commitment })), ...bids.map((bid) => ({ bid, salt }))],
      },
      { commitment: word(0), bid: 0n, salt: word(0) },
    ),
    known(
      'LimitOrderExchange',
      exchange,
      {
        seats: 4,
        opening: exchange.opening,
        moves: [
          ...[1_000n, 2_000n, 3_000n].map((base) => ({ action: exchange.ACTION.place, sells: true, base, quote: 50n })),
          { action: exchange.ACTION.pass },
          { action: exchange.ACTION.fill, order: 1, base: 700n },
          { action: exchange.ACTION.place, base: 90n, quote: 4n },
          { action: exchange.ACTION.pass },
          { action: exchange.ACTION.cancel, order: 0 },
        ],
      },
      { action: 0, order: 0, sells: false, base: 0n, quote: 0n },
    ),
  ]
}
