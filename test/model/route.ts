import { toBytes } from '../../sdk/core/bytes.ts'
import { secretKey, WHOLE } from '../../sdk/core/outcome.ts'
import { type Address, COIN, type Hex } from '../../sdk/core/types.ts'
import type { PartPolicy } from '../../sdk/protocols/admission.ts'
import type { PartEffect, PartEvent, PartStep } from '../../sdk/protocols/forwarding.ts'
import {
  decided,
  type Edge,
  hopPart,
  type Incoming,
  isLive,
  isOver,
  type KeyView,
  type Mode,
  type Outgoing,
  overdue,
  type Part,
  type Price,
  payeePart,
  payerPart,
  worth,
} from '../../sdk/protocols/part.ts'

// A route on which honest parties run the real state machine of a part, and all others are one coalition that shares what it knows.
// Link i is the channel between party i, who pays, and party i + 1. Links inside of the coalition hold nobody else's money and are left out.

const REGISTRY = { chainId: 31337n, condition: `0x${'4e'.repeat(20)}` } as const
const SECRET: Hex = `0x${'5e'.repeat(32)}`
const KEY = secretKey(REGISTRY, toBytes(SECRET))
const TOKEN: Address = `0x${'70'.repeat(20)}`
const AMOUNT = 1_000n
export const FEE = 10n
const REVEAL_COST = 5n
const MARGIN = 600n
/** The longest in which a reveal is recorded. */
const RESPONSE = 300n
const GRACE = 60n
const DEADLINE = 1_800_007_200n
/** What the coalition may ask to be left of a transfer that it cancels. */
const RESIDUALS = [0n, 20n]

