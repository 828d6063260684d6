import { toBytes, toHex } from '../sdk/core/bytes.ts'
import { keccak256 } from '../sdk/core/keccak.ts'
import type { Address } from '../sdk/core/types.ts'
import { Node, type NodeOptions } from '../sdk/node/node.ts'
import { sessionSigner } from '../sdk/signing/session.ts'
import { openSqlite } from '../sdk/storage/sqlite.ts'
import { tcpTransport } from '../sdk/transport/tcp.ts'
import { funded } from './funded-chain.ts'

/** A node of the benchmark: sqlite file, TCP, everything on. */
export async function startPeer(
  name: string,
  file: string,
  options: Partial<Pick<NodeOptions, 'maxPerSignature' | 'transports'>> = {},
) {
  const key = keccak256(new TextEncoder().encode(name))
  const signer = sessionSigner(key)
  const owner = toHex(keccak256(toBytes(signer.address)).subarray(12)) as Address
  const chain = funded(owner)
  const store = openSqlite(file, { identity: { ...chain.domain, signer: signer.address } })
  const node = await Node.start({
    signer,
    owner,
    chain,
    store,
    transports: [tcpTransport({ signer })],
    policy: { minPeriod: 60 },
    ...options,
  })
  return { node, store }
}
