import type { Server } from 'node:net'
import { fromSystem } from './errors.ts'
import { nothing } from './wire.ts'

/** A host as URLs write it. */
export const hostPart = (host = 'unknown'): string => (host.includes(':') ? `[${host}]` : host)

/** Starts a server and says where it listens. Rejects with a {@link TransportError}. */
export function bind(
  server: Server,
  host: string,
  port: number,
  address: string,
): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(fromSystem(error, address))
    server.once('error', fail)
    server.listen({ host, port }, () => {
      server.off('error', fail)
      // A later error (too many open files, say) must not end the process; the callers it concerns are gone anyway.
      server.on('error', nothing)
      const bound = server.address()
      resolve({ host, port: bound !== null && typeof bound === 'object' ? bound.port : port })
    })
  })
}
