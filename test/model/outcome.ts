import { toHex } from '../../sdk/core/bytes.ts'
import { secretKey, WHOLE } from '../../sdk/core/outcome.ts'
import { COIN, type Hex, type Transfer } from '../../sdk/core/types.ts'
import type { PartPolicy } from '../../sdk/protocols/admission.ts'
import { type PartEffect, type PartEvent, type PartStep, stepPart } from '../../sdk/protocols/forwarding.ts'
import { hopPart, type KeyView, type Part, type Piece } from '../../sdk/protocols/part.ts'
import { keyOf as bytesOf } from '../sdk/node/actors.ts'
import { Random } from '../simulation/random.ts'

// Runs at random of one honest hop that carries an outcome lock between two peers of one coalition: there are too many to see all.
//
// The coalition knows the payee's secret and records any value. Above it writes whatever the hop's ledger would take. Below it asks for
// anything, acknowledges or not, and disputes with any state that the hop has signed since its last acknowledgement. The hop shows the
// newest that it holds. It looks at the chain once in each moment; what is recorded in one is confirmed in the next.

export type Rules = typeof stepPart

/** A run after which the hop has paid more than it received. */
export interface Loss {
  readonly steps: readonly string[]
  readonly got: bigint
  readonly paid: bigint
}

const [NOW, DEADLINE, MARGIN] = [1_000n, 10_000n, 1_000n]
/** The last is after everything. */
const MOMENTS = [NOW, DEADLINE - MARGIN, DEADLINE, DEADLINE + 2n] as const
/** What a hop loses is linear in the value, but for roundings: the ends of the range show the most. */
const VALUES = [0n, WHOLE] as const
const HALF = WHOLE / 2n
const PLANS = [undefined, ...VALUES.flatMap((value) => [0, 1, 2].map((at) => ({ value, at })))]
const REGISTRY = { chainId: 1n, condition: `0x${'11'.repeat(20)}` } as const
const SECRET = toHex(bytesOf('the secret of a deal'))
const DEAL = secretKey(REGISTRY, bytesOf('the secret of a deal'))
const KEY: Hex = `0x${'22'.repeat(32)}`
const ROOM = { parts: 8, value: 1n << 100n, residuals: 0n }
export const POLICY: PartPolicy = {
  margin: MARGIN,
  responseTime: 0n,
  maxLock: DEADLINE,
  minimum: 1n,
  revealCost: 0n,
  room: { incoming: ROOM, outgoing: ROOM },
  points: { verifyScalar: () => false, subtract: (a) => a },
}

/** What the state of a lane says of the lock. */
interface Form {
  readonly stage: 'plain' | 'split' | 'led'
  readonly amount: bigint
  /** Whether the lock, or what is kept of it, still stands; and the rest. */
  readonly kept: boolean
  readonly rest: boolean
  readonly paid: bigint
}

type Change =
  | { readonly kind: 'unlock'; readonly value: bigint }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'split' }
  | { readonly kind: 'lead' }
  | { readonly kind: 'end'; readonly piece: Piece; readonly values: readonly bigint[] }

interface World {
  readonly part: Part
  readonly moment: number
  readonly above: Form
  /** As acknowledged. */
  readonly below: Form
  /** Signed by the hop, and not acknowledged. */
  readonly signed: readonly Change[]
  /** What the hop has asked for: what it may be made to give up. */
  readonly askedAbove: readonly string[]
  readonly disputed: { readonly incoming: boolean; readonly outgoing: boolean }
  /** When what is recorded; the hop sees it a moment later. */
  readonly outcome: { readonly value: bigint; readonly at: number } | undefined
  readonly secretAt: number | undefined
}

const transfer = (to: number, amount: bigint): Transfer => ({
  amount,
  deadline: DEADLINE,
  refundTo: 1 - to,
  legs: [{ to, key: KEY }],
})
const edge = (me: number, amount: bigint) => ({
  registry: REGISTRY,
  asset: COIN,
  transfer: transfer(1, amount),
  me,
  point: undefined,
})
const form = (amount: bigint): Form => ({ stage: 'plain', amount, kept: true, rest: false, paid: 0n })

const kept = ({ stage, amount }: Form): bigint => (stage === 'plain' ? amount : amount / 2n)
const rest = (all: Form): bigint => all.amount - kept(all)

