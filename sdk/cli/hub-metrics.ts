import { formatEther } from 'ethers'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { EthersChain } from '../chain/adapter.ts'
import { COIN } from '../core/types.ts'
import type { LedgerBalances } from '../node/ledgers/balances.ts'
import type { Node } from '../node/node.ts'
import type { Store } from '../storage/store.ts'
import type { Desk } from './daemon.ts'
import { readGauge } from './gauge.ts'

/** Tells a hub's events and state in logs and metrics; answers what is wrong with it at the moment. */
export function hubMetrics(desk: Desk, node: Node, chain: EthersChain): () => string | undefined {
  countPayments(desk, node)
  showState(desk.metrics, node, chain)
  return logEvents(desk, node)
}

/** A store whose commits are timed. */
export function timed(store: Store, metrics: Registry): Store {
  const seconds = new Histogram({
    name: 'tallystick_hub_commit_seconds',
    help: 'How long a commit took until it was durable',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    registers: [metrics],
  })
  return {
    get: (key) => store.get(key),
    list: (prefix, after) => store.list(prefix, after),
    close: () => store.close(),
    async commit(writes) {
      const end = seconds.startTimer()
      await store.commit(writes)
      end()
    },
  }
}

/** Amounts are in the asset's smallest unit. */
function countPayments({ metrics }: Desk, node: Node): void {
  const counter = <L extends string>(name: string, help: string, labels: readonly L[]) =>
    new Counter({ name: `tallystick_hub_${name}_total`, help, labelNames: labels, registers: [metrics] })
  const forwarded = counter('forwarded', 'Parts of payments that were carried', ['asset'])
  const value = counter('forwarded_value', 'What went out with them', ['asset'])
  const fees = counter('fees', 'What stayed here for it', ['asset'])
  const back = counter('turned_back', 'Parts that were not carried, by reason', ['asset', 'reason'])
  const swapped = counter('swapped', 'Swaps that were carried', ['taken', 'given'])
  const taken = counter('swapped_taken', 'What came in with them', ['taken', 'given'])
  const given = counter('swapped_given', 'What went out with them', ['taken', 'given'])
  const sold = counter('inbound_sold', 'Money of this hub that clients bought in their channels', ['asset'])
  const moved = counter('rebalanced', 'Money that this hub moved between its channels', ['asset'])
  const cost = counter('rebalancing_fees', 'What others kept for it', ['asset'])
  node.on('rebalanced', ({ asset, moved: sum, fee }) => {
    moved.inc({ asset }, Number(sum))
    cost.inc({ asset }, Number(fee))
  })
  node.on('inbound-sold', ({ asset, amount }) => sold.inc({ asset }, Number(amount)))
  node.on('forwarded', ({ asset, amount, fee }) => {
    forwarded.inc({ asset })
    value.inc({ asset }, Number(amount))
    fees.inc({ asset }, Number(fee))
  })
  node.on('swapped', ({ gave, got }) => {
    const labels = { taken: got.asset, given: gave.asset }
    swapped.inc(labels)
    taken.inc(labels, Number(got.amount))
    given.inc(labels, Number(gave.amount))
  })
  node.on('turned-back', ({ asset, reason }) => back.inc({ asset, reason }))
}

/** Gauges that are read when somebody asks. */
function showState(metrics: Registry, node: Node, chain: EthersChain): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    readGauge(`tallystick_hub_${name}`, help, [metrics], read)
  gauge('channels', 'Channels', () => node.channels().length)
  gauge('connected', 'Channels whose peer is connected', () => node.channels().filter((each) => each.connected).length)
  gauge('parts', 'Parts of payments on their way', () => node.load().carrying)
  gauge('busy', '1 while new parts are refused', () => Number(node.load().busy))
  gauge('chain_block', 'Newest block that was followed', async () => (await chain.head()).number)
  gauge('chain_time_seconds', 'Its time', async () => Number((await chain.head()).timestamp))
  gauge('gas_money', 'Whole coins of the account that pays for gas', async () =>
    Number(formatEther(await chain.balance(COIN))),
  )
  capacity(metrics, node, 'in', 'What peers can pay to this hub', ({ receivable }) => receivable)
  capacity(metrics, node, 'out', 'What this hub can pay to peers', ({ spendable }) => spendable)
}

function capacity(
  metrics: Registry,
  node: Node,
  direction: 'in' | 'out',
  help: string,
  read: (ledger: LedgerBalances) => bigint,
): void {
  new Gauge({
    name: `tallystick_hub_capacity_${direction}`,
    help: `${help}, in the asset's smallest unit`,
    labelNames: ['asset'],
    registers: [metrics],
    collect() {
      const sums = new Map<string, bigint>()
      for (const { ledgers } of node.channels())
        for (const ledger of ledgers) sums.set(ledger.asset, (sums.get(ledger.asset) ?? 0n) + read(ledger))
      for (const [asset, sum] of sums) this.set({ asset }, Number(sum))
    },
  })
}

/** What an operator wants to find in the log; payments are counted, not listed. */
function logEvents({ log, alarm }: Desk, node: Node): () => string | undefined {
  let fault: string | undefined
  node.on('alarm', ({ error }) => alarm(error))
  node.on('chain', ({ healthy, reason }) => {
    fault = healthy ? undefined : `The view of the chain is stale: ${reason}`
    log[healthy ? 'info' : 'error']({ reason }, healthy ? 'chain fresh' : 'chain stale')
  })
  node.on('opened', ({ channelId, peer, assets }) => log.info({ channelId, peer, assets }, 'opened'))
  node.on('confirmed', ({ channelId, asset, balances }) =>
    log.info({ channelId, asset, balances: balances.map(String) }, 'confirmed'),
  )
  node.on('connected', ({ peer }) => log.debug({ peer }, 'connected'))
  node.on('disconnected', ({ peer, reason }) => log.debug({ peer, reason: reason?.message }, 'disconnected'))
  node.on('disputed', ({ channelId, asset, expiry }) => log.warn({ channelId, asset, expiry: `${expiry}` }, 'disputed'))
  node.on('frozen', ({ channelId, asset }) => log.error({ channelId, asset }, 'frozen'))
  node.on('ended', ({ channelId, asset, generation }) => log.info({ channelId, asset, generation }, 'ended'))
  node.on('inbound-sold', ({ channelId, asset, amount, fee }) =>
    log.info({ channelId, asset, amount: `${amount}`, fee: `${fee}` }, 'inbound sold'),
  )
  node.on('forwarded', ({ asset, amount, fee, from, to }) =>
    log.debug({ asset, amount: `${amount}`, fee: `${fee}`, from, to }, 'forwarded'),
  )
  node.on('swapped', ({ gave, got, from, to }) => {
    const [taken, given] = [got, gave].map(({ asset, amount }) => ({ asset, amount: `${amount}` }))
    log.info({ taken, given, from, to }, 'swapped')
  })
  node.on('turned-back', ({ asset, reason }) => log.debug({ asset, reason }, 'turned back'))
  return () => fault
}
