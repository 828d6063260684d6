import { toBytes } from '../core/bytes.ts'
import type { Hex } from '../core/types.ts'
import { execute, loadProgram } from './evm.ts'
import type { Program } from './evm-machine.ts'
import { assertPure } from './purity.ts'
import { InvalidAppError } from './rules.ts'

/** Bytes of code that a contract can have (EIP-170), and of what makes one (EIP-3860). */
const MAX_CODE = 24_576
const MAX_INIT_CODE = 49_152
/** With the price of the code itself, what fits into one transaction (EIP-7825). */
const DEPLOY_GAS = 8_000_000

/** The code of an app: as its compiler writes it (`bytecode`, with constructor arguments if any), or as it stands on chain. */
export type AppCode = { readonly initCode: Hex } | { readonly runtimeCode: Hex }

/** An app ready to be asked. Throws {@link InvalidAppError} if the chain would not deploy it, {@link ImpureAppError} if it is not pure. */
export function loadApp(code: AppCode): Program {
  const runtime = 'initCode' in code ? deployed(toBytes(code.initCode)) : toBytes(code.runtimeCode)
  if (runtime.length === 0 || runtime.length > MAX_CODE || runtime[0] === 0xef)
    throw new InvalidAppError(`${runtime.length} bytes are no code of a contract, which has 1 to ${MAX_CODE}.`)
  assertPure(runtime)
  return loadProgram(runtime)
}

/** What the constructor returns. */
function deployed(initCode: Uint8Array): Uint8Array {
  if (initCode.length > MAX_INIT_CODE)
    throw new InvalidAppError(`${initCode.length} bytes of init code are more than ${MAX_INIT_CODE}.`)
  const { end, output } = execute(loadProgram(initCode), new Uint8Array(), DEPLOY_GAS)
  if (end !== 'return') throw new InvalidAppError('The constructor of the app fails, so nobody can deploy it.')
  return output
}
