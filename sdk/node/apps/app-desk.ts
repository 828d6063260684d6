import { concatBytes } from '@noble/hashes/utils.js'
import type { AppChain } from '../../chain/apps/app-chain.ts'
import { appMoveDigest, type SignedMove } from '../../core/app.ts'
import { toBytes } from '../../core/bytes.ts'
import { type AppDuty, disputeBy, dutyOf, type MoveShown } from '../../protocols/app-disputing.ts'
import { failsAnew } from '../chain/reason.ts'
import type { Engine } from '../engine.ts'
import type { AppSlot } from './app-slot.ts'
import type { Apps } from './apps.ts'

/** Looks at what the arbiter says of instances, and sends what an honest player must. */
export class AppDesk {
  readonly #engine: Engine
  readonly #apps: Apps
  #stop = () => {}

  constructor(engine: Engine, apps: Apps) {
    this.#engine = engine
    this.#apps = apps
  }

  get #chain(): AppChain {
    return this.#apps.arbiter
  }

  start(): void {
    this.#stop = this.#chain.watch((ids) => {
      for (const id of ids) {
        const slot = this.#apps.slots.get(id)
        if (slot) this.#news(slot)
        else this.#apps.unheard(id)
      }
    })
    for (const slot of this.#apps.slots.values()) this.#news(slot)
  }

  stop(): void {
    this.#stop()
  }

  /** It stays news until it was read: whatever fails, or comes while something is being sent, is read at the next tick. */
  #news(slot: AppSlot): void {
    slot.unread = true
    void this.look(slot)
  }

  /** A moment has passed: clocks run. */
  tick(slot: AppSlot): void {
    const { agreed, disputed } = slot.session
    const isDue = agreed && (this.#now >= disputeBy(slot.session) || this.#apps.isUnpaid(slot))
    if (slot.unread || (!slot.recorded && (disputed || slot.standing || isDue))) void this.look(slot)
  }

  get #now(): bigint {
    return this.#engine.switch.view!.now
  }

  /** Reads what stands, and does what is due. */
  async look(slot: AppSlot): Promise<void> {
    if (slot.busy || this.#engine.halted) return
    slot.busy = true
    try {
      await this.#read(slot)
      const wanted = slot.session.disputed || this.#apps.isUnpaid(slot)
      const { standing, recorded } = slot
      const duty = dutyOf(slot.session, { now: this.#now, standing, recorded }, wanted)
      if (duty) await this.#perform(slot, duty)
      slot.failing = undefined
    } catch (error) {
      slot.unread = true
      if (!this.#engine.halted && !isOutrun(error)) this.#failed(slot, error as Error)
    } finally {
      slot.busy = false
    }
  }

  /** Each tick tries again: what fails for one reason is told once until it works. */
  #failed(slot: AppSlot, error: Error): void {
    if (failsAnew(slot, this.#apps.slots.values(), error)) this.#engine.emitter.emit({ kind: 'alarm', error })
  }

  async #read(slot: AppSlot): Promise<void> {
    const before = slot.standing
    // Before the question: what comes during it may be missing in the answer.
    slot.unread = false
    const { instance, deadline } = slot.session.terms
    slot.isReading = true
    const status = this.#chain.status(instance).finally(() => {
      slot.isReading = false
    })
    const { standing: stands, values, recordedAt } = await status
    // After the deadline all stakes go back, whatever is recorded then.
    slot.values = recordedAt <= deadline ? values : undefined
    // What is sent again after the end stands for nothing.
    const standing = stands && !values ? { ...stands, ...slot.positionOf(stands.state) } : undefined
    // The last one is kept: by it the outcome was recorded.
    slot.standing = standing ?? (values && before)
    if (standing && !slot.session.disputed) this.#apps.dispatch(slot, { kind: 'disputed' })
    if (standing && (standing.version !== before?.version || standing.since !== before.since)) this.#apps.shown(slot)
    if (slot.recorded) this.#apps.recorded(slot)
  }

  async #perform(slot: AppSlot, duty: AppDuty): Promise<void> {
    const { instance } = slot.session.terms
    // A move that is shown must be known after a crash, too: another one in its place would be a second answer to one state.
    await new Promise<void>((resolve) => this.#engine.durably(resolve))
    if (this.#engine.halted) return
    await this.#deploy(slot)
    const options = (step: string) => ({ intent: `app/${slot.id}/${step}` })
    switch (duty.kind) {
      case 'submit': {
        const { version, state, signatures } = duty.agreed
        const agreed = { version, state, envelopes: signatures.map(direct) }
        await this.#chain.submit(instance, agreed, this.#signed(slot, duty.moves), options(`submit/${version}`))
        break
      }
      case 'move':
        await this.#chain.move(
          instance,
          duty.standing,
          this.#signed(slot, duty.moves),
          options(`move/${duty.standing.version}`),
        )
        break
      case 'conclude':
        await this.#chain.conclude(instance, duty.standing, options(`conclude/${duty.standing.version}`))
        break
      case 'agree':
        await this.#chain.agree(
          instance,
          { state: duty.state, envelopes: duty.signatures.map(direct) },
          options('agree'),
        )
    }
    await this.#read(slot)
  }

  #signed({ id }: AppSlot, moves: readonly MoveShown[]): SignedMove[] {
    const { signer } = this.#engine.options
    return moves.map(({ move, version, state }) => ({
      move,
      envelope: direct(signer.sign(appMoveDigest(this.#chain.domain, id, version, state))),
    }))
  }

  /** An app is deployed by whoever first needs its judgement. */
  async #deploy({ code, session }: AppSlot): Promise<void> {
    const { app } = session.terms.instance
    if (await this.#chain.isDeployed(app)) return
    await this.#chain.deploy(toBytes(code.initCode), { intent: `app/${app}/deploy` })
  }
}

/** Another player was first with the same, or with something newer: the next look sees that. */
function isOutrun(error: unknown): boolean {
  const { revert } = error as { revert?: { name?: string } }
  return revert?.name === 'WrongStanding' || revert?.name === 'NotNewer'
}

/** A signature as the arbiter takes it. */
const direct = (signature: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0), signature)
