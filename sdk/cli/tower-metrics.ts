import { formatEther } from 'ethers'
import { Counter } from 'prom-client'
import type { EthersChain } from '../chain/adapter.ts'
import { COIN } from '../core/types.ts'
import type { TowerEvent } from '../watchtower/events.ts'
import type { TowerStatus, Watchtower } from '../watchtower/tower.ts'
import type { Desk } from './daemon.ts'
import { readGauge } from './gauge.ts'

/** What a tower's events and state come to, in logs and metrics. */
export function towerMetrics({ log, metrics, alarm }: Desk, chain: EthersChain) {
  const registers = [metrics]
  const events = new Counter({
    name: 'tallystick_tower_events_total',
    help: 'Appointments taken, clients turned away, disputes, answers, settlements, disputes that are over',
    labelNames: ['kind'],
    registers,
  })
  for (const kind of Object.keys(LEVELS)) events.inc({ kind }, 0)
  const gas = new Counter({
    name: 'tallystick_tower_gas_used_total',
    help: 'Gas that answers and settlements used',
    registers,
  })
  let fault: string | undefined

  function told(event: TowerEvent): void {
    if (event.kind === 'alarm') {
      alarm(event.error)
      return
    }
    if (event.kind === 'chain') {
      fault = event.healthy ? undefined : `The view of the chain is stale: ${event.reason}`
      log[event.healthy ? 'info' : 'error']({ reason: event.reason }, event.healthy ? 'chain fresh' : 'chain stale')
      return
    }
    events.inc({ kind: event.kind }, event.kind === 'appointed' ? event.count : 1)
    if ('gasUsed' in event) gas.inc(Number(event.gasUsed))
    log[LEVELS[event.kind]](readable(event), event.kind)
  }

  return { told, fault: () => fault, follow: (tower: Watchtower) => follow(tower, chain, registers) }
}

const LEVELS = {
  appointed: 'debug',
  rejected: 'info',
  disputed: 'warn',
  answered: 'warn',
  settled: 'info',
  closed: 'info',
} as const

/** Without integers that JSON does not have. */
function readable(event: Exclude<TowerEvent, { kind: 'alarm' | 'chain' }>): object {
  const { kind: _, ...facts } = event
  const plain = (value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value instanceof Error ? value.message : value
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [key, Array.isArray(value) ? value.map(plain) : plain(value)]),
  )
}

/** Gauges that are read when somebody asks. */
function follow(tower: Watchtower, chain: EthersChain, registers: Desk['metrics'][]): void {
  const gauge = (name: string, help: string, read: (status: TowerStatus) => number) =>
    readGauge(`tallystick_tower_${name}`, help, registers, async () => read(await tower.status()))
  gauge('ledgers', 'Ledgers that are watched', ({ appointments }) => appointments)
  gauge('clients', 'Clients that have appointed', ({ clients }) => clients)
  gauge('connected', 'Clients that are connected', ({ connected }) => connected)
  gauge('disputes', 'Disputes about watched ledgers that are not over', ({ disputes }) => disputes)
  gauge('chain_block', 'Newest block that was seen', ({ head }) => head.number)
  gauge('chain_time_seconds', 'Its time', ({ head }) => Number(head.timestamp))
  const money = async () => Number(formatEther(await chain.balance(COIN)))
  readGauge('tallystick_tower_gas_money', 'Whole coins of the account that pays for answers', registers, money)
}
