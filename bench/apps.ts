import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { curve } from '../sdk/signing/secp256k1.ts'
import { knownApps } from './apps/known.ts'
import { type Played, Player, type Rate } from './apps/player.ts'
import { count, type Judged, judge } from './apps/rules.ts'
import { tableOf } from './apps/table.ts'
import { meanOf, probe } from './probe.ts'

// Apps: what judging a move costs, whole moves between two players (in one process and memory; in two processes with TCP and SQLite,
// synchronous=FULL), and payments over a virtual channel beside direct ones. Nothing goes to a chain. A move is two signatures and two
// checks of them, one of each at either player: that is the limit printed beside.

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    ms: { type: 'string', default: '2000' },
    games: { type: 'string', default: '1,10,100' },
    /** Pipelined payments: callers that each wait for their own. */
    callers: { type: 'string', default: '512' },
  },
})
const [MS, GAMES, CALLERS] = [Number(values.ms), values.games.split(',').map(Number), Number(values.callers)]

/** What one core does in a second. */
interface Core {
  readonly signs: number
  readonly verifies: number
}

interface MoveRow extends Played {
  /** Moves a second that signatures alone allow, measured right before and after. */
  readonly limit: number
  readonly where: string
  readonly rules: 'twin' | 'bytecode'
  readonly games: number
}

interface PayRow {
  readonly way: string
  readonly callers: number
  readonly virtual: Rate & { readonly opened: number }
  readonly direct: Rate
}

/** The project's own curve: no player with one core does more. */
function coreOf(): Core {
  const [key, digest] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(9)]
  const signature = curve.sign(digest, key)
  const rate = (task: () => unknown) => {
    const once = () => {
      task()
      return 1
    }
    count(once, 50)
    return count(once, 200)
  }
  return { signs: rate(() => curve.sign(digest, key)), verifies: rate(() => curve.recover(signature, digest)) }
}

/** Moves a second of one core that only signs and checks for both players. */
const limitOf = ({ signs, verifies }: Core): number => 1 / (2 / signs + 2 / verifies)

async function inOneProcess(byCode: boolean): Promise<MoveRow[]> {
  const network = new Map()
  const start = (who: string) => Player.start({ name: `${who}-${byCode}`, network, byCode })
  const [one, other] = [await start('one'), await start('other')]
  await one.open(await other.listen())
  const play = (games: number) => one.play({ to: other.node.address, games, ms: MS })
  const rows = await movesOf('one process', byCode, play)
  for (const player of [one, other]) await player.stop()
  return rows
}

async function inTwoProcesses(folder: string, byCode: boolean): Promise<MoveRow[]> {
  const table = await tableOf(folder, { byCode })
  try {
    return await movesOf('two processes', byCode, (games) => table.play(games, MS))
  } finally {
    await table.stop()
  }
}

async function movesOf(where: string, byCode: boolean, play: (games: number) => Promise<Played>): Promise<MoveRow[]> {
  const rows: MoveRow[] = []
  for (const games of GAMES) {
    // Side by side, since a shared machine is never the same twice.
    const before = limitOf(coreOf())
    const played = await play(games)
    const limit = (before + limitOf(coreOf())) / 2
    rows.push({ where, rules: byCode ? 'bytecode' : 'twin', games, limit, ...played })
    console.error(`  ${where}, ${byCode ? 'bytecode' : 'twin'}, ${games} games: done`)
  }
  return rows
}

async function payments(folder: string, overHub: boolean): Promise<PayRow[]> {
  const table = await tableOf(folder, { overHub })
  const way = overHub ? 'over a hub' : 'one channel'
  const rows: PayRow[] = []
  try {
    for (const callers of [1, CALLERS]) {
      const before = await table.payDirectly(callers, MS / 2)
      const virtual = await table.payVirtually(callers, MS)
      const after = await table.payDirectly(callers, MS / 2)
      const mean = (of: keyof Rate) => (before[of] + after[of]) / 2
      rows.push({ way, callers, virtual, direct: { rate: mean('rate'), p50: mean('p50') } })
      console.error(`  virtual payments, ${way}, ${callers} at once: done`)
    }
    return rows
  } finally {
    await table.stop()
  }
}

const whole = (value: number) => Math.round(value).toLocaleString('en')
const three = (value: number) => Number(value.toPrecision(3))

const folder = mkdtempSync(join(tmpdir(), 'tallystick-apps-'))
try {
  const probes = [probe()]
  const cores = [coreOf()]
  const judged: Judged[] = knownApps().map((known) => judge(known, MS / 4))
  const moves: MoveRow[] = []
  for (const byCode of [false, true])
    moves.push(...(await inOneProcess(byCode)), ...(await inTwoProcesses(folder, byCode)))
  const pays = [...(await payments(folder, false)), ...(await payments(folder, true))]
  cores.push(coreOf())
  probes.push(probe())
  const mean = (of: keyof Core) => cores.reduce((sum, core) => sum + core[of], 0) / cores.length
  report({ signs: mean('signs'), verifies: mean('verifies') }, judged, moves, pays, meanOf(probes).line)
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ cores, judged, moves, pays }, null, 2)}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function report(core: Core, judged: Judged[], moves: MoveRow[], pays: PayRow[], machine: string): void {
  const limit = limitOf(core)
  console.log(`${machine}\n${cpus().length} x ${cpus()[0]?.model}, load ${loadavg().map(three).join(' ')}`)
  console.log(`one core signs ${whole(core.signs)} and recovers ${whole(core.verifies)} a second:`)
  console.log(`two of each are ${whole(limit)} moves a second of one core, ${whole(2 * limit)} of two\n`)
  console.table(
    judged.map(({ name, code, twin }) => ({
      'rules alone': name,
      'bytecode/s': whole(code),
      'twin/s': whole(twin),
      'twin : bytecode': three(twin / code),
    })),
  )
  console.table(
    moves.map(({ where, rules, games, rate, limit, begun, ended }) => ({
      players: where,
      rules,
      games,
      'moves/s': whole(rate),
      'moves : limit': three(rate / (where === 'one process' ? limit : 2 * limit)),
      'begun/s': three(begun),
      'ended/s': three(ended),
    })),
  )
  console.table(
    pays.map(({ way, callers, virtual, direct }) => ({
      payments: way,
      'at once': callers,
      'virtual/s': whole(virtual.rate),
      'direct/s': whole(direct.rate),
      'virtual : direct': three(virtual.rate / direct.rate),
      'virtual p50 ms': three(virtual.p50),
      'direct p50 ms': three(direct.p50),
      'opened in ms': three(virtual.opened),
    })),
  )
}
