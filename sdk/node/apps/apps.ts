import type { App } from '../../apps/define-app.ts'
import type { AppChain } from '../../chain/apps/app-chain.ts'
import { appStateDigest, instanceIdOf } from '../../core/app.ts'
import { appAddress } from '../../core/app-address.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Address, Hex } from '../../core/types.ts'
import { type AppSession, type AppTerms, isClosed, isDone, playersOf, seatsOf } from '../../protocols/app.ts'
import { awaitsMove } from '../../protocols/app-disputing.ts'
import { type AppEffect, type AppEvent, NotYourTurnError, stepApp } from '../../protocols/app-machine.ts'
import { decodeAppStep } from '../../protocols/app-wire.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { APPS, appKey } from '../keys.ts'
import type { Peer } from '../peers/peers.ts'
import { AppDesk } from './app-desk.ts'
import { AppHearing } from './app-hearing.ts'
import { type AppJudge, AppProposals, type Registered } from './app-proposals.ts'
import { type AppRecord, AppSlot, appRecord, readAppRecord, type Spoken } from './app-slot.ts'
import { AppTelling } from './app-telling.ts'
import { AppMissingError, AppRefusedError, AppUnknownError, NoArbiterError } from './errors.ts'
import { Staking } from './staking.ts'
import { assertHubsLock, assertStakeGroup, assertTerms } from './terms.ts'

// Instances of apps at this node: who plays, what was signed, what is staked. The flowchart of one stands in protocols/app.ts.
//
//   propose ─▶ each player: known app, terms it accepts ─▶ accept (to all) ─ all accepted ─▶ stake ─ all staked ─▶ play
//                     └ no, or not all staked in time ─▶ decline: what is locked goes back

/** Milliseconds that players have to stake and to sign, and to pay once it is over. */
const PATIENCE = 60_000

/** All instances of a node. */
export class Apps {
  readonly #engine: Engine
  readonly staking: Staking
  readonly telling: AppTelling
  readonly #hearing = new AppHearing(this)
  readonly #proposals: AppProposals
  readonly #desk: AppDesk
  readonly #known = new Map<Address, Registered>()
  /** By id: those that are not over. */
  readonly slots = new Map<Hex, AppSlot>()
  /** Of apps that were not registered again since the start. */
  readonly #dormant = new Map<Hex, AppRecord>()
  #isFollowing = false
  /** When instances of an earlier process are called missing, in milliseconds of the clock that never jumps. */
  #missingFrom = Number.POSITIVE_INFINITY

  constructor(engine: Engine) {
    this.#engine = engine
    this.staking = new Staking(engine, this)
    this.telling = new AppTelling(engine)
    this.#proposals = new AppProposals(engine, this)
    this.#desk = new AppDesk(engine, this)
  }

  /** Throws {@link NoArbiterError}. */
  get arbiter(): AppChain {
    const { apps } = this.#engine.options.chain
    if (!apps) throw new NoArbiterError()
    return apps
  }

