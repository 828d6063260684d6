import { toBytes } from '../core/bytes.ts'
import type { Hex } from '../core/types.ts'
import { IMPURE } from './evm-impure.ts'
import { OPS } from './evm-ops.ts'
import { PRECOMPILES } from './evm-precompiles.ts'
import { ImpureAppError } from './rules.ts'

const [PUSH1, GAS, JUMPDEST, STATICCALL] = [0x60, 0x5a, 0x5b, 0xfa]
/** STOP, JUMP, RETURN, REVERT: what follows is reached by a jump or not at all. So it is behind an unknown instruction. */
const ENDS: ReadonlySet<number> = new Set([0x00, 0x56, 0xf3, 0xfd])

/**
 * Refuses code of which any instruction that can be reached depends on more than the call's input: an app that passes gives the same
 * answer at every time and to every caller. Throws {@link ImpureAppError}.
 *
 * Sound: an instruction is reached only from the one before it or as a JUMPDEST, and all of those are looked at. Data behind the code may
 * look like an instruction behind a JUMPDEST; compile with `metadata: { bytecodeHash: 'none' }`. Of precompiles, ecrecover, sha256,
 * ripemd160 and identity are allowed where the code itself names them right before the call, as solc writes it with `viaIR`.
 *
 * @example
 * ```ts
 * assertPure(artifact.deployedBytecode)
 * ```
 */
export function assertPure(runtimeCode: Hex | Uint8Array): void {
  const code = typeof runtimeCode === 'string' ? toBytes(runtimeCode) : runtimeCode
  let live = true
  // Places of the two instructions before, which are not always the bytes before: those may be data of a push.
  let [before, last] = [-1, -1]
  for (let at = 0; at < code.length; at++) {
    const byte = code[at]!
    live ||= byte === JUMPDEST
    if (live) check(code, at, code[last] === GAS ? before : -1)
    if (OPS[byte] === undefined || ENDS.has(byte)) live = false
    ;[before, last] = [last, at]
    if (byte >= PUSH1 && byte <= 0x7f) at += byte - 0x5f
  }
}

/** `named`: the place of the instruction before a GAS that is right before this one. */
function check(code: Uint8Array, at: number, named: number): void {
  const byte = code[at]!
  const name = IMPURE.get(byte)
  if (name !== undefined) throw new ImpureAppError(`uses ${name} (byte ${at} of its code)`)
  if (byte === GAS && code[at + 1] !== STATICCALL) throw new ImpureAppError(`reads GAS (byte ${at} of its code)`)
  // `PUSH1 precompile, GAS, STATICCALL`. Nobody can jump between them: there is no JUMPDEST.
  if (byte === STATICCALL && (code[named] !== PUSH1 || !PRECOMPILES.has(BigInt(code[named + 1]!))))
    throw new ImpureAppError(`calls what its code does not name as a precompile (byte ${at}; solc names it with viaIR)`)
}
