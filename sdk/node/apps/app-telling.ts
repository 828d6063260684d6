import { toHex } from '../../core/bytes.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Address, Hex } from '../../core/types.ts'
import { type AppMessage, stepApp } from '../../protocols/app-machine.ts'
import { type AppStepMessage, encodeAppStep } from '../../protocols/app-wire.ts'
import type { Engine } from '../engine.ts'
import type { AppSlot } from './app-slot.ts'

/** Tells other players; whoever is offline is told once it is connected again. */
export class AppTelling {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Everything that others may lack, or one of them. */
  all(slot: AppSlot, only?: Address): void {
    const { session, id } = slot
    const players = only ? [only] : slot.others
    const isBeginning = !session.agreed && !slot.declined
    for (const player of isBeginning ? players : []) {
      this.one(player, this.#helloOf(slot, player))
      if (session.pending || slot.staked.has(this.#engine.options.signer.address)) this.staked(slot, player)
    }
    for (const effect of stepApp(session, { kind: 'crank' }).effects)
      if (effect.kind === 'send') for (const player of players) this.one(player, { ...effect.message, id })
  }

  #helloOf({ session, isProposer, addresses, accepted, id }: AppSlot, player: Address): AppStepMessage {
    const onionKey = this.#onionKey
    if (isProposer) return { kind: 'propose', terms: session.terms, addresses, onionKey }
    return { kind: 'accept', id, onionKey, heard: accepted.has(player) }
  }

  /** That all stakes for this node are locked. */
  staked({ id, termsDigest }: AppSlot, player: Address): void {
    this.one(player, { kind: 'staked', id, terms: termsDigest })
  }

  /** To all other players. */
  others({ id, others }: AppSlot, message: AppMessage): void {
    for (const player of others) this.one(player, { ...message, id })
  }

  one(player: Address, message: AppStepMessage): void {
    const peer = this.#engine.peers.all.get(player)
    if (peer?.online) this.#engine.peers.send(peer, { kind: 'app', body: encodeAppStep(message) })
  }

  get #onionKey(): Hex {
    const { onionKey } = this.#engine.options
    return onionKey ? toHex(onionKey.publicKey) : ZERO_HASH
  }
}
