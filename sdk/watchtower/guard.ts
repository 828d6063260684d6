import type { Chain, ChainEvent, ChainReceipt, DisputeFeed, Head, LedgerView } from '../chain/chain.ts'
import { ledgerName } from '../core/channel.ts'
import type { Address, Channel, Domain, Hex, LedgerRef } from '../core/types.ts'
import { decodeWord } from '../core/word.ts'
import type { ChainFacts } from '../protocols/ledger.ts'
import type { Store } from '../storage/store.ts'
import { Answering } from './answering.ts'
import { clearLocator, type Evidence, openAppointment, sealOf } from './appointment.ts'
import type { Clock } from './clock.ts'
import { type Dispute, Disputes } from './disputes.ts'
import {
  HiddenChannelError,
  LateAnswerError,
  MissedAnswerError,
  type TowerEvent,
  UnusableAppointmentError,
} from './events.ts'
import type { Held, Register } from './register.ts'
import {
  type Answer,
  type Case,
  isMissed,
  type Settlement,
  type TowerAction,
  type WatchPolicy,
  watch,
} from './watching.ts'

// What the chain says about disputes, and what the register holds for them.

/** Ticks between attempts to find a channel that no transaction shows. */
const SEARCH_EVERY = 60
/** Cases that are looked at in each tick although nothing told of a change: what a lagging RPC said is put right. */
const AUDITED = 8
/** Views in a row that may be older than the newest one and are left aside. */
const LATE_VIEWS = 3

export interface GuardOptions {
  readonly domain: Domain
  readonly chain: Chain & DisputeFeed
  readonly store: Store
  readonly register: Register
  readonly clock: Clock
  readonly policy: WatchPolicy
  readonly tell: (event: TowerEvent) => void
}

interface Opened {
  readonly evidence: Evidence
  readonly worth: number
}

/** Stands guard over the ledgers that clients have appointed. */
export class Guard {
  readonly #options: GuardOptions
  readonly #disputes: Disputes
  readonly #cases = new Map<string, Case>()
  /** By case, how many views in a row were older than the newest one. */
  readonly #late = new Map<string, number>()
  readonly #answering: Answering
  /** Work that a start or a stop has to wait for. */
  readonly #running = new Set<Promise<void>>()
  /** What was already raised the alarm about. */
  readonly #alarmed = new Set<string>()
  #ticks = 0
  #stopped = false

