import { readdirSync, statSync } from 'node:fs'
import { connectChain } from '../../sdk/chain/connect.ts'
import { toBytes, toHex } from '../../sdk/core/bytes.ts'
import { keccak256 } from '../../sdk/core/keccak.ts'
import type { Address, Domain } from '../../sdk/core/types.ts'
import { Node, type NodeOptions } from '../../sdk/node/node.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { openSqlite } from '../../sdk/storage/sqlite.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'

/** Where the processes of the benchmark meet. */
export interface Place {
  readonly rpc: string
  readonly domain: Domain
  /** For stores. */
  readonly folder: string
}

/** What a parent process wrote as JSON. */
export const placeOf = (
  given: Omit<Place, 'domain'> & { domain: { chainId: string; adjudicator: Address } },
): Place => ({
  ...given,
  domain: { ...given.domain, chainId: BigInt(given.domain.chainId) },
})

/** A node with an SQLite file, TCP, and a connection of its own to the chain. */
export async function startNode(place: Place, name: string, pollMs: number, options: Partial<NodeOptions> = {}) {
  const { rpc, domain, folder } = place
  const key = keccak256(new TextEncoder().encode(name))
  const signer = sessionSigner(key)
  const store = openSqlite(`${folder}/${name}.sqlite`, { identity: { ...domain, signer: signer.address } })
  const deployment = { adjudicator: domain.adjudicator, block: 0 }
  const chain = await connectChain({ rpc, store, deployment, pollMs, staleMs: 20 * pollMs })
  const node = await Node.start({
    key,
    owner: toHex(keccak256(toBytes(signer.address)).subarray(12)) as Address,
    chain,
    store,
    // All clients come from one machine.
    transports: [tcpTransport({ signer, maxConnections: 8_192, maxConnectionsPerHost: 8_192 })],
    ...options,
  })
  return { node, store, chain }
}

/** Bytes that the files of a folder take whose names begin so. */
export const sizeOf = (folder: string, name: string): number =>
  readdirSync(folder)
    .filter((file) => file.startsWith(name))
    .reduce((sum, file) => sum + statSync(`${folder}/${file}`).size, 0)
