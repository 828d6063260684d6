import { ripemd160 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { fromUint, toUint } from '../core/bytes.ts'
import { keccak256 } from '../core/keccak.ts'
import { curve } from '../signing/secp256k1.ts'
import type { Machine } from './evm-machine.ts'
import { FAILURE } from './evm-memory.ts'
import { ImpureAppError } from './rules.ts'

/** A function of the EVM itself that is called like a contract. */
interface Precompile {
  readonly gas: number
  readonly gasPerWord: number
  run(input: Uint8Array): Uint8Array
}

/** Those that an app may call, by their address: ecrecover, sha256, ripemd160, identity. */
export const PRECOMPILES: ReadonlyMap<bigint, Precompile> = new Map([
  [1n, { gas: 3000, gasPerWord: 0, run: recover }],
  [2n, { gas: 60, gasPerWord: 12, run: (input: Uint8Array) => sha256(input) }],
  [3n, { gas: 600, gasPerWord: 120, run: (input: Uint8Array) => padded(ripemd160(input)) }],
  [4n, { gas: 15, gasPerWord: 3, run: (input: Uint8Array) => input.slice() }],
])

/** STATICCALL, which an app may only use for {@link PRECOMPILES}. */
export function staticCall(machine: Machine): void {
  const [asked, target] = [machine.stack.pop()!, machine.stack.pop()!]
  const [from, size] = [machine.stack.pop()!, machine.stack.pop()!]
  const [to, room] = [machine.stack.pop()!, machine.stack.pop()!]
  const precompile = PRECOMPILES.get(target)
  if (precompile === undefined) throw new ImpureAppError(`calls 0x${target.toString(16)}`)
  machine.gas -= machine.memory.grow(from, size)
  machine.gas -= machine.memory.grow(to, room)
  if (machine.gas < 0) throw FAILURE
  const input = size === 0n ? new Uint8Array() : machine.memory.peek(Number(from), Number(size))
  const output = pay(machine, precompile, asked, input.length) ? precompile.run(input) : undefined
  machine.returned = output ?? new Uint8Array()
  const kept = Math.min(machine.returned.length, Number(room))
  if (kept > 0) machine.memory.copy(Number(to), machine.returned, 0n, kept)
  machine.stack.push(output === undefined ? 0n : 1n)
}

/** Takes the price; if that is more than a call may get, all that it may get. */
function pay(machine: Machine, { gas, gasPerWord }: Precompile, asked: bigint, length: number): boolean {
  // A call gets at most 63/64 of what is left (EIP-150).
  const most = machine.gas - Math.floor(machine.gas / 64)
  const limit = asked < BigInt(most) ? Number(asked) : most
  const price = gas + gasPerWord * Math.ceil(length / 32)
  machine.gas -= Math.min(price, limit)
  return price <= limit
}

/** Hash, v, r and s, a word each; no bytes if nobody signed so. */
function recover(input: Uint8Array): Uint8Array {
  const whole = new Uint8Array(128)
  whole.set(input.subarray(0, 128))
  const v = toUint(whole.subarray(32, 64))
  if (v !== 27n && v !== 28n) return new Uint8Array()
  const signature = new Uint8Array(65)
  signature[0] = Number(v - 27n)
  signature.set(whole.subarray(64), 1)
  try {
    return padded(keccak256(curve.recover(signature, whole.subarray(0, 32)).subarray(1)).subarray(12))
  } catch {
    return new Uint8Array()
  }
}

const padded = (bytes: Uint8Array): Uint8Array => fromUint(toUint(bytes), 32)
