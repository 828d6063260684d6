import { rmSync } from 'node:fs'
import { HouseOperator } from '../../sdk/house/operator/operator.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { sealFile } from '../../sdk/storage/seal-file.ts'
import { openSqlite } from '../../sdk/storage/sqlite.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import { FakeChain } from '../../test/sdk/house/fake-chain.ts'
import { serve } from '../hub/ipc.ts'
import { identityOf, PAYERS } from './member.ts'

// The operator of a house in a process of its own: real sockets, SQLite and a seal, both fsynced. Its chain only deposits: nothing else of
// it is measured.

const { file, members } = JSON.parse(process.argv[2]!) as { file: string; members: number }
const signer = sessionSigner(new Uint8Array(32).fill(0xee))
const chain = new FakeChain(signer.address)
const rss = () => {
  globalThis.gc?.()
  return process.memoryUsage().rss
}
const before = rss()
for (let i = 0; i < members; i++) await chain.post(identityOf(i), 10n ** 18n)
const store = openSqlite(file, { identity: { ...chain.domain, signer: signer.address } })
const operator = await HouseOperator.start({
  chain: chain.port,
  store,
  seal: sealFile(`${file}.seal`),
  signer,
  // All members that pay come from one host.
  transports: [tcpTransport({ signer, maxConnectionsPerHost: PAYERS, maxStrangersPerHost: PAYERS })],
  listen: ['tcp://127.0.0.1:0'],
  epochSeconds: 3_000,
  perSecond: 1_000_000,
})
while (operator.status().members < members) await new Promise((resolve) => setTimeout(resolve, 50))

serve({
  start: () => ({
    address: operator.listening[0]!,
    operator: signer.address,
    domain: chain.domain,
    perMember: (rss() - before) / members,
  }),
  cpu: () => process.cpuUsage(),
  async stop() {
    await operator.stop()
    await store.close()
    rmSync(file, { force: true })
  },
})