  constructor(options: GuardOptions) {
    this.#options = options
    this.#disputes = new Disputes(options.store, options.domain)
    this.#answering = new Answering(options.chain, options.clock, {
      sent: (action, receipt) => this.#sent(action, receipt),
      failed: (action, error) => this.#run(this.#failed(action, error)),
    })
  }

  /** Disputes about appointed ledgers that are not over. */
  get open(): number {
    return this.#cases.size
  }

  /** Takes up what an earlier run left, and follows the chain from where that ended. */
  async start(): Promise<void> {
    const { chain, tell } = this.#options
    chain.onView = (view) => this.#observe(view)
    chain.onDispute = (event) => this.#disputed(event)
    chain.onHealth = (healthy, reason) => tell({ kind: 'chain', healthy, reason })
    chain.onAlarm = (error) => tell({ kind: 'alarm', error })
    await this.#disputes.load()
    for (const [, dispute] of this.#disputes) this.#run(this.#consider(dispute))
    await chain.start()
    await this.idle()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#answering.stop()
    await this.#options.chain.stop()
    await this.idle()
  }

  /** Waits until everything that began is done, but not for transactions. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }

  /**
   * A client has appointed. Most of the time nothing follows; but the dispute may have begun before, and of a clear one that is new the
   * chain is asked, since the tower may have come after the dispute.
   */
  appointed(locator: Hex, ledger: Evidence | undefined): void {
    const known = this.#disputes.at(locator)
    if (known) this.#run(this.#consider(known))
    else if (ledger) this.#run(this.#look(ledger))
  }

  /** A moment has passed. */
  tick(): void {
    if (this.#stopped) return
    this.#ticks++
    this.#run(this.#turn())
  }

  async #turn(): Promise<void> {
    const head = await this.#options.chain.head()
    for (const [key, dispute] of this.#disputes) {
      if (this.#cases.has(key)) continue
      // Nothing can be shown any more, and it is not ours to settle.
      if (dispute.expiry < head.timestamp) this.#run(this.#forget(key))
      else if (this.#isHidden(dispute) && this.#ticks % SEARCH_EVERY === 0) this.#run(this.#consider(dispute))
    }
    const cases = [...this.#cases.values()]
    for (let i = 0; i < Math.min(AUDITED, cases.length); i++)
      this.#run(this.#refresh(cases[(this.#ticks * AUDITED + i) % cases.length]!))
    // Views come when something changes; that time has passed says the head.
    this.#act(cases.map((one) => ({ ...one, facts: one.facts && newer(one.facts, head) })))
  }

  #isHidden = ({ channel }: Dispute): boolean => !channel && this.#options.register.hasSealed

  #disputed(event: ChainEvent): void {
    const word = decodeWord(event.word)
    if (this.#stopped || word.phase !== 'disputed') return
    const { channelId, asset, transaction, block } = event
    const known = this.#disputes.get(ledgerName(event))
    const seen = { channelId, asset, transaction, block: block.number, expiry: word.expiry }
    this.#run(this.#consider({ ...seen, channel: known?.channel }))
  }

  /** Remembers a dispute and opens what was appointed for it. */
  async #consider(seen: Dispute): Promise<void> {
    const { register, domain, tell } = this.#options
    const key = ledgerName(seen)
    const isNew = this.#disputes.get(key)?.expiry !== seen.expiry
    if (isNew) await this.#disputes.keep(seen)
    const channel = this.#isHidden(seen) ? await this.#search(seen) : seen.channel
    if (channel && !seen.channel) await this.#disputes.keep({ ...seen, channel })
    const { channelId, asset, expiry, block } = seen
    const held = await register.find(clearLocator(seen))
    if (channel) held.push(...(await register.find(sealOf(domain, channel, asset).locator)))
    const opened = held.flatMap((one) => this.#opened(one, channel, asset) ?? [])
    if (opened.length === 0) return
    if (isNew || !this.#cases.has(key))
      tell({ kind: 'disputed', channelId, asset, expiry, appointments: opened.length })
    this.#enter(opened, block)
  }

  /** A clear appointment is new here: perhaps its ledger is disputed already. */
  async #look(ledger: Evidence): Promise<void> {
    const view = await this.#options.chain.view(ledger)
    if (view.latest.phase !== 'disputed') return
    const transaction = `0x${'00'.repeat(32)}` as const
    const { channelId, asset, channel } = ledger
    await this.#consider({
      channelId,
      asset,
      channel,
      transaction,
      block: view.head.number,
      expiry: view.latest.expiry,
    })
  }

  async #search(dispute: Dispute): Promise<Channel | undefined> {
    try {
      const channel = await this.#options.chain.channelOf(dispute)
      if (!channel) this.#alarm(`hidden/${ledgerName(dispute)}`, new HiddenChannelError(dispute.channelId))
      return channel
    } catch {
      // A chain that does not answer shows as unhealthy, and is asked again.
      return undefined
    }
  }

  #opened(held: Held, channel: Channel | undefined, asset: Address): Opened | undefined {
    const { appointment, client } = held
    try {
      const evidence = openAppointment(this.#options.domain, appointment, channel && { channel, asset })
      return { evidence, worth: appointment.worth }
    } catch (cause) {
      this.#alarm(`unusable/${appointment.locator}/${client}`, new UnusableAppointmentError(client, cause))
      return undefined
    }
  }

  #enter(opened: readonly Opened[], since: number): void {
    const evidence = opened.map((one) => one.evidence)
    const worth = Math.max(...opened.map((one) => one.worth))
    const { channelId, asset, channel } = evidence[0]!
    const key = ledgerName({ channelId, asset })
    const facts = this.#cases.get(key)?.facts
    const one: Case = { channelId, asset, channel, evidence, worth, since, facts }
    this.#cases.set(key, one)
    this.#options.chain.watch({ channelId, asset })
    if (facts) this.#act([one])
    else this.#run(this.#refresh(one))
  }

  #observe(view: LedgerView): void {
    const key = ledgerName(view)
    const one = this.#cases.get(key)
    if (!one || this.#stopped) return
    // Looks overlap, so an older one may arrive late. One that insists is a chain that was rolled back.
    const isLate = one.facts !== undefined && view.head.number < one.facts.head.number
    const late = isLate ? (this.#late.get(key) ?? 0) + 1 : 0
    this.#late.set(key, late)
    if (isLate && late <= LATE_VIEWS) return
    this.#late.delete(key)
    const seen = { ...one, facts: view }
    this.#cases.set(key, seen)
    const { latest } = view
    if (latest.phase === 'disputed' && isMissed(seen, view))
      this.#alarm(`missed/${key}/${latest.expiry}`, new MissedAnswerError(view, latest.expiry))
    this.#act([seen])
  }

  async #refresh(ledger: LedgerRef): Promise<void> {
    // A chain that does not answer shows as unhealthy; the next tick looks again.
    const view = await this.#options.chain.view(ledger).catch(() => undefined)
    if (view) this.#observe(view)
  }

  #act(cases: Iterable<Case>): void {
    if (this.#stopped) return
    for (const action of watch(cases, this.#options.policy)) this.#perform(action)
  }

  #perform(action: TowerAction): void {
    if (action.kind === 'close') {
      this.#run(this.#close(action))
      return
    }
    if (action.kind === 'answer' && action.isLate)
      this.#alarm(`late/${ledgerName(action)}/${action.expiry}`, new LateAnswerError(action, action.expiry))
    void this.#answering.perform(action)
  }

  #sent(action: Answer | Settlement, { transaction, gasUsed }: ChainReceipt): void {
    const { channelId, asset } = action
    const { tell } = this.#options
    if (action.kind === 'settle') tell({ kind: 'settled', channelId, asset, transaction, gasUsed })
    else {
      const versions = action.states.map(({ state }) => state.version)
      tell({ kind: 'answered', channelId, asset, expiry: action.expiry, versions, transaction, gasUsed })
    }
    this.#run(this.#refresh(action))
  }

  /** Somebody else may have been faster, which is as good; only what is still to be done is worth an alarm. */
  async #failed(action: Answer | Settlement, error: Error): Promise<void> {
    await this.#refresh(action)
    const one = this.#cases.get(ledgerName(action))
    const isNeeded = one && watch([one], this.#options.policy).some(({ kind }) => kind === action.kind)
    if (isNeeded) this.#options.tell({ kind: 'alarm', error })
  }

  async #close({ channelId, asset }: LedgerRef): Promise<void> {
    const key = ledgerName({ channelId, asset })
    if (!this.#cases.delete(key)) return
    this.#late.delete(key)
    this.#options.chain.unwatch({ channelId, asset })
    this.#options.tell({ kind: 'closed', channelId, asset })
    await this.#forget(key)
  }

  async #forget(key: string): Promise<void> {
    if (!this.#disputes.get(key)) return
    for (const about of this.#alarmed) if (about.includes(key)) this.#alarmed.delete(about)
    await this.#disputes.forget(key)
  }

  #alarm(about: string, error: Error): void {
    if (this.#alarmed.has(about)) return
    this.#alarmed.add(about)
    this.#options.tell({ kind: 'alarm', error })
  }

  #run(work: Promise<void>): void {
    const guarded = work
      .catch((error) => {
        if (!this.#stopped) this.#options.tell({ kind: 'alarm', error })
      })
      .finally(() => this.#running.delete(guarded))
    this.#running.add(guarded)
  }
}

/** The same facts at a later moment. */
const newer = (facts: ChainFacts, head: Head): ChainFacts =>
  head.number > facts.head.number ? { ...facts, head } : facts
