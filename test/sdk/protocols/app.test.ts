import { expect } from 'chai'
import fc from 'fast-check'
import { FINAL_VERSION } from '../../../sdk/core/app.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { type AppSession, isClosed, isDone, isMyTurn } from '../../../sdk/protocols/app.ts'
import type { ShownStanding } from '../../../sdk/protocols/app-disputing.ts'
import { type AppEvent, NotYourTurnError, stepApp } from '../../../sdk/protocols/app-machine.ts'
import { decodeSession, encodeSession } from '../../../sdk/protocols/app-wire.ts'
import { ALICE, BOB, CAROL, GAMES, type Game, type Player, Round, signatureOf } from './app-players.ts'

const TABLES: readonly (readonly [Game, readonly `0x${string}`[]])[] = [
  [GAMES.rock, [ALICE, BOB]],
  [GAMES.board, [BOB, ALICE]],
  [GAMES.heap3, [ALICE, BOB, CAROL]],
  [GAMES.heap4, [ALICE, BOB, ALICE, CAROL]],
  [GAMES.heap4, [ALICE, ALICE, BOB, BOB]],
]

type Deed = { readonly kind: 'deliver' | 'copy' | 'drop' | 'crash' | 'move'; readonly pick: number }

const deeds = fc.array(
  fc.record<Deed>({
    kind: fc.constantFrom('deliver', 'deliver', 'deliver', 'move', 'copy', 'drop', 'crash'),
    pick: fc.nat(),
  }),
  { maxLength: 120 },
)

const of = <T>(list: readonly T[], pick: number): T => list[pick % list.length]!

function act(round: Round, game: Game, { kind, pick }: Deed): void {
  if (kind === 'crash') of(round.players, pick).crash()
  else if (kind === 'move') moveAny(round, game, pick)
  else if (round.mail.length > 0) deliver(round, kind, pick % round.mail.length)
}

function deliver(round: Round, kind: Deed['kind'], index: number): void {
  if (kind === 'drop') round.mail.splice(index, 1)
  else round.deliver(index, kind === 'copy')
}

function moveAny(round: Round, game: Game, pick: number): void {
  const mover = round.players.find(({ session }) => isMyTurn(session))
  if (mover) mover.move(of(game.movesAt(mover.session.agreed!.state), pick))
}

/** Plays by chance; the table is met at any moment. */
const played = fc.tuple(fc.constantFrom(...TABLES), deeds).map(([[game, seats], list]) => {
  const round = new Round(game, seats)
  for (const player of round.players) player.open()
  for (const deed of list) act(round, game, deed)
  return { round, game }
})

describe('an instance of an app', () => {
  it('S8 ends alike for all, whatever is lost, doubled, reordered or forgotten in a crash', () => {
    fc.assert(
      fc.property(played, fc.nat(), ({ round, game }, pick) => {
        for (let moves = 0; !round.players.every(({ session }) => isClosed(session)); moves++) {
          expect(moves).to.be.lessThan(30)
          round.meet()
          moveAny(round, game, pick + moves)
        }
        const ends = round.players.map(({ session }) => `${session.agreed!.version}/${toHex(session.agreed!.state)}`)
        expect(new Set(ends).size).to.equal(1)
        for (const { session } of round.players)
          expect(session.closing).to.deep.equal(round.players[0]!.session.closing)
      }),
      { numRuns: 200, seed: 3 },
    )
  })

  it('S1 never signs two states of one version, and takes no event wrongly in any state', () => {
    fc.assert(
      fc.property(played, fc.nat(), fc.integer({ min: 0, max: 12 }), ({ round }, pick, version) => {
        for (const player of round.players)
          for (const event of eventsFor(player, pick, version)) {
            const before = player.session
            expectSound(before, tried(player, event))
          }
      }),
      { numRuns: 200, seed: 4 },
    )
  })

  it('reads back from the store as it was written', () => {
    fc.assert(
      fc.property(played, ({ round }) => {
        for (const { session } of round.players) expect(decodeSession(encodeSession(session))).to.deep.equal(session)
      }),
      { numRuns: 100, seed: 5 },
    )
  })

  it('takes no final signature before the end, so that play goes on', () => {
    const round = new Round(GAMES.heap, [ALICE, BOB])
    for (const player of round.players) player.open()
    round.deliverAll()
    const [alice] = round.players as [Player]
    const signature = signatureOf(BOB, FINAL_VERSION, alice.session.agreed!.state)
    alice.dispatch({ kind: 'signed', from: BOB, version: FINAL_VERSION, signature })
    expect(alice.session.closing).to.equal(undefined)
    expect(isMyTurn(alice.session)).to.equal(true)
  })

  it('is not moved by force from an older state on chain while a newer one that all signed is not shown', () => {
    const round = new Round(GAMES.heap, [ALICE, BOB])
    for (const player of round.players) player.open()
    round.deliverAll()
    const [alice, bob] = round.players as [Player, Player]
    const old = alice.session.agreed!
    const one = (player: Player) => player.move(of(GAMES.heap.movesAt(player.session.agreed!.state), 0))
    one(alice)
    round.deliverAll()
    one(bob)
    round.deliverAll()
    one(alice)
    const pending = alice.session.pending!
    const other = GAMES.heap.movesAt(old.state)[1]!
    const force = { kind: 'force', from: standingOf(alice, old), move: other } as const
    const after = alice.positionOf(GAMES.heap.rules.advance(old.state, other))
    expect(() => stepApp(alice.session, { ...force, after })).to.throw(NotYourTurnError)
    expect(alice.session.pending).to.equal(pending)
  })
})

const standingOf = ({ session }: Player, at: { state: Uint8Array; turn: number | undefined; version: number }) => {
  const clocks = session.terms.instance.seats.map(() => ({ spent: 0, moved: at.version }))
  return { ...at, clocks, since: 0n, base: at.version } satisfies ShownStanding
}

/** One of each kind, right and wrong ones. */
function eventsFor(player: Player, pick: number, version: number): AppEvent[] {
  const { session, game } = player
  const { seats } = session.terms.instance
  const from = of(seats, pick)
  const state = session.agreed?.state ?? game.opening
  const move = game.movesAt(state)[0] ?? Uint8Array.of()
  const after = move.length > 0 ? player.positionOf(game.rules.advance(state, move)) : { state, turn: undefined }
  const standing = standingOf(player, { ...player.positionOf(state), version: Math.max(version, 1) })
  const signature = signatureOf(from, version, state)
  return [
    { kind: 'staked', opening: player.positionOf(game.opening) },
    { kind: 'signed', from, version, signature },
    { kind: 'signed', from, version: FINAL_VERSION, signature },
    { kind: 'moved', move, signature, after },
    { kind: 'move', move, after },
    { kind: 'disputed' },
    { kind: 'force', from: standing, move, after },
    { kind: 'crank' },
  ]
}

function tried(player: Player, event: AppEvent): AppSession {
  try {
    player.dispatch(event)
  } catch (error) {
    expect(error).to.be.instanceOf(NotYourTurnError)
  }
  return player.session
}

function expectSound(before: AppSession, after: AppSession): void {
  expect(after.agreed?.version ?? 0).to.be.at.least(before.agreed?.version ?? 0)
  if (before.disputed) expect(after.disputed).to.equal(true)
  if (after.closing) expect(isDone(after) || after.pending?.turn === undefined).to.equal(true)
  expect(decodeSession(encodeSession(after))).to.deep.equal(after)
}
