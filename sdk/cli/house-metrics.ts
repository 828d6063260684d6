import { formatEther } from 'ethers'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { EthersHouse } from '../chain/house/ethers-house.ts'
import { COIN } from '../core/types.ts'
import type { OperatorEvent } from '../house/operator/events.ts'
import type { HouseOperator } from '../house/operator/operator.ts'
import type { HouseStatus } from '../house/operator/options.ts'
import type { Desk } from './daemon.ts'
import { readGauge } from './gauge.ts'

/** What the events and the state of a house come to, in logs and metrics. */
export function houseMetrics({ log, metrics, alarm }: Desk, chain: EthersHouse) {
  const registers = [metrics]
  const counted = counters(registers)
  let stale: string | undefined
  let fatal: string | undefined

  function told(event: OperatorEvent): void {
    if (event.kind === 'alarm') {
      alarm(event.error)
      if (event.isFatal) fatal = event.error.message
      return
    }
    if (event.kind === 'chain') {
      stale = event.healthy ? undefined : `The view of the chain is stale: ${event.reason}`
      log[event.healthy ? 'info' : 'error']({ reason: event.reason }, event.healthy ? 'chain fresh' : 'chain stale')
      return
    }
    counted(event)
    log[LEVELS[event.kind]](readable(event), event.kind)
  }

  return { told, fault: () => fatal ?? stale, follow: (house: HouseOperator) => follow(house, chain, registers) }
}

const LEVELS = {
  turn: 'debug',
  cut: 'info',
  built: 'info',
  sent: 'info',
  committed: 'info',
  demanded: 'warn',
  answered: 'warn',
  halted: 'error',
  rejected: 'info',
} as const

/** Counts what happens. */
function counters(registers: Desk['metrics'][]): (event: OperatorEvent) => void {
  const events = new Counter({
    name: 'tallystick_house_events_total',
    help: 'Cuts, commits, demands, answers, members turned away, halts',
    labelNames: ['kind'],
    registers,
  })
  for (const kind of Object.keys(LEVELS)) if (kind !== 'turn') events.inc({ kind }, 0)
  const turns = new Histogram({
    name: 'tallystick_house_turn_seconds',
    help: 'From the first request of a turn until all of it is durable',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
    registers,
  })
  const size = new Histogram({
    name: 'tallystick_house_turn_requests',
    help: 'Requests of a turn',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
    registers,
  })
  const gauge = (name: string, help: string) => new Gauge({ name: `tallystick_house_${name}`, help, registers })
  const building = gauge('build_seconds', 'Making leaves and trees of the last epoch')
  const gas = gauge('commit_gas', 'Gas of the last commit')
  return (event) => {
    if (event.kind === 'turn') {
      turns.observe(event.milliseconds / 1_000)
      size.observe(event.jobs)
      return
    }
    events.inc({ kind: event.kind })
    if (event.kind === 'built') building.set(event.milliseconds / 1_000)
    if (event.kind === 'sent') gas.set(Number(event.gasUsed))
  }
}

/** Without integers that JSON does not have. */
function readable(event: Exclude<OperatorEvent, { kind: 'alarm' | 'chain' }>): object {
  const { kind: _, ...facts } = event
  const plain = (value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value instanceof Error ? value.message : value
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, plain(value)]))
}

/** Gauges that are read when somebody asks. */
function follow(house: HouseOperator, chain: EthersHouse, registers: Desk['metrics'][]): void {
  const gauge = (name: string, help: string, read: (status: HouseStatus) => number | Promise<number>) =>
    readGauge(`tallystick_house_${name}`, help, registers, () => read(house.status()))
  gauge('members', 'Members with an index', ({ members }) => members)
  gauge('connected', 'Members that are connected', ({ connected }) => connected)
  gauge('payments', 'Payments since the start', ({ payments }) => payments)
  gauge('epoch', 'The open epoch', ({ open }) => Number(open))
  gauge('uncommitted', 'Epochs that are cut and not confirmed', ({ open, committed }) => Number(open - committed) - 1)
  gauge('overdue_seconds', 'How long the open epoch should have been cut', ({ nextCut }) =>
    Math.max(0, (Date.now() - nextCut) / 1_000),
  )
  gauge('demands', 'Demands in the court that wait for an answer', ({ demands }) => demands)
  gauge('chain_time_seconds', 'Time of the newest block that was seen', async () =>
    Number((await chain.state()).latest.head.timestamp),
  )
  gauge('gas_money', "Whole coins of the operator's account", async () =>
    Number(formatEther(await chain.balance(COIN))),
  )
}
