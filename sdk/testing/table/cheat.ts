import { concatBytes } from '@noble/hashes/utils.js'
import type { App } from '../../apps/define-app.ts'
import type { AppChain } from '../../chain/apps/app-chain.ts'
import { appMoveDigest, type SignedMove } from '../../core/app.ts'
import { toBytes } from '../../core/bytes.ts'
import type { Hex } from '../../core/types.ts'
import { type Agreed, type AppSession, seatsOf } from '../../protocols/app.ts'
import { TableError } from './errors.ts'
import type { Player } from './player.ts'

// What a dishonest player can send to the arbiter. Its own node is stopped first: it is honest, and would answer itself.

/** Shows the chain an agreed state that is not the newest. */
export async function showOld<State, Move>(
  player: Player<State, Move>,
  app: App<State, Move>,
  id: Hex,
  version: number,
): Promise<void> {
  const found = player.history.agreed(id).find((agreed) => agreed.version === version)
  if (!found) throw new TableError(`${player.name} holds no agreed version ${version} of this game. Play it first.`)
  await submit(player, app, id, found, () => [])
}

/** Takes back a player's last move: shows the chain the state before it, and another move from there. */
export async function moveAgain<State, Move>(
  player: Player<State, Move>,
  app: App<State, Move>,
  id: Hex,
  move: Move,
): Promise<void> {
  const mine = seatsOf(sessionOf(player, id))
  const before = player.history
    .agreed(id)
    .slice(0, -1)
    .findLast(({ turn }) => turn !== undefined && mine.includes(turn))
  if (!before) throw new TableError(`${player.name} has made no move in this game that it could take back.`)
  const bytes = app.encodeMove(move)
  const next = app.rules(sessionOf(player, id).terms.instance.seats.length).advance(before.state, bytes)
  await submit(player, app, id, before, ({ domain }) => {
    const digest = appMoveDigest(domain, id, before.version + 1, next)
    return [{ move: bytes, envelope: direct(player.signer.sign(digest)) }]
  })
}

async function submit<State, Move>(
  player: Player<State, Move>,
  app: App<State, Move>,
  id: Hex,
  { version, state, signatures }: Agreed,
  movesOf: (arbiter: AppChain) => readonly SignedMove[],
): Promise<void> {
  const { instance } = sessionOf(player, id).terms
  if (!player.isSilent) await player.silence()
  const chain = await player.connect()
  await chain.start()
  try {
    const arbiter = chain.apps!
    if (!(await arbiter.isDeployed(instance.app))) await arbiter.deploy(toBytes(app.initCode), { intent: 'deploy' })
    const agreed = { version, state, envelopes: signatures.map(direct) }
    await arbiter.submit(instance, agreed, movesOf(arbiter), { intent: 'cheat' })
  } finally {
    await chain.stop()
  }
}

function sessionOf<State, Move>({ history, name }: Player<State, Move>, id: Hex): AppSession {
  const session = history.session(id)
  if (!session) throw new TableError(`${name} does not play this game. Name one of its players.`)
  return session
}

/** A signature as the arbiter takes it. */
const direct = (signature: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0), signature)
