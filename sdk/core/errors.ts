/**
 * Base of every error that Tallystick throws on purpose: `code` is stable, `message` gives the fact and then the remedy.
 *
 * @example
 * ```ts
 * try { decodeChannel(bytes) } catch (error) {
 *   if (error instanceof TallystickError) console.error(error.code, error.message)
 * }
 * ```
 */
export abstract class TallystickError extends Error {
  /** Stable across versions; what a program compares. */
  abstract readonly code: string

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }

  /** What logs may show: never the fields, which may hold bigints or another party's bytes. */
  toJSON(): { name: string; code: string; message: string } {
    return { name: this.name, code: this.code, message: this.message }
  }
}

/** An option of a node, of its chain connection or of a call is out of bounds. */
export class InvalidOptionError extends TallystickError {
  readonly code = 'INVALID_OPTION'
  readonly option: string

  constructor(option: string, fact: string) {
    super(fact)
    this.option = option
  }
}
