import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { startPeer } from '../../../bench/payments-peer.ts'
import type { Node } from '../../../sdk/node/node.ts'
import { until } from '../../until.ts'

const program = fileURLToPath(new URL('killed-payer.ts', import.meta.url))

describe('a payer whose process is killed', () => {
  it('S1 S10 loses nothing that it said was paid, and pays nothing twice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-killed-'))
    const payee = await startPeer('payee', join(folder, 'payee.sqlite'))
    let child: ChildProcess | undefined
    try {
      const address = await payee.node.listen('tcp://127.0.0.1:0')
      let channel = ''
      let said = 0
      for (const pause of [40, 5, 90, 20, 60, 1]) {
        child = fork(program, [join(folder, 'payer.sqlite'), address, channel])
        child.on('message', (message: { channel?: string; paid?: number }) => {
          channel ||= message.channel ?? ''
          said += message.paid ?? 0
        })
        const before = said
        await until(() => said > before)
        await new Promise((resolve) => setTimeout(resolve, pause))
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      }
      const payer = await startPeer('killed', join(folder, 'payer.sqlite'))
      await payer.node.connect(address)
      const balances = () => payer.node.channels()[0]!.ledgers[0]!
      await until(() => balances().blocked === undefined && balances().unacknowledged === 0n)
      const [out, into] = [await listOf(payer.node), await listOf(payee.node)]
      expect(into).to.deep.equal(out)
      expect(new Set(out).size).to.equal(out.length)
      expect(out.length).to.be.at.least(said)
      expect(payee.node.channels()[0]!.ledgers[0]!.entitlement - (1n << 100n)).to.equal(BigInt(out.length))
      await payer.node.stop()
      await payer.store.close()
    } finally {
      child?.kill('SIGKILL')
      await payee.node.stop()
      await payee.store.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

async function listOf(node: Node): Promise<string[]> {
  const lines: string[] = []
  for await (const { id, version, index, amount } of node.payments()) lines.push(`${version}/${index}/${id}/${amount}`)
  return lines
}
