import type { App } from '../../apps/define-app.ts'
import type { Address, Hex } from '../../core/types.ts'
import { type AppTerms, seatsHeldBy } from '../../protocols/app.ts'
import type { AppStepMessage } from '../../protocols/app-wire.ts'
import type { Engine } from '../engine.ts'
import { HandlerFailedError } from '../events.ts'
import type { Peer } from '../peers/peers.ts'
import type { Apps } from './apps.ts'

/** Decides whether this node plays on these terms. */
export type AppJudge = (terms: AppTerms, from: Address) => boolean | Promise<boolean>

/** An app that this node plays; without a judge it only proposes. */
export interface Registered {
  readonly code: App<unknown, unknown>
  readonly judge: AppJudge | undefined
}

/** Instances that one peer may have proposed and that have not begun. */
const MAX_PROPOSALS = 16

/** What peers propose to play, until this node has said yes or no. */
export class AppProposals {
  readonly #engine: Engine
  readonly #apps: Apps
  /** Those that are being judged, and whose they are. */
  readonly #judging = new Map<Hex, Address>()

  constructor(engine: Engine, apps: Apps) {
    this.#engine = engine
    this.#apps = apps
  }

  async heard({ signer }: Peer, message: Extract<AppStepMessage, { kind: 'propose' }>): Promise<void> {
    const { terms, addresses, onionKey } = message
    const [engine, apps] = [this.#engine, this.#apps]
    if (!engine.options.chain.apps) return
    const id = apps.idOf(terms)
    const running = apps.slots.get(id)
    if (running) {
      if (running.others.includes(signer)) apps.accepts(running, signer, onionKey, true)
      return
    }
    // One that waits for its app is answered when that is registered, one that is being judged after that.
    if (apps.knows(id) || this.#judging.has(id)) return
    const known = apps.registered(terms.instance.app)
    this.#judging.set(id, signer)
    const isWanted = this.#isSound(terms, signer) && known && (await this.#judged(known, terms, signer))
    this.#judging.delete(id)
    if (!isWanted) {
      apps.telling.one(signer, { kind: 'decline', id, code: known ? 'APP_DECLINED' : 'APP_NOT_KNOWN' })
      return
    }
    if (engine.halted || apps.slots.has(id)) return
    apps.accepts(apps.sitDown(terms, { isProposer: false, addresses }, known.code), signer, onionKey, true)
  }

  /** Whether terms can be played at all, and this peer may propose more. */
  #isSound(terms: AppTerms, from: Address): boolean {
    const { slots } = this.#apps
    const waiting = [...slots.values()].filter(({ session, others }) => !session.agreed && others.includes(from))
    const judging = [...this.#judging.values()].filter((proposer) => proposer === from)
    if (waiting.length + judging.length > MAX_PROPOSALS || seatsHeldBy(terms.instance, from).length === 0) return false
    try {
      this.#apps.assertTerms(terms)
      return true
    } catch {
      // Its proposer is told in one word; its own node says the rest.
      return false
    }
  }

  async #judged({ judge }: Registered, terms: AppTerms, from: Address): Promise<boolean> {
    try {
      return judge !== undefined && (await judge(terms, from))
    } catch (error) {
      this.#engine.emitter.emit({ kind: 'alarm', error: new HandlerFailedError('app-proposed', error) })
      return false
    }
  }
}