/** The form after a change that a ledger takes; undefined for one that it does not. */
function changed(from: Form, change: Change): Form | undefined {
  const { stage, paid } = from
  const pay = (amount: bigint, value: bigint) => paid + (amount * value) / WHOLE
  switch (change.kind) {
    case 'unlock':
      return stage === 'plain' && from.kept ? { ...from, kept: false, paid: pay(from.amount, change.value) } : undefined
    case 'cancel':
      return stage === 'plain' && from.kept ? { ...from, kept: false } : undefined
    case 'split':
      return stage === 'plain' && from.kept ? { ...from, stage: 'split', rest: true } : undefined
    case 'lead':
      return stage === 'split' && from.kept ? { ...from, stage: 'led' } : undefined
    case 'end':
      return ended(from, change.piece, change.values)
  }
}

function ended(from: Form, piece: Piece, values: readonly bigint[]): Form | undefined {
  const legs = from.stage === 'led' || piece === 'rest' ? 2 : 1
  if (from.stage === 'plain' || !from[piece] || values.length !== legs) return undefined
  const amount = piece === 'kept' ? kept(from) : rest(from)
  const { paid } = from
  if (piece === 'rest')
    return { ...from, rest: false, paid: values[0] === WHOLE ? paid : paid + (amount * values[1]!) / WHOLE }
  const value = values[0]! + (values[1] ?? 0n)
  return { ...from, kept: false, paid: paid + (amount * (value > WHOLE ? WHOLE : value)) / WHOLE }
}

/** Whether who writes gets something back. */
function givesBack(from: Form, change: Change): boolean {
  if (change.kind === 'split' || change.kind === 'cancel') return true
  if (change.kind === 'lead') return false
  const before = change.kind === 'unlock' ? from.amount : change.piece === 'kept' ? kept(from) : rest(from)
  return changed(from, change)!.paid - from.paid < before
}

/** What the chain makes of a form. */
function divided(all: Form, value: bigint, secret: boolean): bigint {
  const part = (amount: bigint) => (amount * value) / WHOLE
  const main = all.stage === 'led' && secret ? kept(all) : part(kept(all))
  return all.paid + (all.kept ? main : 0n) + (all.rest && !secret ? part(rest(all)) : 0n)
}

const nameOf = (change: Change): string => Object.values(change).map(String).join(' ')

/** Runs at random; the first loss, if any. */
export function searchOutcome(runs: number, rules: Rules = stepPart, policy: PartPolicy = POLICY): Loss | undefined {
  const search = new Search(rules, policy)
  const random = new Random(7)
  for (let run = 0; run < runs; run++) {
    const loss = search.run(random, 24)
    if (loss) return loss
  }
  return undefined
}

class Search {
  readonly #rules: Rules
  readonly #policy: PartPolicy
  constructor(rules: Rules, policy: PartPolicy) {
    this.#rules = rules
    this.#policy = policy
  }

