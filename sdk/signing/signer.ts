import type { Address } from '../core/types.ts'

/** The port to a session key: signs 32-byte digests at once, without a pop-up. */
export interface SessionSigner {
  readonly address: Address
  /** 64 bytes, EIP-2098 (`r ‖ yParityAndS`), low s. */
  sign(digest: Uint8Array): Uint8Array
}
