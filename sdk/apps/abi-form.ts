import type { Parameter } from 'ox/AbiParameters'
import { toBytes, toHex } from '../core/bytes.ts'
import { assertFits, check, type Form, NotCanonicalError, Tape, WORD } from './abi-tape.ts'
import { wordOf } from './abi-words.ts'

// Values as `abi.encode` writes them, and back. Each move is decoded, judged and encoded at every player: a form is worked out once from
// its type, and reading takes the one canonical form as it goes, so that nothing is encoded again to compare. ox is its oracle in tests.

/** One value alone, as `abi.encode(value)`. */
export function encodeForm(form: Form, value: unknown): Uint8Array {
  const tape = new Tape()
  writeItems([form], tape, [value])
  return tape.bytes.slice(0, tape.end)
}

/** Throws {@link NotCanonicalError} for anything but what {@link encodeForm} gives. */
export function decodeForm(form: Form, bytes: Uint8Array): unknown {
  const tape = new Tape(bytes)
  const [value] = readItems([form], tape)
  check(tape.end === bytes.length)
  return value
}

/** Heads first, then what they point to, in the same order. */
function writeItems(forms: readonly Form[], tape: Tape, values: readonly unknown[]): void {
  const start = tape.reserve(sizeOf(forms))
  let at = start
  for (const [index, form] of forms.entries()) {
    if (form.isDynamic) tape.writeLength(at, tape.end - start)
    form.write(tape, form.isDynamic ? tape.end : at, values[index])
    at += form.size
  }
}

function readItems(forms: readonly Form[], tape: Tape): unknown[] {
  const start = tape.take(sizeOf(forms))
  let at = start
  return forms.map((form) => {
    // The one place where `abi.encode` would put it: right behind what came before.
    if (form.isDynamic) check(tape.readLength(at) === tape.end - start)
    const value = form.read(tape, form.isDynamic ? tape.end : at)
    at += form.size
    return value
  })
}

const sizeOf = (forms: readonly Form[]): number => forms.reduce((sum, { size }) => sum + size, 0)

/** The form of a parameter; throws where its type is none of Solidity's ABI. */
export function formOf(parameter: Parameter): Form {
  const { type } = parameter
  const [, element, count] = /^(.*)\[(\d*)\]$/.exec(type) ?? []
  if (element !== undefined) {
    const of = formOf({ ...parameter, type: element } as Parameter)
    return count ? tupleOf(Array<Form>(Number(count)).fill(of), asList(type, Number(count))) : listOf(of, type)
  }
  if (type === 'tuple') {
    const { components } = parameter as { components: readonly Parameter[] }
    return tupleOf(components.map(formOf), fieldsOf(components))
  }
  if (type === 'bytes') return bytesOf(toBytesOfHex, toHex, type)
  if (type === 'string') return bytesOf(toUtf8, fromUtf8, type)
  return wordOf(type)
}

/** Between what a tuple holds and its values in order. */
interface Fields {
  readonly split: (value: unknown) => readonly unknown[]
  readonly join: (values: readonly unknown[]) => unknown
}

/** An object by names; an array where some are missing. */
function fieldsOf(components: readonly Parameter[]): Fields {
  const names = components.map(({ name }) => name ?? '')
  if (names.length === 0 || names.includes('')) return asList('tuple', names.length)
  return {
    split: (value) => {
      assertFits(typeof value === 'object' && value !== null, value, 'struct')
      return names.map((name) => (value as Record<string, unknown>)[name])
    },
    join: (values) => Object.fromEntries(names.map((name, index) => [name, values[index]])),
  }
}

const asList = (type: string, length: number): Fields => ({
  split: (value) => {
    assertFits(Array.isArray(value) && value.length === length, value, type)
    return value as readonly unknown[]
  },
  join: (values) => values,
})

function tupleOf(forms: readonly Form[], { split, join }: Fields): Form {
  if (forms.some(({ isDynamic }) => isDynamic))
    return {
      size: WORD,
      isDynamic: true,
      write: (tape, _at, value) => writeItems(forms, tape, split(value)),
      read: (tape) => join(readItems(forms, tape)),
    }
  return {
    size: sizeOf(forms),
    isDynamic: false,
    write: (tape, at, value) => {
      const values = split(value)
      let to = at
      for (const [index, form] of forms.entries()) {
        form.write(tape, to, values[index])
        to += form.size
      }
    },
    read: (tape, at) => {
      let from = at
      return join(
        forms.map((form) => {
          const value = form.read(tape, from)
          from += form.size
          return value
        }),
      )
    },
  }
}

function listOf(of: Form, type: string): Form {
  return {
    size: WORD,
    isDynamic: true,
    write: (tape, _at, value) => {
      assertFits(Array.isArray(value), value, type)
      const items = value as readonly unknown[]
      tape.writeLength(tape.reserve(WORD), items.length)
      writeItems(Array<Form>(items.length).fill(of), tape, items)
    },
    read: (tape) => {
      const length = tape.readLength(tape.take(WORD))
      // Before anything is made of a length that somebody else wrote.
      check(length * Math.max(of.size, 1) <= tape.bytes.length)
      return readItems(Array<Form>(length).fill(of), tape)
    },
  }
}

function bytesOf(encode: (value: unknown) => Uint8Array, decode: (bytes: Uint8Array) => unknown, type: string): Form {
  return {
    size: WORD,
    isDynamic: true,
    write: (tape, _at, value) => {
      assertFits(typeof value === 'string', value, type)
      const bytes = encode(value)
      tape.writeLength(tape.reserve(WORD), bytes.length)
      const at = tape.reserve(padded(bytes.length))
      tape.bytes.set(bytes, at)
    },
    read: (tape) => {
      const length = tape.readLength(tape.take(WORD))
      const at = tape.take(padded(length))
      tape.assertZero(at + length, padded(length) - length)
      return decode(tape.bytes.subarray(at, at + length))
    },
  }
}

const padded = (length: number): number => WORD * Math.ceil(length / WORD)
const toBytesOfHex = (value: unknown): Uint8Array => toBytes(value as string)
const toUtf8 = (value: unknown): Uint8Array => new TextEncoder().encode(value as string)
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes that are no text have no canonical value. */
function fromUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new NotCanonicalError('no UTF-8')
  }
}
