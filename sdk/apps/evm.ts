import { type Machine, newMachine, type Op, type Program } from './evm-machine.ts'
import { FAILURE } from './evm-memory.ts'
import { OPS } from './evm-ops.ts'

// The part of the EVM (Osaka) that is a function of code, input and gas: no storage, no accounts, no block. Synchronous.
// What belongs to the rest of it throws ImpureAppError. test/parity holds it against two whole EVMs.

/** How a call ended: it returned, it reverted, or it failed (out of gas, a bad jump, an unknown instruction) and said nothing. */
export interface Ended {
  readonly end: 'return' | 'revert' | 'failure'
  readonly output: Uint8Array
  /** Gas left. */
  readonly left: number
}

const MAX_STACK = 1024
const FAILED: Ended = { end: 'failure', output: new Uint8Array(), left: 0 }

/** Reads code once, for many calls. */
export function loadProgram(code: Uint8Array): Program {
  const ops: (Op | undefined)[] = Array(code.length).fill(undefined)
  const pushed: (bigint | undefined)[] = Array(code.length).fill(undefined)
  for (let at = 0; at < code.length; at++) {
    const byte = code[at]!
    ops[at] = OPS[byte]
    const size = byte >= 0x5f && byte <= 0x7f ? byte - 0x5f : 0
    if (byte >= 0x5f && byte <= 0x7f) pushed[at] = wordAt(code, at + 1, size)
    at += size
  }
  return { code, ops, pushed }
}

/** The word of `size` bytes, zeros behind the end of the code. */
function wordAt(code: Uint8Array, from: number, size: number): bigint {
  let value = 0n
  for (let i = from; i < from + size; i++) value = (value << 8n) | BigInt(code[i] ?? 0)
  return value
}

/** Runs a call to its end. Throws {@link ImpureAppError} where the code leaves what is pure. */
export function execute(program: Program, input: Uint8Array, gas: number): Ended {
  const machine = newMachine(program, input, gas)
  try {
    while (machine.end === undefined) step(machine)
  } catch (thrown) {
    if (thrown === FAILURE) return FAILED
    throw thrown
  }
  return { end: machine.end, output: machine.output, left: machine.gas }
}

function step(machine: Machine): void {
  const { program, stack } = machine
  const op = machine.at < program.code.length ? program.ops[machine.at] : OPS[0]
  if (op === undefined || stack.length < op.takes || stack.length - op.takes + op.gives > MAX_STACK) throw FAILURE
  machine.gas -= op.gas
  if (machine.gas < 0) throw FAILURE
  machine.at++
  op.run(machine)
}
