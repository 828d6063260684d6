import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import type { Address, ChannelId } from '../../sdk/core/types.ts'
import { connectChain, memoryStore, Node, sessionSigner, signDirect, webSocketTransport } from '../../sdk/index.ts'
import { startAnvil, type TestChain } from '../sdk/chain/anvil.ts'
import { until } from '../until.ts'
import { NO_BROWSER, startBrowser, type TestBrowser } from './chromium.ts'
import { bundle, type Site, serve } from './site.ts'
import { injectWallet } from './wallet.ts'

const ETHER = 10n ** 18n
const [DAPP, STORE] = ["import './dapp.ts'", "import './store-page.ts'"]
const [, example = ''] = /```js\n(.*?)```/s.exec(readFileSync('docs/browser.md', 'utf8')) ?? []

describe('the SDK in a browser', () => {
  let browser: TestBrowser
  let site: Site | undefined

  before(async function () {
    this.timeout(120_000)
    const started = await startBrowser()
    if (!started) {
      console.log(NO_BROWSER)
      return this.skip()
    }
    browser = started
  })
  afterEach(async () => {
    for (const page of browser?.context.pages() ?? []) await page.close()
    await site?.close()
    site = undefined
  })
  after(() => browser?.close())

  interface Visit {
    readonly policy?: string
    readonly prepare?: (page: Page) => Promise<unknown>
  }

  /** A new page of a new site that runs this code. */
  async function visit(code: string, { policy, prepare }: Visit = {}): Promise<Page> {
    site = await serve(await bundle(code), policy)
    const page = await browser.context.newPage()
    page.on('pageerror', (error) => console.error(error))
    await prepare?.(page)
    await page.goto(site.url)
    return page
  }

  /** Modules that compile WebAssembly go on after the page's own load event. */
  async function loaded(page: Page): Promise<Page> {
    await page.waitForFunction(() => window.loaded)
    return page
  }

  it('says of what needs Node that it is not there', async () => {
    const page = await loaded(await visit(DAPP))
    const codes = await page.evaluate(() => window.dapp.refusals())
    expect(codes).to.deep.equal(['STORE_UNAVAILABLE', 'UNSUPPORTED', 'UNSUPPORTED'])
  })

  it('gets by where the policy of the page forbids WebAssembly', async () => {
    const page = await loaded(await visit(DAPP, { policy: "default-src 'self'" }))
    const [key, digest] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const signature = await page.evaluate(([k, d]) => window.dapp.signature(k, d), [key, digest] as const)
    expect(signature).to.deep.equal(signDirect(sessionSigner(key), digest))
    expect(await page.evaluate(() => WebAssembly.compile(new Uint8Array()).catch(String))).to.include('Policy')
  })

  it('keeps a store in IndexedDB as every store must', async function () {
    this.timeout(120_000)
    const page = await loaded(await visit(STORE))
    const { passed, failed } = await page.evaluate(() => window.storePage.runSuite())
    expect(failed).to.deep.equal([])
    expect(passed.length).to.be.greaterThan(15)
  })

  it('S1 keeps every commit that was acknowledged, each whole, when the browser is killed amid committing', async () => {
    let acknowledged = -1
    const hear = (n: number) => {
      acknowledged = n
    }
    const page = await visit(STORE, { prepare: (fresh) => fresh.exposeFunction('acknowledged', hear) })
    await loaded(page)
    const interrupted = page.evaluate(() => window.storePage.commitOn()).catch(() => {})
    await until(() => acknowledged >= 200)
    await browser.crash()
    await interrupted

    const again = await browser.context.newPage()
    await again.goto(site!.url)
    await loaded(again)
    const [last, ...log] = await again.evaluate(() => window.storePage.readLog())
    expect(log.length).to.be.greaterThan(acknowledged)
    for (const [n, [key, value]] of log.entries()) {
      expect(key).to.equal(`log/${String(n).padStart(8, '0')}`)
      expect(value).to.deep.equal(Array(500).fill(n % 256))
    }
    expect(last).to.deep.equal(['last', [(log.length - 1) % 256]])
  })

  describe('with a wallet, a hub and a chain', () => {
    let anvil: TestChain
    let hub: Node
    let address: string
    let owner: Address

    before(async () => {
      anvil = await startAnvil()
      owner = anvil.wallet(0).address.toLowerCase() as Address
      const store = memoryStore()
      const signer = anvil.wallet(1)
      hub = await Node.start({
        key: `0x${'11'.repeat(32)}`,
        owner: signer.address,
        chain: await connectChain({ rpc: anvil.url, store, signer, deployment: { adjudicator: anvil.adjudicator } }),
        store,
        transports: (session) => [webSocketTransport({ signer: session })],
        tick: 50,
      })
      address = await hub.listen('ws://127.0.0.1:0')
    })
    after(async () => {
      await hub?.stop()
      await anvil?.stop()
    })

    it('opens, pays, is reloaded amid a payment, goes on, receives and closes, to the wei; the wallet is asked for transactions alone', async function () {
      this.timeout(120_000)
      const { adjudicator } = anvil
      const [before, hubsBefore] = await Promise.all(
        [owner, hub.owner].map((account) => anvil.provider.getBalance(account)),
      )
      const page = await loaded(await visit(DAPP, { prepare: installWallet }))
      const asked = () => page.evaluate(() => window.walletWindows)

      const started = await page.evaluate((at) => window.dapp.start(at), adjudicator)
      const channel = await page.evaluate((at) => window.dapp.open(at), address)
      await page.evaluate(([id, amount]) => window.dapp.deposit(id, amount), [channel, ETHER] as const)
      expect(await asked()).to.deep.equal(['eth_sendTransaction'])

      const interrupted = payOften(page, channel, 100).catch(() => {})
      await until(() => hub.balances(channel).spendable >= 20n * 7n)
      expect(await asked()).to.deep.equal(['eth_sendTransaction'])
      // Nothing is stopped first: for the node a reload is a crash.
      await page.reload()
      await interrupted
      await loaded(page)
      expect(await page.evaluate((at) => window.dapp.start(at), adjudicator)).to.equal(started)
      expect(await page.evaluate(() => window.dapp.channels())).to.deep.equal([channel])
      await page.evaluate((at) => window.dapp.connect(at), address)
      await payOften(page, channel, 1)
      const { out } = await page.evaluate(() => window.dapp.listed())
      expect(out).to.be.within(21, 100)
      await payOften(page, channel, 100 - out)
      for (let paid = 0; paid < 10; paid++) await hub.pay(channel, 3n)
      expect(await page.evaluate(() => window.dapp.listed())).to.deep.equal({ in: 10, out: 100 })
      expect(await asked()).to.deep.equal([])

      await page.evaluate((id) => window.dapp.close(id), channel)
      expect(await asked()).to.deep.equal(['eth_sendTransaction'])
      await page.evaluate(() => window.dapp.stop())

      const paid = 100n * 7n - 10n * 3n
      const [after, hubsAfter] = await Promise.all(
        [owner, hub.owner].map((account) => anvil.provider.getBalance(account)),
      )
      expect(before! - after! - (await gasOf(owner))).to.equal(paid)
      expect(hubsAfter! - hubsBefore!).to.equal(paid)
      expect(await anvil.provider.getBalance(adjudicator)).to.equal(0n)
    })

    it('runs the example of the documents', async () => {
      const code = example
        .replace(/(?<=adjudicator = ')0x\w+/, anvil.adjudicator)
        .replace(/(?<=hub = ')wss:[^']+/, address)
      const page = await visit(`${code}\nwindow.loaded = true`, { prepare: installWallet })
      await loaded(page)
      const payments = []
      for await (const { amount, memo } of hub.payments()) payments.push({ amount, memo })
      expect(payments.at(-1)).to.deep.equal({ amount: ETHER / 1000n, memo: 'coffee' })
      expect(await page.evaluate(() => window.walletWindows)).to.deep.equal(['eth_sendTransaction'])
    })

    const installWallet = (page: Page) => page.addInitScript(injectWallet, { rpc: anvil.url, account: owner })

    const payOften = (page: Page, channel: ChannelId, times: number) =>
      page.evaluate(([id, count]) => window.dapp.payOften(id, 7n, count), [channel, times] as const)

    /** What an account paid for gas in all blocks, in wei. */
    async function gasOf(account: string): Promise<bigint> {
      let sum = 0n
      for (let number = await anvil.provider.getBlockNumber(); number > 0; number--) {
        const receipts = (await anvil.rpc('eth_getBlockReceipts', `0x${number.toString(16)}`)) as Record<
          string,
          string
        >[]
        for (const { from, gasUsed, effectiveGasPrice } of receipts)
          if (from === account) sum += BigInt(gasUsed!) * BigInt(effectiveGasPrice!)
      }
      return sum
    }
  })
})
