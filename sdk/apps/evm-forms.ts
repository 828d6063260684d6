import type { Machine, Op } from './evm-machine.ts'

// Forms of instructions.

/** Instructions by their byte. */
export type Ops = Record<number, Op>
type Run = Op['run']

export const op = (name: string, gas: number, takes: number, gives: number, run: Run): Op => ({
  name,
  gas,
  takes,
  gives,
  run,
})
export const pop = (machine: Machine): bigint => machine.stack.pop()!

export function unary(name: string, gas: number, f: (a: bigint) => bigint): Op {
  return op(name, gas, 1, 1, (machine) => {
    machine.stack.push(f(pop(machine)))
  })
}

/** `f` takes the top of the stack first. */
export function binary(name: string, gas: number, f: (a: bigint, b: bigint) => bigint): Op {
  return op(name, gas, 2, 1, ({ stack }) => {
    const a = stack.pop()!
    stack.push(f(a, stack.pop()!))
  })
}

export function ternary(name: string, gas: number, f: (a: bigint, b: bigint, c: bigint) => bigint): Op {
  return op(name, gas, 3, 1, ({ stack }) => {
    const a = stack.pop()!
    const b = stack.pop()!
    stack.push(f(a, b, stack.pop()!))
  })
}

export function constant(name: string, f: (machine: Machine) => number): Op {
  return op(name, 2, 0, 1, (machine) => {
    machine.stack.push(BigInt(f(machine)))
  })
}
