import { IllegalMoveError } from '../../apps/rules.ts'
import { appStateDigest, FINAL_VERSION } from '../../core/app.ts'
import type { Address } from '../../core/types.ts'
import { isDone } from '../../protocols/app.ts'
import type { AppMessage } from '../../protocols/app-machine.ts'
import { PeerViolationError } from '../../protocols/messages.ts'
import { verifySignature } from '../../signing/signature.ts'
import type { AppSlot, Spoken } from './app-slot.ts'
import type { Apps } from './apps.ts'

type Said<K extends AppMessage['kind']> = Extract<Spoken, { kind: K }>

/** Judges what players sign: by the rules, and by whose key it is. What cannot be judged yet waits in the instance. */
export class AppHearing {
  readonly #apps: Apps

  constructor(apps: Apps) {
    this.#apps = apps
  }

  /** A player signed a version. Throws `PeerViolationError`. */
  signed(slot: AppSlot, from: Address, message: Said<'signed'>): void {
    const { session } = slot
    const { version, signature } = message
    const { agreed, pending } = session
    const isLast = version === FINAL_VERSION
    const last = isDone(session) ? agreed : pending?.turn === undefined ? pending : undefined
    const found = isLast ? last : pending?.version === version ? pending : undefined
    if (!found) {
      if (version > (agreed?.version ?? 0)) slot.early.set(`${from}/${isLast ? 'final' : 'signed'}`, { from, message })
      return
    }
    if (this.#isSigned(slot, from, version, found.state, signature))
      this.#apps.dispatch(slot, { kind: 'signed', from, version, signature })
  }

  /** Between more than two players a wrong signature may be a third one's doing, which showed each another state. Throws `PeerViolationError`. */
  #isSigned(slot: AppSlot, player: Address, version: number, state: Uint8Array, signature: Uint8Array): boolean {
    const isRight = this.#verify(slot, player, version, state, signature)
    if (!isRight && slot.others.length === 1) this.#fail(slot, version)
    return isRight
  }

  #verify(slot: AppSlot, player: Address, version: number, state: Uint8Array, signature: Uint8Array): boolean {
    return verifySignature(appStateDigest(this.#apps.arbiter.domain, slot.id, version, state), signature, player)
  }

  #fail(slot: AppSlot, version: number): never {
    throw new PeerViolationError(`its signature over version ${version} of ${slot.id} is wrong`)
  }

  /** A player moved. Throws `PeerViolationError`. */
  moved(slot: AppSlot, from: Address, message: Said<'moved'>): void {
    this.#complete(slot, message)
    const { agreed, pending, disputed, terms } = slot.session
    if (disputed || message.version <= (agreed?.version ?? 0) || pending?.version === message.version) return
    const isNext = agreed && agreed.version + 1 === message.version && !pending
    if (!isNext) {
      slot.early.set(`${from}/moved`, { from, message })
      return
    }
    if (agreed.turn === undefined || terms.instance.seats[agreed.turn] !== from)
      throw new PeerViolationError(`it moves in ${slot.id} though it is not its turn`)
    const after = slot.positionOf(this.#advance(slot, agreed.state, message.move))
    if (!this.#verify(slot, from, message.version, after.state, message.signature)) this.#fail(slot, message.version)
    this.#apps.dispatch(slot, { kind: 'moved', move: message.move, signature: message.signature, after })
  }

  /** Whoever moves on holds all signatures over the state before: they complete it here, too. */
  #complete(slot: AppSlot, { version, base }: Said<'moved'>): void {
    const { pending, terms } = slot.session
    if (pending?.version !== version - 1 || base.length !== terms.instance.seats.length) return
    for (const [seat, player] of terms.instance.seats.entries()) {
      if (pending.signatures[seat]) continue
      if (!this.#isSigned(slot, player, pending.version, pending.state, base[seat]!)) return
      this.#apps.dispatch(slot, { kind: 'signed', from: player, version: pending.version, signature: base[seat]! })
    }
  }

  #advance(slot: AppSlot, state: Uint8Array, move: Uint8Array): Uint8Array {
    try {
      return slot.rules.advance(state, move)
    } catch (error) {
      if (error instanceof IllegalMoveError)
        throw new PeerViolationError(`its move in ${slot.id} is illegal`, { cause: error })
      throw error
    }
  }
}