const ROOM = { parts: 8, value: 10_000n, residuals: 100n }
const scalarHex = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`
/** The curve with its discrete logarithm for a name: the coalition's knowledge is tracked apart, so nothing rests on its being hard. */
const POINTS: PartPolicy['points'] = {
  verifyScalar: (point, scalar) => point === scalar,
  subtract: (a, b) => scalarHex(BigInt(a) - BigInt(b)),
}
export const POLICY: PartPolicy = {
  margin: MARGIN,
  responseTime: RESPONSE,
  maxLock: 86_400n,
  minimum: 1n,
  revealCost: REVEAL_COST,
  room: { incoming: ROOM, outgoing: ROOM },
  points: POINTS,
}

export type Rules = (part: Part, event: PartEvent, policy: PartPolicy) => PartStep

/** One hop is paid in one asset and pays in another. */
export interface Swap {
  readonly hop: number
  readonly price: Price
  /** What is locked to it, if that is not its worth and its fee. */
  readonly offer?: bigint
}

export interface Setting {
  readonly parties: number
  /** Bit i: party i belongs to the coalition. */
  readonly coalition: number
  readonly mode: Mode
  readonly rules: Rules
  readonly policy: PartPolicy
  readonly swap?: Swap
  /** Payer and payee are one: it gives one asset for another, and knows the secret. */
  readonly isCircle?: boolean
}

interface Link {
  readonly status: 'none' | 'queued' | 'live' | 'closed'
  readonly amount: bigint
  /** Paid off chain. */
  readonly moved: bigint
  /** A cancel that was signed but not acknowledged would leave this. */
  readonly leaving: bigint | undefined
  /** What an honest payee lets the coalition leave. */
  readonly wish: bigint | undefined
  readonly disputed: boolean
  /** What an honest payee asks an honest payer, on its way. */
  readonly message: PartEvent | undefined
}

/** All that is the case at one moment. */
export interface World {
  /** Index of the moment. */
  moment: number
  /** Moment in which the secret was recorded. */
  recorded: number | undefined
  /** Moment in which each party sent the secret to the registry. */
  readonly sent: (number | undefined)[]
  readonly parts: (Part | undefined)[]
  readonly links: Link[]
  /** The coalition knows the secret; bit i: the scalar of link i. */
  knowsSecret: boolean
  scalars: number
  /** Names of the links, then of the parts; undefined where something changed since. */
  readonly labels: (string | undefined)[]
}

export type Move = readonly [name: string, world: World]

const UNTOUCHED = {
  status: 'none',
  moved: 0n,
  leaving: undefined,
  wish: undefined,
  disputed: false,
  message: undefined,
} as const

/** The same route again and again: its moves, and what must hold at its end. */
export class Route {
  readonly setting: Setting
  readonly last: number
  readonly moments: readonly bigint[]
  readonly #names = new Map<string, string>()

  constructor(setting: Setting) {
    this.setting = setting
    this.last = setting.parties - 1
    this.moments = this.#moments()
  }

  isHonest = (party: number): boolean => (this.setting.coalition & (1 << party)) === 0

  /** In the asset of the link. */
  amountOf = (link: number): bigint => {
    if (link === this.last - 1) return AMOUNT
    const { swap } = this.setting
    const fair = this.worthTo(link + 1, this.amountOf(link + 1)) + FEE
    return swap?.hop === link + 1 ? (swap.offer ?? fair) : fair
  }

  /** What a party that pays `amount` must be paid for it. */
  worthTo = (party: number, amount: bigint): bigint => worth(this.#priceOf(party), amount)

  #priceOf = (party: number): Price | undefined => {
    const { swap } = this.setting
    return swap?.hop === party ? swap.price : undefined
  }

  deadlineOf = (link: number): bigint =>
    DEADLINE + (this.setting.mode === 'plain' ? MARGIN * BigInt(this.last - 1 - link) : 0n)

  /** Only the moments at which something changes; what is recorded in one is confirmed in the next. */
  #moments(): bigint[] {
    const deadlines = Array.from({ length: this.last }, (_, link) => this.deadlineOf(link))
    const around = deadlines.flatMap((deadline) => [deadline - MARGIN, deadline - 1n, deadline])
    const end = deadlines[0]! + 1n
    // Confirmed in the end: the last deadline, then that it has passed, then that the grace has.
    const all = [DEADLINE - 7_200n, ...around, end, end + GRACE, end + GRACE + 1n]
    return [...new Set(all)].sort((a, b) => (a < b ? -1 : 1))
  }

  /** Each share is a power of 16, so no sum of them is another one. */
  #scalar = (link: number): bigint => {
    let sum = 1n
    for (let share = 0; share <= link; share++) sum += 16n ** BigInt(share + 1)
    return sum
  }

  #edge(link: number, me: 0 | 1): Edge {
    const transfer = {
      amount: this.amountOf(link),
      deadline: this.deadlineOf(link),
      refundTo: 0,
      legs: [{ to: 1, key: KEY }],
    }
    const point = this.setting.mode === 'plain' ? undefined : scalarHex(this.#scalar(link))
    const asset = link < (this.setting.swap?.hop ?? this.last) ? COIN : TOKEN
    return { registry: REGISTRY, asset, transfer, me, point }
  }

  #part(party: number): Part | undefined {
    const { mode } = this.setting
    if (!this.isHonest(party)) return undefined
    const scalar = party === this.last ? this.#scalar(party - 1) : 16n ** BigInt(party + 1)
    const terms = { mode, minimumMode: mode, scalar: mode === 'plain' ? undefined : scalarHex(scalar) }
    if (party === 0) return payerPart({ ...terms, scalar: undefined }, this.#edge(0, 0))
    if (party === this.last) return payeePart(terms, this.#edge(party - 1, 1))
    const price = this.#priceOf(party)
    return hopPart({ ...terms, fee: FEE, ...(price && { price }) }, this.#edge(party - 1, 1), this.#edge(party, 0))
  }

  start(): World {
    const world: World = {
      moment: 0,
      recorded: undefined,
      sent: Array.from({ length: this.last + 1 }, () => undefined),
      parts: Array.from({ length: this.last + 1 }, (_, party) => this.#part(party)),
      links: Array.from({ length: this.last }, (_, link) => ({ ...UNTOUCHED, amount: this.amountOf(link) })),
      knowsSecret: !this.isHonest(this.last),
      scalars: 0,
      labels: [],
    }
    if (!this.isHonest(this.last)) this.#learnScalar(world, this.last - 1)
    this.#look(world)
    this.#feed(world, 0, { kind: 'send' })
    return world
  }

  /** Whoever knows a scalar knows its neighbours' across a hop whose share it knows; the payer knows all shares. */
  #learnScalar(world: World, link: number): void {
    world.scalars |= 1 << link
    for (let before = 0; before !== world.scalars; ) {
      before = world.scalars
      for (let hop = 1; hop < this.last; hop++) {
        const pair = 3 << (hop - 1)
        const isShareKnown = !this.isHonest(hop) || !this.isHonest(0)
        if (isShareKnown && world.scalars & pair) world.scalars |= pair
      }
    }
  }

  viewOf({ moment, recorded }: World): KeyView {
    const outcome = recorded === undefined ? undefined : { value: WHOLE, recordedAt: this.moments[recorded]! }
    const confirmedOutcome = recorded !== undefined && recorded < moment ? outcome : undefined
    return { now: this.moments[moment]!, confirmed: this.moments[Math.max(0, moment - 1)]!, outcome, confirmedOutcome }
  }

  #look(world: World): void {
    for (let party = 0; party <= this.last; party++)
      this.#feed(world, party, { kind: 'view', view: this.viewOf(world) })
  }

  #feed(world: World, party: number, event: PartEvent): void {
    const part = world.parts[party]
    if (!part) return
    const { next, effects } = this.setting.rules(part, event, this.setting.policy)
    world.parts[party] = next
    world.labels[this.last + party] = undefined
    for (const effect of effects) this.#perform(world, party, effect)
  }

  #change(world: World, link: number, change: Partial<Link>): Link {
    const next = { ...world.links[link]!, ...change }
    world.links[link] = next
    world.labels[link] = undefined
    return next
  }

  #perform(world: World, party: number, effect: PartEffect): void {
    const [into, out] = [party - 1, party]
    const link = world.links[effect.kind.startsWith('ask') ? into : out]
    switch (effect.kind) {
      case 'lockOut':
        if (link!.status === 'none' && !link!.disputed) this.#change(world, out, { status: 'queued' })
        return
      case 'unlockOut':
        if (link!.status === 'live' && !link!.disputed) this.#unlock(world, out)
        return
      case 'cancelOut':
        if (link!.status !== 'live' || link!.disputed) return
        this.#change(world, out, { leaving: effect.residual })
        if (this.isHonest(party + 1)) this.#cancelled(world, out, effect.residual)
        return
      case 'askUnlock':
        this.#ask(world, into, { ...effect, kind: 'unlockAsked' })
        if (this.isHonest(into)) return
        if (effect.secret !== undefined) world.knowsSecret = true
        if (effect.scalar !== undefined) this.#learnScalar(world, into)
        return
      case 'askCancel':
        this.#change(world, into, { wish: effect.residual })
        this.#ask(world, into, { ...effect, kind: 'cancelAsked' })
        return
      case 'reveal':
        world.sent[party] ??= world.moment
        // A transaction that waits can be read by all.
        world.knowsSecret = true
        return
    }
  }

  #ask(world: World, link: number, message: PartEvent): void {
    if (this.isHonest(link)) this.#change(world, link, { message })
  }

  #unlock(world: World, link: number): void {
    const { amount, moved } = world.links[link]!
    this.#change(world, link, { status: 'closed', amount: 0n, moved: moved + amount, leaving: undefined })
    this.#feed(world, link, { kind: 'unlockedOut', value: WHOLE })
    this.#feed(world, link + 1, { kind: 'unlockedIn', value: WHOLE })
  }

  #cancelled(world: World, link: number, residual: bigint): void {
    const status = residual > 0n ? 'live' : 'closed'
    this.#change(world, link, { status, amount: residual, leaving: undefined, wish: undefined })
    this.#feed(world, link + 1, { kind: 'cancelledIn', residual })
    this.#feed(world, link, { kind: 'cancelledOut', residual })
  }

  #record(world: World): void {
    world.recorded = world.moment
    world.knowsSecret = true
    this.#look(world)
  }

  /** Everything that anybody can do next. */
  moves(world: World): Move[] {
    const moves: Move[] = []
    const add = (name: string, act: (next: World) => void) => {
      const next = copy(world)
      act(next)
      moves.push([name, next])
    }
    if (world.moment + 1 < this.moments.length) add('time passes', (next) => this.#pass(next))
    const canRecord = world.knowsSecret || world.sent.some((at) => at !== undefined)
    if (world.recorded === undefined && canRecord) add('the secret is recorded', (next) => this.#record(next))
    for (let link = 0; link < this.last; link++) this.#linkMoves(world, link, add)
    for (let party = 0; party <= this.last; party++) if (this.isHonest(party)) this.#partyMoves(world, party, add)
    if (this.isHonest(this.last)) {
      const payee = this.last
      add('the payee has all', (next) => {
        this.#feed(next, payee, { kind: 'complete', secret: SECRET })
        const { secret } = next.parts[payee]!
        if (this.setting.isCircle && secret !== undefined) this.#feed(next, 0, { kind: 'secretSeen', secret })
      })
      add('the payee gives up', (next) => this.#feed(next, payee, { kind: 'giveUp' }))
    }
    return moves
  }

  #pass(world: World): void {
    world.moment++
    const now = this.moments[world.moment]!
    const isDue = (at: number | undefined) => at !== undefined && this.moments[at]! + RESPONSE <= now
    if (world.recorded === undefined && world.sent.some(isDue)) world.recorded = world.moment
    this.#look(world)
    for (let party = 0; party <= this.last; party++) this.#feed(world, party, { kind: 'crank' })
  }

  #restart(world: World, party: number): void {
    const part = world.parts[party]!
    const forget = <T extends object | undefined>(side: T): T => side && { ...side, disputed: false }
    world.parts[party] = {
      ...part,
      incoming: forget(part.incoming),
      outgoing: forget(part.outgoing),
      view: undefined,
    }
    for (const link of [party - 1, party])
      if (world.links[link]?.message) this.#change(world, link, { message: undefined })
    if (part.outgoing?.status === 'locking' && world.links[party]!.status === 'queued') {
      this.#change(world, party, { status: 'none' })
      this.#feed(world, party, { kind: 'lockFailed' })
    }
    if (part.incoming?.disputed) this.#feed(world, party, { kind: 'disputed', side: 'incoming', disputed: true })
    if (part.outgoing?.disputed) this.#feed(world, party, { kind: 'disputed', side: 'outgoing', disputed: true })
    this.#feed(world, party, { kind: 'view', view: this.viewOf(world) })
    this.#feed(world, party, { kind: 'crank' })
  }

  #partyMoves(world: World, party: number, add: (name: string, act: (next: World) => void) => void): void {
    add(`${party} starts again`, (next) => this.#restart(next, party))
    // By a waiting transaction, the registry's events, or another part of the same key.
    if (world.knowsSecret && world.parts[party]!.secret === undefined)
      add(`${party} sees the secret`, (next) => this.#feed(next, party, { kind: 'secretSeen', secret: SECRET }))
  }

  #linkMoves(world: World, link: number, add: (name: string, act: (next: World) => void) => void): void {
    const [payer, payee] = [this.isHonest(link), this.isHonest(link + 1)]
    if (payer && payee) this.#honestMoves(world, link, add)
    if (payer) this.#lockMoves(world, link, add)
    if (payer && !payee) this.#payeeMoves(world, link, add)
    if (!payer && payee) this.#payerMoves(world, link, add)
  }

  #honestMoves({ links }: World, link: number, add: (name: string, act: (next: World) => void) => void): void {
    const { message, disputed } = links[link]!
    if (!message || disputed) return
    add(`${link} hears ${message.kind}`, (next) => {
      this.#change(next, link, { message: undefined })
      this.#feed(next, link, message)
    })
  }

  #lockMoves({ links }: World, link: number, add: (name: string, act: (next: World) => void) => void): void {
    if (links[link]!.status !== 'queued') return
    add(`${link} locks`, (next) => {
      this.#change(next, link, { status: 'live' })
      this.#feed(next, link, { kind: 'lockedOut' })
      this.#feed(next, link + 1, { kind: 'lockedIn' })
    })
    add(`${link} cannot lock`, (next) => {
      this.#change(next, link, { status: 'none' })
      this.#feed(next, link, { kind: 'lockFailed' })
    })
  }

  /** The coalition is paid by an honest party. */
  #payeeMoves(world: World, link: number, add: (name: string, act: (next: World) => void) => void): void {
    const { status, disputed, amount, leaving } = world.links[link]!
    // A dispute about a closed link is about nothing.
    if (disputed || status === 'closed') return
    if (status !== 'live') {
      add(`${link} is disputed`, (next) => this.#dispute(next, link))
      return
    }
    for (const shown of this.#showable(world, link))
      add(`${link} is asked to pay, shown ${Object.keys(shown).join(' and ')}`, (next) =>
        this.#feed(next, link, { kind: 'unlockAsked', value: WHOLE, secret: undefined, scalar: undefined, ...shown }),
      )
    for (const residual of RESIDUALS)
      if (residual < amount && leaving === undefined)
        add(`${link} is asked to take back all but ${residual}`, (next) =>
          this.#feed(next, link, { kind: 'cancelAsked', residual }),
        )
    if (leaving !== undefined)
      add(`${link} has its cancel acknowledged`, (next) => this.#cancelled(next, link, leaving))
    // With the older state if a cancel is not acknowledged: the newer one is as if it had been, and then disputed.
    add(`${link} is disputed`, (next) => this.#dispute(next, link))
  }

  /** The coalition need not show all that it knows. */
  #showable({ knowsSecret, scalars }: World, link: number): { secret?: Hex; scalar?: Hex }[] {
    const shown: { secret?: Hex; scalar?: Hex }[] = []
    const scalar = scalarHex(this.#scalar(link))
    const isScalarKnown = (scalars & (1 << link)) !== 0
    if (knowsSecret) shown.push({ secret: SECRET })
    if (isScalarKnown) shown.push({ scalar })
    if (knowsSecret && isScalarKnown) shown.push({ secret: SECRET, scalar })
    return shown
  }

  /** The coalition pays an honest party. */
  #payerMoves({ links }: World, link: number, add: (name: string, act: (next: World) => void) => void): void {
    const { status, disputed, wish } = links[link]!
    if (disputed || status === 'closed') return
    add(`${link} is disputed`, (next) => this.#dispute(next, link))
    if (status === 'none')
      add(`${link} locks`, (next) => {
        this.#change(next, link, { status: 'live' })
        this.#feed(next, link + 1, { kind: 'lockedIn' })
      })
    if (status !== 'live') return
    add(`${link} pays`, (next) => this.#unlock(next, link))
    if (wish !== undefined) add(`${link} takes back all but ${wish}`, (next) => this.#cancelled(next, link, wish))
  }

  #dispute(world: World, link: number): void {
    this.#change(world, link, { disputed: true, message: undefined })
    this.#feed(world, link, { kind: 'disputed', side: 'outgoing', disputed: true })
    this.#feed(world, link + 1, { kind: 'disputed', side: 'incoming', disputed: true })
  }

  /**
   * What can still matter of a world, as a text: worlds of one name have the same future. Of an entry only which deadlines it is in time
   * for, of reveals on their way only the first, of scalars only those that release something, of a closed link only what was paid.
   */
  nameOf(world: World): string {
    const { moment, recorded, sent, parts, links, knowsSecret, scalars, labels } = world
    const entry =
      recorded === undefined ? `${Math.min(...sent.map((at) => at ?? 99))}` : this.#classOf(recorded, moment)
    let useful = 0
    let name = this.#short(`${moment}.${entry}.${knowsSecret}`)
    for (let link = 0; link < this.last; link++) {
      if (links[link]!.status !== 'closed' && this.isHonest(link)) useful |= scalars & (1 << link)
      name += labels[link] ??= this.#short(nameOfLink(links[link]!))
    }
    for (let party = 0; party <= this.last; party++) {
      const part = parts[party]
      if (part) name += labels[this.last + party] ??= this.#short(nameOfPart(part))
    }
    return name + this.#short(`${useful}`)
  }

  /** A character for each name, so that worlds have short ones. */
  #short(name: string): string {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    if (this.#names.size > 0xff_ff) throw new Error('There are more names than characters.')
    const short = String.fromCharCode(this.#names.size)
    this.#names.set(name, short)
    return short
  }

  #classOf(recorded: number, moment: number): string {
    const at = this.moments[recorded]!
    const inTime = this.setting.mode === 'plain' ? this.moments.filter((time) => time >= at).length : at <= DEADLINE
    return `${recorded < moment ? 'c' : 'n'}${inTime}`
  }

  isEnd = ({ moment }: World): boolean => moment + 1 === this.moments.length

  /** What the payee of a link has in the end: the registry divides what is locked still. */
  paidOver({ links, recorded }: World, link: number): bigint {
    const { status, amount, moved } = links[link]!
    const isPaid = recorded !== undefined && this.moments[recorded]! <= this.deadlineOf(link)
    return status === 'live' && isPaid ? moved + amount : moved
  }

  /** What is broken at the end; undefined if nothing is. */
  breach(world: World): string | undefined {
    for (let party = 0; party <= this.last; party++) {
      const part = world.parts[party]
      const found = part && (this.#stuck(world, part) ?? this.#loss(world, party, part))
      if (found !== undefined) return `party ${party} ${found}`
    }
    return undefined
  }

  /** Money of an honest party that the chain has decided in its favour, and that it would not go for. */
  #stuck(world: World, part: Part): string | undefined {
    const { incoming, outgoing } = part
    const view = this.viewOf(world)
    const waits = (side: Incoming | Outgoing | undefined, isOwn: (value: bigint) => boolean) =>
      side !== undefined && isLive(side) && !side.disputed && isOwn(decided(side, view)!)
    const isOwed = waits(incoming, (value) => value > 0n) || waits(outgoing, (value) => value < WHOLE)
    return isOwed && overdue(part, GRACE) === undefined ? 'has money locked for ever' : undefined
  }

  #loss(world: World, party: number, part: Part): string | undefined {
    const gained = party === 0 ? 0n : this.paidOver(world, party - 1)
    const spent = party === this.last ? 0n : this.paidOver(world, party)
    if (party === 0 && this.setting.isCircle && spent > 0n)
      return this.paidOver(world, this.last - 1) < AMOUNT ? `gives ${spent} and does not get` : undefined
    if (party === 0) {
      const hasProof = part.secret !== undefined || world.recorded !== undefined
      return spent > 0n && !hasProof ? 'pays without a proof' : undefined
    }
    if (party === this.last)
      return part.secret !== undefined && gained < AMOUNT ? 'shows the secret and is not paid' : undefined
    const value = this.worthTo(party, spent)
    if (gained < value) return `loses principal: receives ${gained}, pays ${value}`
    // A payer of the coalition moves its own money, by whatever way it likes: nobody is skipped then.
    const isSkipped = this.isHonest(0) && this.paidOver(world, 0) === this.amountOf(0) && this.#hasServed(part)
    return isSkipped && gained - value < FEE - REVEAL_COST ? `is skipped: keeps ${gained - value}` : undefined
  }

  /** Whether it had locked towards the payee. */
  #hasServed = ({ outgoing, refused }: Part): boolean => refused === undefined && outgoing?.status !== 'planned'
}

const nameOfMessage = (message: PartEvent | undefined): string => {
  if (message?.kind === 'cancelAsked') return `c${message.residual}`
  return message?.kind === 'unlockAsked' ? `u${message.secret ? 1 : 0}${message.scalar ? 1 : 0}` : ''
}

const nameOfLink = ({ status, amount, moved, leaving, wish, disputed, message }: Link): string =>
  `${status},${moved},${disputed}${status === 'closed' ? '' : `,${amount},${leaving},${wish},${nameOfMessage(message)}`}`

function nameOfPart(part: Part): string {
  const { incoming, outgoing, secret, shown, refused } = part
  const known = `${secret !== undefined},${refused !== undefined}`
  if (isOver(part)) return known
  const into = incoming && `${incoming.status},${incoming.asked}`
  const out = outgoing && `${outgoing.status},${outgoing.cancelling},${outgoing.paying}`
  return `${known},${shown !== undefined}<${into}>${out}`
}

const copy = (world: World): World => ({
  ...world,
  sent: [...world.sent],
  parts: [...world.parts],
  links: [...world.links],
  labels: [...world.labels],
})
