import { toHex, writeHex } from '../core/bytes.ts'
import { assertFits, check, type Form, WORD } from './abi-tape.ts'

// The forms of 32 bytes: integers, booleans, addresses and bytes of a fixed length.

/** Throws for what is no such type. */
export function wordOf(type: string): Form {
  const [, kind, digits] = /^(u?int|bytes)(\d*)$/.exec(type) ?? []
  const size = Number(digits || 256)
  if (type === 'bool') return BOOL
  if (type === 'address') return fixedBytes(type, 20, WORD - 20)
  if (kind === 'bytes' && size >= 1 && size <= 32) return fixedBytes(type, size, 0)
  if (kind === undefined || kind === 'bytes' || size === 0 || size > 256 || size % 8 !== 0)
    throw new TypeError(`${type} is no type of an ABI`)
  return size <= 48 ? smallInteger(type, size, kind === 'int') : integer(type, size, kind === 'int')
}

const BOOL: Form = {
  size: WORD,
  isDynamic: false,
  write: (tape, at, value) => {
    assertFits(typeof value === 'boolean', value, 'bool')
    tape.bytes[at + WORD - 1] = value ? 1 : 0
  },
  read: (tape, at) => {
    const value = tape.readLength(at)
    check(value <= 1)
    return value === 1
  },
}

/** Hex of a fixed length, `before` zeros to its left. */
function fixedBytes(type: string, size: number, before: number): Form {
  return {
    size: WORD,
    isDynamic: false,
    write: (tape, at, value) => {
      assertFits(typeof value === 'string', value, type)
      writeHex(tape.bytes, at + before, value as string, size)
    },
    read: (tape, at) => {
      tape.assertZero(at, before)
      tape.assertZero(at + before + size, WORD - before - size)
      return toHex(tape.bytes.subarray(at + before, at + before + size))
    },
  }
}

/** Up to 48 bits: a number. */
function smallInteger(type: string, bits: number, isSigned: boolean): Form {
  const [least, most] = isSigned ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1]
  return {
    size: WORD,
    isDynamic: false,
    write: (tape, at, value) => {
      const isNumber = typeof value === 'number' || typeof value === 'bigint'
      const number = isNumber ? Number(value) : Number.NaN
      assertFits(Number.isInteger(number) && number >= least && number <= most, value, type)
      if (number < 0) tape.bytes.fill(255, at, at + WORD - 8)
      tape.view.setBigInt64(at + WORD - 8, BigInt(number))
    },
    read: (tape, at) => {
      const high = tape.view.getInt32(at + WORD - 8)
      const number = high * 2 ** 32 + tape.view.getUint32(at + WORD - 4)
      check(number >= least && number <= most)
      const fill = number < 0 ? 255 : 0
      for (let i = at; i < at + WORD - 8; i++) check(tape.bytes[i] === fill)
      return number
    },
  }
}

function integer(type: string, bits: number, isSigned: boolean): Form {
  const half = 1n << BigInt(bits - 1)
  const [least, most] = isSigned ? [-half, half - 1n] : [0n, 2n * half - 1n]
  return {
    size: WORD,
    isDynamic: false,
    write: ({ view }, at, value) => {
      const isNumber = typeof value === 'bigint' || Number.isSafeInteger(value)
      const number = isNumber ? BigInt(value as bigint | number) : most + 1n
      assertFits(number >= least && number <= most, value, type)
      // Each takes its lowest 64 bits, two's complement.
      view.setBigUint64(at, number >> 192n)
      view.setBigUint64(at + 8, number >> 128n)
      view.setBigUint64(at + 16, number >> 64n)
      view.setBigUint64(at + 24, number)
    },
    read: ({ view }, at) => {
      const top = isSigned ? view.getBigInt64(at) : view.getBigUint64(at)
      const [second, third, last] = [8, 16, 24].map((by) => view.getBigUint64(at + by)) as [bigint, bigint, bigint]
      const isShort = top === 0n && second === 0n
      const number = isShort ? (third << 64n) | last : (((((top << 64n) | second) << 64n) | third) << 64n) | last
      check(number >= least && number <= most)
      return number
    },
  }
}
