import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { type SessionSigner, webSocketTransport } from '../sdk/index.ts'
import { NO_BROWSER, startBrowser } from '../test/browser/chromium.ts'
import { bundle, serve } from '../test/browser/site.ts'
import type { Payer } from './browser-page.ts'
import { startPeer } from './payments-peer.ts'

// Payments per second from a page of Chromium (WebSocket, IndexedDB with strict durability) to a node in this process (SQLite), every
// payment recorded and acknowledged. Beside them stands what IndexedDB commits a second by itself.

declare global {
  interface Window {
    readonly payer: Payer
  }
}

const ROWS = ['1 sequential', '1 pipelined', '10 pipelined', '100 sequential', '100 pipelined', '1000 pipelined']

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '4' } } })
const seconds = Number(values.seconds)

const browser = await startBrowser()
if (browser) {
  const site = await serve(await bundle("import '../../bench/browser-page.ts'"))
  try {
    const page = await browser.context.newPage()
    await page.goto(site.url)
    await page.waitForFunction(() => window.payer)
    await report(page)
  } finally {
    await browser.close()
    await site.close()
  }
} else {
  console.error(NO_BROWSER)
  process.exitCode = 1
}

async function report(page: Page): Promise<void> {
  const commits = await page.evaluate((time) => window.payer.commits(time), seconds)
  console.log(`IndexedDB, strict: ${commits.toFixed(0)} commits/s\n`)
  console.log('payments per signature    payments/s     p50 ms   per commit')
  for (const name of ROWS) {
    const { rate, p50 } = await measure(page, name)
    const cells = [
      Math.round(rate).toLocaleString('en').padStart(12),
      p50.toFixed(2).padStart(11),
      (rate / commits).toFixed(2).padStart(13),
    ]
    console.log(name.padEnd(24) + cells.join(''))
  }
}

async function measure(page: Page, name: string): Promise<{ rate: number; p50: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-bench-'))
  const transports = (signer: SessionSigner) => [webSocketTransport({ signer })]
  const { node, store } = await startPeer('payee', join(folder, 'payee.sqlite'), { transports })
  try {
    let received = 0n
    node.on('payment', ({ count }) => {
      received += BigInt(count)
    })
    const address = await node.listen('ws://127.0.0.1:0')
    const order = [address, name, seconds] as const
    const { sent, ...result } = await page.evaluate(([at, row, time]) => window.payer.pay(at, row, time), order)
    if (received !== sent) throw new Error(`${sent} payments were acknowledged and ${received} were received`)
    return result
  } finally {
    await node.stop()
    await store.close()
    rmSync(folder, { recursive: true })
  }
}
