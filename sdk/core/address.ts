import { validate } from 'ox/Address'
import { TallystickError } from './errors.ts'
import type { Address } from './types.ts'

/** A text that had to be an address and is not; `text` is what was given. */
export class InvalidAddressError extends TallystickError {
  readonly code = 'INVALID_ADDRESS'
  readonly text: string

  constructor(text: string) {
    super(
      `${JSON.stringify(String(text).slice(0, 64))} is not an address: 0x and 40 hex digits, in mixed case with a valid checksum. Copy it again.`,
    )
    this.text = text
  }
}

/** Parses an address from a user: lower case, or mixed case with a valid checksum (EIP-55). Throws {@link InvalidAddressError}. */
export function parseAddress(text: string): Address {
  if (typeof text !== 'string' || !validate(text, { strict: true })) throw new InvalidAddressError(text)
  return text.toLowerCase() as Address
}
