import type { Chain } from '../chain/chain.ts'
import { MalformedBytesError } from '../core/codec.ts'
import { ZERO_HASH } from '../core/state.ts'
import type { Address, Domain, Hex } from '../core/types.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { Connection } from '../transport/transport.ts'
import { type Evidence, InvalidAppointmentError, openAppointment } from './appointment.ts'
import type { Clock } from './clock.ts'
import type { TowerEvent } from './events.ts'
import type { Guard } from './guard.ts'
import {
  type Offer,
  type Quote,
  type RefusalCode,
  type SignedAppointment,
  TOWER_PROTOCOL_VERSION,
  type TowerMessage,
  TowerProtocolError,
  type TowerTerms,
} from './messages.ts'
import { contentOf, signReceipt, verifyOrder } from './receipt.ts'
import { type Held, isForgotten, orderOf, type Register } from './register.ts'
import { decodeTowerMessage, encodeTowerMessage } from './wire.ts'

/** Milliseconds that a client may take for its first message. */
const GREETING = 10_000

const REASONS: Readonly<Record<RefusalCode, string>> = {
  UNPAID: 'This tower does not watch for you now. Ask for a quote and pay it, or ask its operator.',
  FULL: 'No more ledgers are taken. Forget some, or use another tower as well.',
  SLOW_DOWN: 'Too much at once. Send only the newest, later.',
  STALE: 'A newer appointment is held. Recall it, and appoint with a higher sequence.',
  INVALID: 'The appointment or its signature is not usable. Make it anew.',
  NOT_HELD: 'Nothing of yours is held here.',
  UNAVAILABLE: 'The tower cannot do this now. Try again later.',
}

export interface CounterOptions {
  readonly domain: Domain
  readonly chain: Pick<Chain, 'head'>
  readonly signer: SessionSigner
  readonly register: Register
  readonly guard: Pick<Guard, 'appointed'>
  readonly clock: Clock
  readonly terms: TowerTerms
  readonly ledgers: number
  /** Appointments and other messages that a client may send a minute. */
  readonly perMinute: number
  /** Chain seconds for which a receipt binds. */
  readonly term: bigint
  readonly traces: boolean
  readonly isPaid: (client: Address, now: bigint) => boolean | Promise<boolean>
  readonly quote: ((client: Address, months: number, now: bigint) => Promise<Quote>) | undefined
  readonly tell: (event: TowerEvent) => void
}

interface Visit {
  readonly connection: Connection
  readonly since: number
  greeted: boolean
}

/** Where clients are served: one message after the other, each client within its allowance. */
export class Counter {
  readonly #options: CounterOptions
  readonly #visits = new Map<Address, Visit>()
  readonly #allowances = new Map<Address, { left: number; at: number }>()

  constructor(options: CounterOptions) {
    this.#options = options
  }

  /** Clients that are connected. */
  get visitors(): number {
    return this.#visits.size
  }

