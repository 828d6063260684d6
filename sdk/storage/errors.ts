import { TallystickError } from '../core/errors.ts'

export type StoreErrorCode =
  | 'STORE_IN_USE'
  | 'STORE_CORRUPT'
  | 'STORE_NEWER'
  | 'STORE_FOREIGN'
  | 'STORE_IDENTITY'
  | 'STORE_UNAVAILABLE'
  | 'STORE_FROZEN'
  | 'STORE_CLOSED'
  | 'STORE_KEY'

/** What went wrong with a store; `location` is the file, the database of a browser, or `memory`. */
export class StoreError extends TallystickError {
  readonly code: StoreErrorCode
  readonly location: string

  constructor(code: StoreErrorCode, location: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.location = location
  }
}

/** After one failed write nothing is written any more: what is on disk is no longer certain. */
export const frozen = (location: string, cause: unknown): StoreError =>
  new StoreError(
    'STORE_FROZEN',
    location,
    `Writing to ${location} failed (${reasonOf(cause)}). Free disk space or repair the disk, then restart; until then nothing is written.`,
    cause,
  )

export const inUse = (location: string, cause?: unknown): StoreError =>
  new StoreError(
    'STORE_IN_USE',
    location,
    `${location} is in use by another process or page. Stop that one first, or give this one a store of its own.`,
    cause,
  )

export const closed = (location: string): StoreError =>
  new StoreError('STORE_CLOSED', location, `The store ${location} is closed. Open it again before using it.`)

export const corrupt = (location: string, fact: string, cause?: unknown): StoreError =>
  new StoreError(
    'STORE_CORRUPT',
    location,
    `${location} is damaged: ${fact}. Do not sign from it: restore the newest backup, or recover together with the peers.`,
    cause,
  )

export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
