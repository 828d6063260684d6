import { ChainError } from '../../chain/errors.ts'

/** Something that is tried again at every tick, and why it failed the last time. */
export interface Failing {
  failing?: string | undefined
}

/** Notes why `one` failed; whether that is to be told, since none of `all` has failed for that reason without having worked again. */
export function failsAnew(one: Failing, all: Iterable<Failing>, error: Error): boolean {
  const reason = reasonOf(error)
  const isTold = [...all].some(({ failing }) => failing === reason)
  one.failing = reason
  return !isTold
}

/** An RPC that fails may say something else each time. */
export const reasonOf = (error: Error): string =>
  error instanceof ChainError && error.retryable ? 'RPC' : error.message