  /** Takes a connection; a client's newer one is the living one. */
  accept(connection: Connection): void {
    const { peer } = connection
    const visit = { connection, since: this.#options.clock.elapsed(), greeted: false }
    this.#visits.get(peer)?.connection.close()
    this.#visits.set(peer, visit)
    connection.onFrame = (frame) => {
      // One at a time: what a client sends meanwhile waits with the client.
      connection.pause()
      this.#serve(visit, frame).then(
        () => connection.resume(),
        (error) => this.#reject(visit, error),
      )
    }
    connection.onClose = () => {
      if (this.#visits.get(peer) === visit) this.#visits.delete(peer)
    }
  }

  tick(): void {
    const now = this.#options.clock.elapsed()
    for (const visit of this.#visits.values())
      if (!visit.greeted && now > visit.since + GREETING)
        this.#reject(visit, new TowerProtocolError('TOWER_PROTOCOL', 'The client does not greet. Nothing to be done.'))
    for (const client of this.#allowances.keys())
      if (this.#left(client) === this.#burst) this.#allowances.delete(client)
  }

  stop(): void {
    for (const { connection } of this.#visits.values()) connection.close()
    this.#visits.clear()
  }

  #reject({ connection }: Visit, reason: Error): void {
    const { tell } = this.#options
    const isTheirs = reason instanceof MalformedBytesError || reason instanceof TowerProtocolError
    tell(isTheirs ? { kind: 'rejected', client: connection.peer, reason } : { kind: 'alarm', error: reason })
    connection.close()
  }

  async #serve(visit: Visit, frame: Uint8Array): Promise<void> {
    const message = decodeTowerMessage(frame)
    const answers = visit.greeted
      ? await this.#answer(visit.connection.peer, message)
      : await this.#greet(visit, message)
    let isFree = true
    for (const answer of answers) isFree = visit.connection.send(encodeTowerMessage(answer))
    // Whoever does not read is not served; that it hung up meanwhile is no failure.
    if (!isFree) await visit.connection.drained().catch(() => {})
  }

  async #greet(visit: Visit, message: TowerMessage): Promise<TowerMessage[]> {
    const { domain } = this.#options
    if (message.kind !== 'greet')
      throw new TowerProtocolError('TOWER_PROTOCOL', 'The first message is no greeting. Greet first.')
    const { chainId, adjudicator } = message.domain
    if (chainId !== domain.chainId || adjudicator !== domain.adjudicator)
      throw new TowerProtocolError(
        'TOWER_OF_ANOTHER_CHAIN',
        `The client is on chain ${chainId} with adjudicator ${adjudicator}, this tower on chain ${domain.chainId} with ${domain.adjudicator}. Use a tower of the same chain.`,
      )
    visit.greeted = true
    const client = visit.connection.peer
    return [
      { kind: 'greet', protocol: TOWER_PROTOCOL_VERSION, domain },
      { kind: 'offer', offer: await this.#offer(client) },
    ]
  }

  async #offer(client: Address): Promise<Offer> {
    const { terms, ledgers, traces, isPaid } = this.#options
    return { ...terms, ledgers, traces, paid: await isPaid(client, await this.#now()) }
  }

  async #now(): Promise<bigint> {
    return (await this.#options.chain.head()).timestamp
  }

  async #answer(client: Address, message: TowerMessage): Promise<TowerMessage[]> {
    switch (message.kind) {
      case 'appoint':
        return this.#appoint(client, message.appointments)
      case 'forget':
        return this.#forget(client, message)
      case 'recall': {
        const { locator } = message
        if (!this.#spend(client, 1)) return [refusal({ locator, sequence: 0n }, 'SLOW_DOWN')]
        const held = await this.#options.register.get(locator, client)
        if (!held || isForgotten(held)) return [refusal({ locator, sequence: 0n }, 'NOT_HELD')]
        return [{ kind: 'recalled', appointment: held.appointment }]
      }
      case 'quote': {
        const about = { locator: ZERO_HASH, sequence: 0n }
        if (!this.#spend(client, 1)) return [refusal(about, 'SLOW_DOWN')]
        const quote = await this.#options.quote?.(client, message.months, await this.#now()).catch(() => undefined)
        return [quote ? { kind: 'quoted', quote } : refusal(about, 'UNAVAILABLE')]
      }
      default:
        throw new TowerProtocolError('TOWER_PROTOCOL', `A client has no "${message.kind}" to say. Update it.`)
    }
  }

  async #appoint(client: Address, offered: readonly SignedAppointment[]): Promise<TowerMessage[]> {
    const { isPaid, register, guard, term, tell } = this.#options
    if (!this.#spend(client, offered.length)) return offered.map((one) => refusal(one, 'SLOW_DOWN'))
    const from = await this.#now()
    if (!(await isPaid(client, from))) return offered.map((one) => refusal(one, 'UNPAID'))
    const checked = offered.map(({ signature, ...appointment }) => {
      const held: Held = { client, appointment, signature, from, until: from + term }
      return { held, ...this.#check(held) }
    })
    const usable = checked.filter(({ isValid }) => isValid)
    const isKnown = await Promise.all(usable.map(({ held }) => register.get(held.appointment.locator, client)))
    const verdicts = await register.put(
      client,
      usable.map(({ held }) => held),
    )
    const receipts = []
    const refusals = checked.filter(({ isValid }) => !isValid).map(({ held }) => refusal(held.appointment, 'INVALID'))
    for (const [index, { held, evidence }] of usable.entries()) {
      const verdict = verdicts[index]
      if (verdict) refusals.push(refusal(held.appointment, verdict.code, verdict.held))
      else receipts.push(this.#receipt(held))
      if (!verdict) guard.appointed(held.appointment.locator, isKnown[index] ? undefined : evidence)
    }
    if (receipts.length === 0) return refusals
    tell({ kind: 'appointed', client, count: receipts.length })
    return [{ kind: 'receipts', receipts }, ...refusals]
  }

  /** A clear appointment is read at once; of a sealed one only who made it can be known. */
  #check(held: Held): { readonly isValid: boolean; readonly evidence?: Evidence } {
    const { domain, signer } = this.#options
    if (!verifyOrder(domain, signer.address, held.client, orderOf(held))) return { isValid: false }
    if (held.appointment.sealed) return { isValid: true }
    try {
      return { isValid: true, evidence: openAppointment(domain, held.appointment) }
    } catch (error) {
      if (error instanceof InvalidAppointmentError) return { isValid: false }
      throw error
    }
  }

  #receipt({ client, appointment, from, until }: Held) {
    const { domain, signer } = this.#options
    const { locator, sequence } = appointment
    return signReceipt(domain, signer, { client, locator, sequence, content: contentOf(appointment), from, until })
  }

  async #forget(client: Address, message: Extract<TowerMessage, { kind: 'forget' }>): Promise<TowerMessage[]> {
    const { register, domain, signer } = this.#options
    if (!this.#spend(client, 1)) return [refusal(message, 'SLOW_DOWN')]
    const { locator, sequence, signature } = message
    const before = await register.get(locator, client)
    if (!before) return [refusal(message, 'NOT_HELD')]
    const appointment = { locator, sequence, worth: 0, sealed: before.appointment.sealed, body: new Uint8Array() }
    const held = { ...before, appointment, signature }
    if (!verifyOrder(domain, signer.address, client, orderOf(held))) return [refusal(message, 'INVALID')]
    const [verdict] = await register.put(client, [held])
    return [verdict ? refusal(message, verdict.code, verdict.held) : message]
  }

  /** A client that comes back may bring all its ledgers at once. */
  get #burst(): number {
    return Math.max(this.#options.perMinute, 2 * this.#options.ledgers)
  }

  #left(client: Address): number {
    const { clock, perMinute } = this.#options
    const known = this.#allowances.get(client)
    if (!known) return this.#burst
    return Math.min(this.#burst, known.left + ((clock.elapsed() - known.at) * perMinute) / 60_000)
  }

  #spend(client: Address, cost: number): boolean {
    const left = this.#left(client)
    if (left < cost) return false
    this.#allowances.set(client, { left: left - cost, at: this.#options.clock.elapsed() })
    return true
  }
}

const refusal = (
  { locator, sequence }: { readonly locator: Hex; readonly sequence: bigint },
  code: RefusalCode,
  held = 0n,
): TowerMessage => ({ kind: 'refused', locator, sequence, held, code, reason: REASONS[code] })
