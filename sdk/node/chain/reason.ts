import { ChainError } from '../../chain/errors.ts'

/** Why something failed, for what is tried again at every tick and told once: an RPC that fails may say something else each time. */
export const reasonOf = (error: Error): string =>
  error instanceof ChainError && error.retryable ? 'RPC' : error.message
