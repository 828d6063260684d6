import { TallystickError } from '../../core/errors.ts'
import type { Address, Hex } from '../../core/types.ts'

/** This chain connection knows no arbiter of apps. */
export class NoArbiterError extends TallystickError {
  readonly code = 'NO_ARBITER'

  constructor() {
    super('This chain connection knows no arbiter of apps. Connect with a deployment that names one.')
  }
}

/** No instance of an app has this id here. */
export class AppUnknownError extends TallystickError {
  readonly code = 'APP_UNKNOWN'

  constructor(about: string) {
    super(`This node knows no app ${about}. Register the app, or look at the instances that there are.`)
  }
}

/** An instance of an earlier process waits for its app: until that is registered nobody plays, or answers the chain, for this node. */
export class AppMissingError extends TallystickError {
  readonly code = 'APP_MISSING'
  readonly instanceId: Hex
  readonly app: Address

  constructor(instanceId: Hex, app: Address) {
    super(
      `${instanceId} goes on only once the app at ${app} is registered; until then nobody answers for it. Register the app.`,
    )
    this.instanceId = instanceId
    this.app = app
  }
}

/** Why an instance did not begin. */
export type AppRefusal =
  /** The player knows no such app. */
  | 'APP_NOT_KNOWN'
  /** It does not play on these terms. */
  | 'APP_DECLINED'
  /** Not all stakes stood, or not all players signed, in time. */
  | 'APP_NOT_STAKED'

/** An instance did not begin: what was staked comes back. */
export class AppRefusedError extends TallystickError {
  readonly code = 'APP_REFUSED'
  readonly instanceId: Hex
  /** Who refused, or this node itself. */
  readonly player: Address
  /** An {@link AppRefusal}, or a code of the player. */
  readonly reason: string

  constructor(instanceId: Hex, player: Address, reason: string, options?: ErrorOptions) {
    super(
      `${player} does not begin ${instanceId}: ${reason}. What was staked comes back; propose other terms.`,
      options,
    )
    this.instanceId = instanceId
    this.player = player
    this.reason = reason
  }
}
