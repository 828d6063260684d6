import { TallystickError } from '../core/errors.ts'

export type TransportErrorCode =
  | 'BAD_ADDRESS'
  | 'UNSUPPORTED'
  | 'CLOSED_PORT'
  | 'UNKNOWN_HOST'
  | 'ADDRESS_IN_USE'
  | 'NOT_TALLYSTICK'
  | 'VERSION_MISMATCH'
  | 'HANDSHAKE_FAILED'
  | 'HANDSHAKE_TIMEOUT'
  | 'WRONG_PEER'
  | 'TOO_MANY_STRANGERS'
  | 'FRAME_TOO_LARGE'
  | 'BROKEN_RECORD'
  | 'PEER_SILENT'
  | 'PEER_SLOW'
  | 'CONNECTION_LOST'
  | 'CONNECTION_CLOSED'

/** What went wrong between two peers; `address` is what was dialled or where the peer came from. */
export class TransportError extends TallystickError {
  readonly code: TransportErrorCode
  readonly address: string

  constructor(code: TransportErrorCode, address: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.address = address
  }
}

/** The words for what the operating system says about a socket. */
export function fromSystem(error: unknown, address: string): TransportError {
  if (error instanceof TransportError) return error
  const code = (error as { code?: string }).code
  if (code === 'ECONNREFUSED')
    return new TransportError(
      'CLOSED_PORT',
      address,
      `Nobody listens at ${address}. Start the peer, or check host and port.`,
      error,
    )
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENETUNREACH' || code === 'EHOSTUNREACH')
    return new TransportError(
      'UNKNOWN_HOST',
      address,
      `${address} cannot be reached. Check the host name and this machine's network.`,
      error,
    )
  if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL')
    return new TransportError(
      'ADDRESS_IN_USE',
      address,
      `${address} cannot be listened on (${code}). Choose another host or port.`,
      error,
    )
  const fact = error instanceof Error ? error.message : String(error)
  return new TransportError(
    'CONNECTION_LOST',
    address,
    `The connection to ${address} broke (${fact}). Dial again.`,
    error,
  )
}

export const lost = (address: string): TransportError =>
  new TransportError('CONNECTION_LOST', address, `The connection to ${address} ended without a goodbye. Dial again.`)

export const connectionClosed = (address: string): TransportError =>
  new TransportError('CONNECTION_CLOSED', address, `The connection to ${address} is closed. Dial again before sending.`)

export const badAddress = (address: string, form: string): TransportError =>
  new TransportError(
    'BAD_ADDRESS',
    address,
    `${JSON.stringify(address)} is not an address of this transport. Write it as ${form}.`,
  )

/** A module of Node.js, fetched at run time so that a bundle for browsers that holds the caller still loads. */
export function builtin<T>(name: string, address: string): T {
  const module = globalThis.process?.getBuiltinModule?.(name)
  if (module !== undefined) return module as T
  throw new TransportError(
    'UNSUPPORTED',
    address,
    `${address} needs ${name} of Node.js. Elsewhere dial a ws:// or wss:// address.`,
  )
}