  /** Takes up instances of an earlier process: they go on once their apps are registered. */
  async load(): Promise<void> {
    for await (const [key, bytes] of this.#engine.options.store.list(APPS))
      this.#dormant.set(key.slice(APPS.length) as Hex, readAppRecord(bytes))
    if (this.#dormant.size > 0) this.#missingFrom = this.#engine.options.clock.elapsed() + PATIENCE
    if (!this.#engine.options.chain.apps) return
    this.staking.start()
    if (this.#dormant.size > 0) this.#follow()
  }

  /** Where an app stands, or will stand. */
  addressOf = ({ initCode }: App<unknown, unknown>): Address =>
    appAddress({ arbiter: this.arbiter.source.condition, initCode })

  /** Makes an app known. Instances of it that an earlier process began go on. */
  register(code: App<unknown, unknown>, judge: AppJudge | undefined): Address {
    const app = this.addressOf(code)
    this.#known.set(app, { code, judge })
    for (const [id, record] of [...this.#dormant]) {
      if (record.session.terms.instance.app !== app) continue
      this.#dormant.delete(id)
      this.#resume(record, code)
    }
    this.#follow()
    return app
  }

  /** What was declined stays so: what is locked for it may go back at any moment. */
  #resume(record: AppRecord, code: App<unknown, unknown>): void {
    const { session, isDeclined } = record
    const slot = this.#place(record, code)
    // While this node was off a dispute may have begun, and ended.
    slot.unread = true
    if (session.agreed) for (const player of slot.others) slot.accepted.set(player, ZERO_HASH)
    else if (isDeclined) slot.declined = new AppRefusedError(slot.id, this.#me, 'APP_DECLINED')
    if (slot.declined) this.staking.giveBack(slot)
    this.telling.all(slot)
    this.settle(slot)
  }

  /** The chain says something of an instance that is not at work: nobody answers there for this node. */
  unheard(id: Hex): void {
    const record = this.#dormant.get(id)
    if (record) this.#missing(id, record)
  }

  #missing(id: Hex, { session }: AppRecord): void {
    this.#engine.emitter.emit({ kind: 'alarm', error: new AppMissingError(id, session.terms.instance.app) })
  }

  #tellMissing(): void {
    if (this.#engine.options.clock.elapsed() < this.#missingFrom) return
    this.#missingFrom = Number.POSITIVE_INFINITY
    for (const [id, record] of this.#dormant) this.#missing(id, record)
  }

  /** The chain is asked from the first app on, not by nodes that play none. */
  #follow(): void {
    if (this.#isFollowing) {
      for (const slot of this.slots.values()) void this.#desk.look(slot)
      return
    }
    this.#isFollowing = true
    this.#desk.start()
  }

  #place({ session, ...about }: Omit<AppRecord, 'isDeclined'>, code: App<unknown, unknown>): AppSlot {
    const slot = new AppSlot(session, code, { ...about, since: this.#engine.options.clock.elapsed() })
    this.slots.set(session.id, slot)
    this.#dialPlayers(slot)
    return slot
  }

  /** Players may know nobody but the proposer. */
  #dialPlayers({ session, addresses }: AppSlot): void {
    for (const [seat, player] of session.terms.instance.seats.entries()) {
      const address = addresses[seat]
      if (player !== this.#me && address) this.#engine.peers.peer(player).address ??= address
    }
  }

  /** An app as it was made known here. */
  registered = (app: Address): Registered | undefined => this.#known.get(app)

  /** Whether this node plays it, though its app may not be known again yet. */
  knows = (id: Hex): boolean => this.slots.has(id) || this.#dormant.has(id)

  /**
   * Proposes an instance to its other players; resolves once it has begun. `isTimed`: its user chose how long stakes are locked. Throws
   * {@link AppRefusedError}, `InvalidTermsError`, `LockTooLongError`.
   */
  async start(terms: AppTerms, isTimed: boolean, signal?: AbortSignal): Promise<AppSlot> {
    this.#engine.assertRunning()
    signal?.throwIfAborted()
    const known = this.#known.get(terms.instance.app)
    if (!known) throw new AppUnknownError(terms.instance.app)
    this.assertTerms(terms)
    if (!isTimed && this.#needsHubs(terms)) assertHubsLock(terms, this.#now)
    for (const player of playersOf(terms.instance)) if (player !== this.#me) this.#engine.peers.assertExpected(player)
    const addresses = terms.instance.seats.map((player) => this.#engine.peers.all.get(player)?.address ?? '')
    const slot = this.sitDown(terms, { isProposer: true, addresses }, known.code)
    const forget = onAbort(signal, () => this.decline(slot, 'APP_DECLINED'))
    try {
      await slot.when(({ session }) => session.agreed !== undefined, signal)
    } finally {
      forget()
    }
    return slot
  }

  /** Takes part in a new instance, and says so. */
  sitDown(terms: AppTerms, how: Pick<AppRecord, 'isProposer' | 'addresses'>, code: App<unknown, unknown>): AppSlot {
    const slot = this.#place({ session: this.#sessionOf(terms), ...how }, code)
    this.#keep(slot)
    this.#engine.durably(() => this.telling.all(slot))
    return slot
  }

  /** Whether a stake is between players of whom this node knows no channel that they share. */
  #needsHubs({ instance: { seats }, stakes, group }: AppTerms): boolean {
    if (group) return false
    return stakes.some(({ from, to, asset }) => !this.#engine.gossip.table(asset)?.isEdge(seats[from]!, seats[to]!))
  }

  /** Throws `InvalidTermsError`. */
  assertTerms(terms: AppTerms): void {
    const { group } = terms
    assertTerms(terms, { me: this.#me, now: this.#now })
    if (group) assertStakeGroup(terms, this.#me, this.#engine.groups.find(group.channelId))
  }

  idOf = ({ instance }: AppTerms): Hex => instanceIdOf(this.arbiter.source, instance)

  #sessionOf = (terms: AppTerms): AppSession => ({
    id: this.idOf(terms),
    terms,
    me: this.#me,
    agreed: undefined,
    pending: undefined,
    closing: undefined,
    disputed: false,
  })

  get #me(): Address {
    return this.#engine.options.signer.address
  }

  get #now(): bigint {
    return this.#engine.switch.view!.now
  }

  /** One of this app that is not over. Throws {@link AppUnknownError}. */
  slot(id: Hex, code: App<unknown, unknown>): AppSlot {
    const slot = this.slots.get(id)
    if (slot?.session.terms.instance.app !== this.addressOf(code)) throw new AppUnknownError(id)
    return slot
  }

  // ---------------------------------------------------------------- what peers say

  /** Hears a peer. Throws `MalformedBytesError`, `PeerViolationError`. */
  hear(peer: Peer, body: Uint8Array): void {
    const message = decodeAppStep(body)
    if (message.kind === 'propose') {
      // It may make this node lock money, and ask its user.
      this.#engine.peers.spend(peer, 10)
      void this.#proposals.heard(peer, message)
      return
    }
    const slot = this.slots.get(message.id)
    if (!slot?.others.includes(peer.signer)) {
      this.#engine.peers.spend(peer)
      return
    }
    const before = slot.session
    this.#heard(slot, peer.signer, message)
    if (slot.session === before) this.#engine.peers.spend(peer)
  }

  /** A player has accepted. Unless it `heard` the same of this node it is told so: what came before the proposal was lost there. */
  accepts(slot: AppSlot, player: Address, onionKey: Hex, heard: boolean): void {
    const isNew = !slot.accepted.has(player)
    slot.accepted.set(player, onionKey)
    if (!heard) this.telling.all(slot, player)
    if (isNew && slot.isAccepted && !slot.session.agreed) {
      slot.since = this.#engine.options.clock.elapsed()
      void this.staking.lock(slot)
      this.staking.look(slot)
    }
  }

  #heard(slot: AppSlot, from: Address, message: Spoken): void {
    switch (message.kind) {
      case 'accept':
        this.accepts(slot, from, message.onionKey, message.heard)
        return
      case 'staked':
        this.#stakedBy(slot, from, message.terms)
        return
      case 'decline':
        if (!slot.session.agreed) this.#end(slot, new AppRefusedError(slot.id, from, message.code))
        return
      case 'signed':
        this.#hearing.signed(slot, from, message)
        return
      case 'moved':
        this.#hearing.moved(slot, from, message)
    }
  }

  /** What came too early may count now. */
  #again(slot: AppSlot): void {
    for (const [key, { from, message }] of [...slot.early]) {
      slot.early.delete(key)
      try {
        this.#heard(slot, from, message)
      } catch (error) {
        this.#engine.peers.fail(this.#engine.peers.peer(from), error as Error)
      }
    }
  }

  // ---------------------------------------------------------------- steps

  /** Feeds one event to an instance, and does what follows once that is durable. Throws for a caller's misuse. */
  dispatch(slot: AppSlot, event: AppEvent): void {
    this.#engine.assertRunning()
    const before = slot.session
    this.#step(slot, event)
    if (slot.session === before) return
    this.#keep(slot)
    this.#engine.wake()
    this.#again(slot)
  }

  #step(slot: AppSlot, event: AppEvent): void {
    const { next, effects } = stepApp(slot.session, event)
    slot.session = next
    for (const effect of effects) this.#perform(slot, effect)
  }

  #keep(slot: AppSlot): void {
    this.#engine.journal.write(appKey(slot.id), appRecord(slot))
  }

  #perform(slot: AppSlot, effect: AppEffect): void {
    const { journal, emitter, options } = this.#engine
    switch (effect.kind) {
      case 'sign': {
        const { version, state } = effect
        const signature = options.signer.sign(appStateDigest(this.arbiter.domain, slot.id, version, state))
        this.#step(slot, { kind: 'own', version, signature })
        return
      }
      case 'send':
        journal.after(() => this.telling.others(slot, effect.message))
        return
      case 'agreed': {
        const { version, turn } = effect.agreed
        slot.declined = undefined
        slot.since = options.clock.elapsed()
        journal.after(() => {
          emitter.emit({ kind: version === 1 ? 'app-started' : 'app-moved', id: slot.id, version })
          if (turn !== undefined && seatsOf(slot.session).includes(turn))
            emitter.emit({ kind: 'app-turn', id: slot.id, version, forced: false })
          this.settle(slot)
          slot.notice()
        })
        return
      }
      case 'closed':
        slot.since = options.clock.elapsed()
        journal.after(() => this.settle(slot))
    }
  }

  /** Pays and is paid, as far as the instance is over. */
  settle(slot: AppSlot): void {
    this.staking.settle(slot)
    this.check(slot)
  }

  /** What stands on chain has changed. */
  shown(slot: AppSlot): void {
    const { standing, session } = slot
    const { emitter } = this.#engine
    if (standing) {
      // Whoever declined is at the table all the same, by the opening that it had signed.
      slot.declined = undefined
      emitter.emit({ kind: 'app-disputed', id: slot.id, version: standing.version })
      if (awaitsMove(session, standing))
        emitter.emit({ kind: 'app-turn', id: slot.id, version: standing.version, forced: true })
    }
    slot.notice()
  }

  /** The registry holds the outcome. */
  recorded(slot: AppSlot): void {
    slot.notice()
    this.staking.redeem(slot)
    this.check(slot)
  }

  /** Moves; resolves once all have signed it, or it stands on chain. Throws `IllegalMoveError`, `NotYourTurnError`. */
  async move(slot: AppSlot, move: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (slot.recorded) throw new NotYourTurnError(slot.id, 'the chain has decided')
    const { standing } = slot
    const { state, version } = slot.position
    const after = slot.positionOf(slot.rules.advance(state, move))
    if (standing) this.dispatch(slot, { kind: 'force', from: standing, move, after })
    else this.dispatch(slot, { kind: 'move', move, after })
    if (standing) void this.#desk.look(slot)
    await slot.when(
      ({ id, position, recorded }) => recorded || position.version > version || !this.slots.has(id),
      signal,
    )
  }

  /** Lets the chain judge; resolves once it does. */
  async dispute(slot: AppSlot, signal?: AbortSignal): Promise<void> {
    if (!slot.session.agreed) throw new AppUnknownError(`${slot.id} that has begun`)
    this.dispatch(slot, { kind: 'disputed' })
    this.#engine.durably(() => void this.#desk.look(slot))
    await slot.when(({ id, standing, recorded }) => recorded || standing !== undefined || !this.slots.has(id), signal)
  }

  /** Whoever was told of other terms would sign, and pay for, another game. */
  #stakedBy(slot: AppSlot, player: Address, terms: Hex): void {
    if (terms !== slot.termsDigest) {
      this.decline(slot, 'APP_DECLINED')
      return
    }
    slot.staked.add(player)
    this.staking.look(slot)
  }

  /** All stakes for this node are locked: once all players say that, nobody can fail to stake any more, and the opening is signed. */
  staked(slot: AppSlot): void {
    if (!slot.staked.has(this.#me)) {
      slot.staked.add(this.#me)
      for (const player of slot.others) this.telling.staked(slot, player)
    }
    if (playersOf(slot.session.terms.instance).every((player) => slot.staked.has(player)))
      this.dispatch(slot, { kind: 'staked', opening: slot.positionOf(slot.session.terms.opening) })
  }

  /** The group that holds its stakes goes to the chain: what is not decided there in time comes back. */
  groupDisputed(slot: AppSlot): void {
    if (!slot.session.agreed) this.decline(slot, 'APP_NOT_STAKED')
    else if (!slot.session.disputed) {
      this.dispatch(slot, { kind: 'disputed' })
      this.#engine.durably(() => void this.#desk.look(slot))
    }
  }

  /** Resolves once everything that was staked has ended. */
  async finish(slot: AppSlot, signal?: AbortSignal): Promise<void> {
    await slot.when(({ id }) => !this.slots.has(id), signal)
  }

  /** This node does not begin, and says so. */
  decline(slot: AppSlot, code: string, cause?: Error): void {
    if (slot.session.agreed || slot.standing || slot.declined) return
    for (const player of slot.others) this.telling.one(player, { kind: 'decline', id: slot.id, code })
    this.#end(slot, new AppRefusedError(slot.id, this.#me, code, cause && { cause }))
  }

  /** It will not begin. A signature that was given could still begin it elsewhere: then it waits for the chain or the deadline. */
  #end(slot: AppSlot, error: Error): void {
    if (slot.declined) return
    slot.declined = error
    // Whoever proposed it is told by what it waits for.
    if (!slot.isProposer) this.#engine.emitter.emit({ kind: 'alarm', error })
    this.#keep(slot)
    this.staking.giveBack(slot)
    slot.fail(error)
    this.check(slot)
  }

  /** Forgets an instance that is over or never began, once nothing of it is locked. */
  check(slot: AppSlot): void {
    const { session, declined, recorded } = slot
    const isOver = isClosed(session) || isDone(session) || recorded || declined !== undefined || this.isPast(slot)
    if (!isOver || !this.slots.has(slot.id) || !this.staking.isEmpty(slot)) return
    if (!slot.isAsked && this.#mayBeJudged(slot)) {
      slot.isAsked = true
      slot.unread = true
    }
    if (slot.unread || slot.isReading) return
    this.slots.delete(slot.id)
    this.#engine.journal.write(appKey(slot.id), null)
    const hasBegun = recorded || slot.standing !== undefined || (session.agreed !== undefined && !declined)
    if (hasBegun) slot.result = this.#valuesOf(slot)
    this.#engine.durably(() => {
      this.#engine.emitter.emit({ kind: 'app-over', id: slot.id, values: hasBegun ? slot.result : undefined })
      slot.notice()
    })
  }

