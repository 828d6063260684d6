import { toUint } from '../core/bytes.ts'
import { keccak256 } from '../core/keccak.ts'
import { binary, constant, type Ops, op, pop, ternary, unary } from './evm-forms.ts'
import { IMPURE } from './evm-impure.ts'
import type { Machine, Op } from './evm-machine.ts'
import { FAILURE } from './evm-memory.ts'
import { staticCall } from './evm-precompiles.ts'
import * as word from './evm-word.ts'
import { ImpureAppError } from './rules.ts'

const JUMPDEST = 0x5b
const STATICCALL = 0xfa

/** The instructions by their byte. Those that are not pure say so when they are reached; undefined: the EVM knows none. */
export const OPS: readonly (Op | undefined)[] = table()

function table(): (Op | undefined)[] {
  const ops: (Op | undefined)[] = Array(256).fill(undefined)
  const all = { ...arithmetic(), ...comparisons(), ...inputs(), ...memory(), ...flow(), ...stack(), ...impure() }
  for (const [byte, op] of Object.entries(all)) ops[Number(byte)] = op
  return ops
}

function arithmetic(): Ops {
  return {
    1: binary('ADD', 3, (a, b) => word.wrap(a + b)),
    2: binary('MUL', 5, (a, b) => word.wrap(a * b)),
    3: binary('SUB', 3, (a, b) => word.wrap(a - b)),
    4: binary('DIV', 5, word.divide),
    5: binary('SDIV', 5, word.signedDivide),
    6: binary('MOD', 5, word.modulo),
    7: binary('SMOD', 5, word.signedModulo),
    8: ternary('ADDMOD', 8, (a, b, n) => word.modulo(a + b, n)),
    9: ternary('MULMOD', 8, (a, b, n) => word.modulo(a * b, n)),
    10: op('EXP', 10, 2, 1, (machine) => {
      const base = pop(machine)
      const exponent = pop(machine)
      machine.gas -= 50 * Math.ceil(word.bits(exponent) / 8)
      machine.stack.push(word.power(base, exponent))
    }),
    11: binary('SIGNEXTEND', 5, word.extendSign),
    30: unary('CLZ', 5, (a) => BigInt(256 - word.bits(a))),
  }
}

function comparisons(): Ops {
  return {
    16: binary('LT', 3, (a, b) => word.flag(a < b)),
    17: binary('GT', 3, (a, b) => word.flag(a > b)),
    18: binary('SLT', 3, (a, b) => word.flag(word.signed(a) < word.signed(b))),
    19: binary('SGT', 3, (a, b) => word.flag(word.signed(a) > word.signed(b))),
    20: binary('EQ', 3, (a, b) => word.flag(a === b)),
    21: unary('ISZERO', 3, (a) => word.flag(a === 0n)),
    22: binary('AND', 3, (a, b) => a & b),
    23: binary('OR', 3, (a, b) => a | b),
    24: binary('XOR', 3, (a, b) => a ^ b),
    25: unary('NOT', 3, (a) => word.MAX_WORD ^ a),
    26: binary('BYTE', 3, word.byteAt),
    27: binary('SHL', 3, word.shiftLeft),
    28: binary('SHR', 3, word.shiftRight),
    29: binary('SAR', 3, word.shiftSigned),
  }
}

function inputs(): Ops {
  return {
    // The arbiter asks, and deploys, without money.
    52: constant('CALLVALUE', () => 0),
    53: op('CALLDATALOAD', 3, 1, 1, (machine) => {
      const offset = pop(machine)
      const { input } = machine
      machine.stack.push(offset < BigInt(input.length) ? wordAt(input, Number(offset)) : 0n)
    }),
    54: constant('CALLDATASIZE', ({ input }) => input.length),
    55: copy('CALLDATACOPY', ({ input }) => input),
    56: constant('CODESIZE', ({ program }) => program.code.length),
    57: copy('CODECOPY', ({ program }) => program.code),
    61: constant('RETURNDATASIZE', ({ returned }) => returned.length),
    62: copy('RETURNDATACOPY', ({ returned }) => returned, true),
  }
}

/** 32 bytes of the input, zeros behind its end. */
function wordAt(input: Uint8Array, offset: number): bigint {
  const bytes = input.subarray(offset, offset + 32)
  return toUint(bytes) << BigInt(256 - 8 * bytes.length)
}

/** `strict`: to read behind the end fails, instead of reading zeros. */
function copy(name: string, source: (machine: Machine) => Uint8Array, strict = false): Op {
  return op(name, 3, 3, 0, (machine) => {
    const to = pop(machine)
    const from = pop(machine)
    const length = pop(machine)
    const bytes = source(machine)
    if (strict && from + length > BigInt(bytes.length)) throw FAILURE
    touch(machine, to, length, 3)
    if (length > 0n) machine.memory.copy(Number(to), bytes, from, Number(length))
  })
}