  /** One run of at most `steps` moves. */
  run(random: Random, steps: number): Loss | undefined {
    // What will be recorded when is the coalition's plan: nobody else sees it before.
    let world = this.#start(random.pick(PLANS), random.pick([undefined, 0, 1, 2]))
    const path: string[] = []
    for (let left = steps; left > 0; left--) {
      const moves = [...this.#moves(world)]
      if (moves.length === 0) return undefined
      // Time is one move among many, and must not be the one that is left out.
      const isLate = left <= MOMENTS.length - world.moment
      const [name, next] = isLate && world.moment < MOMENTS.length - 1 ? moves[0]! : random.pick(moves)
      path.push(name)
      world = next
      const loss = lossOf(world)
      if (loss) return { steps: path, ...loss }
    }
    return undefined
  }

  #start(outcome: World['outcome'], secretAt: number | undefined): World {
    const terms = { mode: 'outcome', minimumMode: 'outcome', scalar: undefined, fee: 10n } as const
    const world: World = {
      part: hopPart(terms, edge(1, 1_010n), edge(0, 1_000n)),
      moment: 0,
      above: form(1_010n),
      below: form(1_000n),
      signed: [],
      askedAbove: [],
      disputed: { incoming: false, outgoing: false },
      outcome,
      secretAt,
    }
    const events: PartEvent[] = [{ kind: 'view', view: viewOf(world) }, { kind: 'lockedIn' }, { kind: 'lockedOut' }]
    return events.reduce((at, event) => this.#feed(at, event), world)
  }

  /** Tells the hop, and does what it wants. */
  #feed(world: World, event: PartEvent): World {
    const { next, effects }: PartStep = this.#rules(world.part, event, this.#policy)
    return effects.reduce((at, effect) => this.#perform(at, effect), { ...world, part: next })
  }

  #perform(world: World, effect: PartEffect): World {
    switch (effect.kind) {
      case 'unlockOut':
        return this.#sign(world, { kind: 'unlock', value: effect.value })
      case 'cancelOut':
        return this.#sign(world, { kind: 'cancel' })
      case 'splitOut':
        return this.#sign(world, { kind: 'split' })
      case 'leadOut':
        return this.#sign(world, { kind: 'lead' })
      case 'endOut':
        return this.#sign(world, { kind: 'end', piece: effect.piece, values: effect.values })
      case 'askUnlock':
        return ask(world, { kind: 'unlock', value: effect.value })
      case 'askCancel':
        return ask(world, { kind: 'cancel' })
      case 'askSplit':
        return ask(world, { kind: 'split' })
      case 'askEnd':
        return ask(world, { kind: 'end', piece: effect.piece, values: effect.values })
      case 'reveal':
        return { ...world, secretAt: Math.min(world.secretAt ?? world.moment, world.moment) }
      case 'lockOut':
        return world
    }
  }

