import { Memory } from './evm-memory.ts'

/** An instruction: gas that it always costs, words that it takes from the stack and puts there, and what it does. */
export interface Op {
  readonly name: string
  readonly gas: number
  readonly takes: number
  readonly gives: number
  run(machine: Machine): void
}

/** Code as it is run: for each byte the instruction that begins there, if one does. */
export interface Program {
  readonly code: Uint8Array
  /** Undefined: data of a push, or no instruction of the EVM. */
  readonly ops: readonly (Op | undefined)[]
  /** What a push at this byte pushes. */
  readonly pushed: readonly (bigint | undefined)[]
}

/** A call at work. */
export interface Machine {
  readonly program: Program
  readonly input: Uint8Array
  readonly memory: Memory
  readonly stack: bigint[]
  /** Place of the next instruction. */
  at: number
  /** What is left; below zero: the call has failed. */
  gas: number
  /** What the last precompile returned. */
  returned: Uint8Array
  /** How the call ended, and with what. */
  end: 'return' | 'revert' | undefined
  output: Uint8Array
}

const NOTHING = new Uint8Array()

export const newMachine = (program: Program, input: Uint8Array, gas: number): Machine => ({
  program,
  input,
  memory: new Memory(),
  stack: [],
  at: 0,
  gas,
  returned: NOTHING,
  end: undefined,
  output: NOTHING,
})
