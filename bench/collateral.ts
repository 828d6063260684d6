import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { toBytes } from '../sdk/core/bytes.ts'
import { secretKey, WHOLE } from '../sdk/core/outcome.ts'
import { COIN, type Hex } from '../sdk/core/types.ts'
import type { PartPolicy } from '../sdk/protocols/admission.ts'
import { type PartEvent, stepPart } from '../sdk/protocols/forwarding.ts'
import { type Edge, hopPart, type Mode, overdue, type Part, payeePart, payerPart } from '../sdk/protocols/part.ts'
import { drawCollateral, type Series } from './collateral-plot.ts'

// How long a payment holds money on its way: the real state machine of every party, on a clock of its own. A message takes a second, a
// block twelve, confirmations two blocks. Sum over the channels of value times time, in payments times seconds.

const { values } = parseArgs({ options: { svg: { type: 'string', default: 'docs/collateral.svg' } } })

const [MARGIN, LENGTH, BLOCK, DEPTH] = [3_600, 7_200, 12, 24]
const LENGTHS = Array.from({ length: 9 }, (_, i) => i + 2)
const REGISTRY = { chainId: 1n, condition: COIN } as const
const SECRET: Hex = `0x${'5e'.repeat(32)}`
const KEY = secretKey(REGISTRY, toBytes(SECRET))
const ROOM = { parts: 8, value: 10_000n, residuals: 0n }
/** The curve with its discrete logarithm for a name: here nobody attacks it. */
const scalarHex = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`
const POLICY: PartPolicy = {
  margin: BigInt(MARGIN),
  responseTime: 1_800n,
  maxLock: 604_800n,
  minimum: 1n,
  revealCost: 0n,
  room: { incoming: ROOM, outgoing: ROOM },
  points: {
    verifyScalar: (point, scalar) => point === scalar,
    subtract: (a, b) => scalarHex(BigInt(a) - BigInt(b)),
  },
}

/** Who stops to answer once all is locked. */
type Silent = 'nobody' | 'payee' | 'everybody'

interface Message {
  readonly at: number
  readonly to: number
  readonly event: PartEvent
}

class Route {
  readonly #mode: Mode
  readonly #channels: number
  readonly #silent: Silent
  readonly #parts: Part[]
  #messages: Message[] = []
  #now = 0
  readonly #lockedAt: (number | undefined)[] = []
  /** Of each channel, how long its money was locked. */
  readonly #held: (number | undefined)[] = []

  constructor(mode: Mode, channels: number, silent: Silent) {
    this.#mode = mode
    this.#channels = channels
    this.#silent = silent
    this.#parts = Array.from({ length: channels + 1 }, (_, party) => this.#part(party))
  }

  #edge(channel: number, me: number): Edge {
    const apart = this.#mode === 'plain' ? MARGIN * (this.#channels - 1 - channel) : 0
    const transfer = { amount: 1_000n, deadline: BigInt(LENGTH + apart), refundTo: 0, legs: [{ to: 1, key: KEY }] }
    const point = this.#mode === 'plain' ? undefined : scalarHex(BigInt(channel + 1))
    return { registry: REGISTRY, asset: COIN, transfer, me, point }
  }

  #part(party: number): Part {
    const mode = this.#mode
    const scalar = scalarHex(BigInt(party === this.#channels ? party : 1))
    const terms = { mode, minimumMode: mode, scalar: mode === 'plain' ? undefined : scalar }
    if (party === 0) return payerPart(terms, this.#edge(0, 0))
    if (party === this.#channels) return payeePart(terms, this.#edge(party - 1, 1))
    return hopPart({ ...terms, fee: 0n }, this.#edge(party - 1, 1), this.#edge(party, 0))
  }

  /** Seconds for which the channels held the payment, all added. */
  run(): number {
    this.#look()
    this.#feed(0, { kind: 'send' })
    const end = LENGTH + MARGIN * this.#channels + 10 * BLOCK
    for (; this.#now < end && this.#open() > 0; this.#now++) {
      const due = this.#messages.filter(({ at }) => at <= this.#now)
      this.#messages = this.#messages.filter(({ at }) => at > this.#now)
      for (const { to, event } of due) this.#feed(to, event)
      if (this.#now % BLOCK === 0) this.#look()
    }
    if (this.#open() > 0) throw new Error('A channel holds money for ever.')
    return this.#held.reduce<number>((sum, held) => sum + held!, 0)
  }

  #open = (): number => this.#channels - this.#held.filter((held) => held !== undefined).length

  #look(): void {
    const [now, confirmed] = [BigInt(this.#now), BigInt(Math.max(0, this.#now - DEPTH))]
    const view = { now, confirmed, outcome: undefined, confirmedOutcome: undefined }
    for (let party = 0; party <= this.#channels; party++) {
      this.#feed(party, { kind: 'view', view })
      // From here on the chain gives it back, whatever the other end does.
      if (overdue(this.#parts[party]!, 0n)?.side === 'outgoing') this.#release(party)
    }
  }

  #release(channel: number): void {
    this.#held[channel] ??= this.#now - this.#lockedAt[channel]!
  }

  #send(to: number, event: PartEvent): void {
    this.#messages.push({ at: this.#now + 1, to, event })
  }

  #feed(party: number, event: PartEvent): void {
    const { next, effects } = stepPart(this.#parts[party]!, event, POLICY)
    this.#parts[party] = next
    for (const effect of effects) {
      if (effect.kind === 'lockOut') this.#lock(party)
      if (effect.kind === 'unlockOut') {
        this.#release(party)
        this.#feed(party, { kind: 'unlockedOut', value: WHOLE })
        this.#send(party + 1, { kind: 'unlockedIn', value: WHOLE })
      }
      if (effect.kind === 'cancelOut') {
        this.#release(party)
        this.#feed(party, { kind: 'cancelledOut', residual: effect.residual })
        this.#send(party + 1, { kind: 'cancelledIn', residual: effect.residual })
      }
      if (effect.kind === 'askUnlock') this.#ask(party, { ...effect, kind: 'unlockAsked' })
      if (effect.kind === 'askCancel') this.#ask(party, { ...effect, kind: 'cancelAsked' })
    }
  }

  #lock(party: number): void {
    this.#lockedAt[party] = this.#now
    this.#feed(party, { kind: 'lockedOut' })
    this.#send(party + 1, { kind: 'lockedIn' })
    if (party + 1 === this.#channels && this.#silent === 'nobody')
      this.#send(party + 1, { kind: 'complete', secret: SECRET })
  }

  #ask(party: number, event: PartEvent): void {
    const isSilent = this.#silent === 'everybody' || (this.#silent === 'payee' && party === this.#channels)
    if (!isSilent) this.#send(party - 1, event)
  }
}

const series: Series[] = (['nobody', 'payee', 'everybody'] as const).flatMap((silent) =>
  (['sprites', 'plain'] as const).map((mode) => ({
    mode,
    silent,
    held: LENGTHS.map((channels) => new Route(mode, channels, silent).run()),
  })),
)

console.log('Payment-seconds locked on a route, by its number of channels; in brackets the same for one channel.\n')
console.log(['mode   ', 'silent   ', ...LENGTHS.map((length) => `${length}`.padStart(16))].join(' '))
for (const { mode, silent, held } of series) {
  const cells = held.map((total, i) => `${total} (${Math.round(total / LENGTHS[i]!)})`.padStart(16))
  console.log([mode.padEnd(7), silent.padEnd(9), ...cells].join(' '))
}
writeFileSync(values.svg, drawCollateral(LENGTHS, series))
console.log(`\nDrawn in ${values.svg}.`)
