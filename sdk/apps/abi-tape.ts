// What forms (abi-form.ts) are written on and read from.

/** How values of one type are written and read. */
export interface Form {
  /** Bytes in the head of whatever holds it. */
  readonly size: number
  /** Written behind the head, which holds its offset. */
  readonly isDynamic: boolean
  /** Throws where the value does not fit the type. */
  write(tape: Tape, at: number, value: unknown): void
  /** Throws {@link NotCanonicalError}. */
  read(tape: Tape, at: number): unknown
}

/** These bytes are not just as `abi.encode` would write them. */
export class NotCanonicalError extends Error {}

export const WORD = 32
/** Before this many bytes nothing has to grow. */
const START = 512

/** Bytes on which forms are written, or from which they are read in the order in which they were written. */
export class Tape {
  bytes: Uint8Array
  view: DataView
  /** How far it is written, or read. */
  end = 0

  constructor(bytes: Uint8Array = new Uint8Array(START)) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The place of the next `size` bytes, zero when writing. */
  reserve(size: number): number {
    const at = this.end
    this.end += size
    if (this.end > this.bytes.length) {
      const { bytes } = this
      this.bytes = new Uint8Array(2 * this.end)
      this.bytes.set(bytes)
      this.view = new DataView(this.bytes.buffer)
    }
    return at
  }

  /** The place of the next `size` bytes, when reading. */
  take(size: number): number {
    const at = this.end
    this.end += size
    check(this.end <= this.bytes.length)
    return at
  }

  /** Lengths and offsets are far below 2^32. */
  writeLength = (at: number, value: number): void => this.view.setUint32(at + WORD - 4, value)

  readLength(at: number): number {
    this.assertZero(at, WORD - 4)
    return this.view.getUint32(at + WORD - 4)
  }

  assertZero(at: number, length: number): void {
    for (let i = at; i < at + length; i++) check(this.bytes[i] === 0)
  }
}

export function check(holds: boolean): void {
  if (!holds) throw new NotCanonicalError('not in the form of its type')
}

export function assertFits(holds: boolean, value: unknown, type: string): void {
  if (!holds) throw new RangeError(`${String(value)} is no ${type}`)
}