  /** The hop writes in its lane; a ledger refuses what does not fit it. */
  #sign(world: World, change: Change): World {
    const newest = world.signed.reduce((at, each) => changed(at, each)!, world.below)
    if (world.disputed.outgoing || !changed(newest, change)) return world
    if (givesBack(newest, change) && !isWanted(world.part, change))
      throw new Error(`The hop takes back unasked: ${nameOf(change)}`)
    const next = { ...world, signed: [...world.signed, change] }
    switch (change.kind) {
      case 'unlock':
        return this.#feed(next, { kind: 'unlockedOut', value: change.value })
      case 'lead':
        return this.#feed(next, { kind: 'ledOut' })
      case 'end':
        return change.piece === 'kept' ? this.#feed(next, { ...change, kind: 'endedOut' }) : next
      default:
        return next
    }
  }

  *#moves(world: World): Generator<[string, World]> {
    if (world.moment + 1 < MOMENTS.length) {
      const next = { ...world, moment: world.moment + 1 }
      yield ['time passes', this.#feed(next, { kind: 'view', view: viewOf(next) })]
    }
    yield* this.#below(world)
    yield* this.#above(world)
  }

  *#below(world: World): Generator<[string, World]> {
    if (world.disputed.outgoing) return
    for (const [name, change] of CHANGES) {
      const event = wishFor(change)
      if (event && makesSense(world, change)) yield [`below asks ${name}`, this.#feed(world, event)]
    }
    const [first, ...signed] = world.signed
    if (first)
      yield ['below acknowledges', this.#acknowledged({ ...world, below: changed(world.below, first)!, signed }, first)]
    // Which of the states it shows it need not say yet.
    const at = { ...world, disputed: { ...world.disputed, outgoing: true } }
    yield ['dispute below', this.#feed(at, { kind: 'disputed', side: 'outgoing', disputed: true })]
  }

  #acknowledged(world: World, change: Change): World {
    if (change.kind === 'cancel') return this.#feed(world, { kind: 'cancelledOut', residual: 0n })
    if (change.kind === 'split') return this.#feed(world, { kind: 'splitOut' })
    const isRest = change.kind === 'end' && change.piece === 'rest'
    return isRest ? this.#feed(world, { ...change, kind: 'endedOut' }) : world
  }

  *#above(world: World): Generator<[string, World]> {
    if (world.disputed.incoming) return
    for (const [name, change] of CHANGES) {
      const above = changed(world.above, change)
      if (!above || (givesBack(world.above, change) && !world.askedAbove.includes(name))) continue
      yield [`above writes ${name}`, this.#feed({ ...world, above }, eventOf(change))]
    }
    const disputed = { ...world, disputed: { ...world.disputed, incoming: true } }
    yield ['dispute above', this.#feed(disputed, { kind: 'disputed', side: 'incoming', disputed: true })]
  }
}

/** A wish for other values than those that the chain has decided is one that the hop compares in vain. */
function makesSense({ outcome, moment }: World, change: Change): boolean {
  if (change.kind !== 'end' && change.kind !== 'unlock') return true
  const value = change.kind === 'unlock' ? change.value : change.values.at(-1)!
  if (change.kind === 'unlock' ? value === WHOLE : change.values === BY_SECRET) return true
  const isOver = moment === MOMENTS.length - 1
  return outcome ? outcome.at < moment && value === outcome.value : isOver && value === 0n
}

/** Whether the peer below has asked for what gives the hop something back. */
function isWanted({ outgoing }: Part, change: Change): boolean {
  const { deal, wanted, cancelling } = outgoing!
  if (change.kind === 'end') return deal?.wanted[change.piece] === String(change.values)
  return change.kind === 'unlock' ? wanted === change.value : change.kind === 'split' ? !!deal : cancelling === 0n
}

function eventOf(change: Change): PartEvent {
  switch (change.kind) {
    case 'unlock':
      return { kind: 'unlockedIn', value: change.value }
    case 'cancel':
      return { kind: 'cancelledIn', residual: 0n }
    case 'split':
      return { kind: 'splitIn' }
    case 'lead':
      return { kind: 'ledIn', key: DEAL }
    case 'end':
      return { ...change, kind: 'endedIn' }
  }
}

const ends = (piece: Piece, ...all: (readonly bigint[])[]): Change[] =>
  all.map((values) => ({ kind: 'end', piece, values }))
const BY_SECRET = [WHOLE, 0n]
const ENDS = [
  ...ends('kept', ...VALUES.map((value) => [value]), ...VALUES.map((value) => [0n, value]), BY_SECRET),
  ...ends('rest', ...VALUES.map((value) => [0n, value]), BY_SECRET),
]
const CHANGES: readonly (readonly [string, Change])[] = [
  ...VALUES.map((value): Change => ({ kind: 'unlock', value })),
  { kind: 'cancel' } as const,
  { kind: 'split' } as const,
  { kind: 'lead' } as const,
  ...ENDS,
].map((change) => [nameOf(change), change] as const)

/** The wish of the peer below for a change. */
function wishFor(change: Change): PartEvent | undefined {
  switch (change.kind) {
    case 'unlock':
      return { kind: 'unlockAsked', value: change.value, secret: undefined, scalar: undefined }
    case 'cancel':
      return { kind: 'cancelAsked', residual: 0n }
    case 'split':
      return { kind: 'splitAsked', value: HALF, key: DEAL }
    case 'lead':
      return undefined
    case 'end':
      return { ...change, kind: 'endAsked', secret: change.values === BY_SECRET ? SECRET : undefined }
  }
}

const ask = (world: World, change: Change): World => {
  const name = nameOf(change)
  return world.askedAbove.includes(name) ? world : { ...world, askedAbove: [...world.askedAbove, name].sort() }
}

const formAt = ({ below, signed }: World, count: number): Form =>
  signed.slice(0, count).reduce((at, change) => changed(at, change)!, below)

function viewOf({ moment, outcome, secretAt }: World): KeyView {
  const seen = (at: number | undefined, value: bigint) =>
    at !== undefined && at < moment ? { value, recordedAt: MOMENTS[at]! } : undefined
  const [key, secret] = [seen(outcome?.at, outcome?.value ?? 0n), seen(secretAt, WHOLE)]
  return {
    now: MOMENTS[moment]!,
    confirmed: MOMENTS[moment]! - 1n,
    outcome: key,
    confirmedOutcome: key,
    secret: { outcome: secret, confirmedOutcome: secret },
  }
}

/** What the hop has lost once nothing can change any more, if anything. */
function lossOf(world: World): Omit<Loss, 'steps'> | undefined {
  if (world.moment < MOMENTS.length - 1) return undefined
  const [value, secret] = [world.outcome?.value ?? 0n, world.secretAt !== undefined]
  const got = divided(world.above, value, secret)
  for (let count = 0; count <= world.signed.length; count++) {
    const paid = divided(formAt(world, count), value, secret)
    if (paid > got) return { got, paid }
  }
  return undefined
}