  /** Whether the chain was asked, so that stakes may end by its judgement before this node has read it. */
  #mayBeJudged = (slot: AppSlot): boolean => !slot.recorded && (slot.session.disputed || this.#isLate(slot))

  isPast = ({ session }: AppSlot): boolean => (this.#engine.switch.view?.now ?? 0n) > session.terms.deadline

  /** What each seat of one that is over has got: by the registry, or as all have signed; by neither, all stakes came back. */
  #valuesOf({ values, session, rules, result }: AppSlot): readonly bigint[] {
    return values ?? (isDone(session) ? rules.outcome(session.agreed!.state) : result)
  }

  /** Everybody has signed the end, or should have, and somebody has not paid for a while. */
  isUnpaid(slot: AppSlot): boolean {
    return isDone(slot.session) && this.#isLate(slot) && this.staking.isOwed(slot)
  }

  #isLate = ({ since }: AppSlot): boolean => this.#engine.options.clock.elapsed() - since > PATIENCE

  // ---------------------------------------------------------------- peers and time

  /** A player is connected: it is told what it may lack. */
  met(peer: Peer): void {
    for (const slot of this.slots.values()) if (slot.others.includes(peer.signer)) this.telling.all(slot, peer.signer)
  }

  /** Whether a peer plays here. */
  shares = (signer: Address): boolean => [...this.slots.values()].some(({ others }) => others.includes(signer))

  tick(): void {
    this.#tellMissing()
    if (!this.#isFollowing || !this.#engine.switch.view) return
    const now = this.#engine.options.clock.elapsed()
    for (const slot of [...this.slots.values()]) {
      if (!slot.session.agreed && now - slot.since > PATIENCE) this.decline(slot, 'APP_NOT_STAKED')
      // Before the chain is asked again: what is on its way may say more.
      this.check(slot)
      if (!this.slots.has(slot.id)) continue
      this.#desk.tick(slot)
      this.staking.tick(slot, now)
    }
  }

  stop(error: Error): void {
    this.#desk.stop()
    for (const slot of this.slots.values()) slot.fail(error)
  }
}