const words = (length: bigint): number => Math.ceil(Number(length) / 32)

/** Pays for touching memory, and `perWord` for each word that is worked on. */
function touch(machine: Machine, offset: bigint, length: bigint, perWord = 0): void {
  machine.gas -= machine.memory.grow(offset, length) + perWord * words(length)
  // Before the work, not after it: what is not paid for is not done.
  if (machine.gas < 0) throw FAILURE
}

/** Memory at a place and of a length, both from the stack; to be used at once. */
function slice(machine: Machine, perWord = 0): Uint8Array {
  const offset = pop(machine)
  const length = pop(machine)
  touch(machine, offset, length, perWord)
  return length === 0n ? new Uint8Array() : machine.memory.peek(Number(offset), Number(length))
}

function memory(): Ops {
  return {
    32: op('KECCAK256', 30, 2, 1, (machine) => {
      machine.stack.push(toUint(keccak256(slice(machine, 6))))
    }),
    81: op('MLOAD', 3, 1, 1, (machine) => {
      const offset = pop(machine)
      touch(machine, offset, 32n)
      machine.stack.push(machine.memory.load(Number(offset)))
    }),
    82: op('MSTORE', 3, 2, 0, (machine) => {
      const offset = pop(machine)
      touch(machine, offset, 32n)
      machine.memory.store(Number(offset), pop(machine))
    }),
    83: op('MSTORE8', 3, 2, 0, (machine) => {
      const offset = pop(machine)
      touch(machine, offset, 1n)
      machine.memory.storeByte(Number(offset), Number(pop(machine) & 0xffn))
    }),
    89: constant('MSIZE', (machine) => machine.memory.size),
    94: op('MCOPY', 3, 3, 0, (machine) => {
      const to = pop(machine)
      const from = pop(machine)
      const length = pop(machine)
      touch(machine, to, length, 3)
      touch(machine, from, length)
      if (length > 0n) machine.memory.move(Number(to), Number(from), Number(length))
    }),
  }
}

function flow(): Ops {
  return {
    0: ending('STOP', 0, 'return', () => new Uint8Array()),
    86: op('JUMP', 8, 1, 0, (machine) => jump(machine, pop(machine))),
    87: op('JUMPI', 10, 2, 0, (machine) => {
      const target = pop(machine)
      if (pop(machine) !== 0n) jump(machine, target)
    }),
    88: constant('PC', ({ at }) => at - 1),
    // What is left depends on prices that forks change: only to be handed on.
    90: constant('GAS', ({ gas, program, at }) => {
      if (program.code[at] !== STATICCALL) throw new ImpureAppError('reads GAS')
      return gas
    }),
    [JUMPDEST]: op('JUMPDEST', 1, 0, 0, () => {}),
    243: ending('RETURN', 2, 'return', (machine) => slice(machine).slice()),
    [STATICCALL]: op('STATICCALL', 100, 6, 1, staticCall),
    253: ending('REVERT', 2, 'revert', (machine) => slice(machine).slice()),
  }
}

function ending(name: string, takes: number, end: 'return' | 'revert', output: (machine: Machine) => Uint8Array): Op {
  return op(name, 0, takes, 0, (machine) => {
    machine.output = output(machine)
    machine.end = end
  })
}

function jump(machine: Machine, target: bigint): void {
  // What a number cannot hold exactly is far behind any code. Data of a push is no instruction, whatever byte it is.
  const at = Number(target)
  if (machine.program.ops[at]?.name !== 'JUMPDEST') throw FAILURE
  machine.at = at
}

function stack(): Ops {
  const ops: Ops = { 80: op('POP', 2, 1, 0, (machine) => void machine.stack.pop()) }
  for (let n = 0; n <= 32; n++)
    ops[0x5f + n] = op(`PUSH${n}`, n === 0 ? 2 : 3, 0, 1, (machine) => {
      machine.stack.push(machine.program.pushed[machine.at - 1]!)
      machine.at += n
    })
  for (let n = 1; n <= 16; n++) {
    ops[0x7f + n] = op(`DUP${n}`, 3, n, n + 1, ({ stack }) => void stack.push(stack[stack.length - n]!))
    ops[0x8f + n] = op(`SWAP${n}`, 3, n + 1, n + 1, ({ stack }) => {
      const top = stack.length - 1
      const held = stack[top]!
      stack[top] = stack[top - n]!
      stack[top - n] = held
    })
  }
  return ops
}

function impure(): Ops {
  const forbidden = (name: string): Op =>
    op(name, 0, 0, 0, () => {
      throw new ImpureAppError(`uses ${name}`)
    })
  return Object.fromEntries([...IMPURE].map(([byte, name]) => [byte, forbidden(name)]))
}
