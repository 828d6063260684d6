import { formatEther } from 'ethers'
import { Counter } from 'prom-client'
import type { EthersHouse } from '../chain/house/ethers-house.ts'
import { COIN, type Hex } from '../core/types.ts'
import type { HouseTower, HouseTowerEvent } from '../house/tower/tower.ts'
import { StoreError } from '../storage/errors.ts'
import type { Desk } from './daemon.ts'
import { readGauge } from './gauge.ts'
import type { HouseTowers } from './house-towers.ts'

type Told = Exclude<HouseTowerEvent, { kind: 'alarm' }>

/** What the events and the state of towers of a house come to, in logs and metrics. */
export function houseTowerMetrics({ log, metrics, alarm }: Desk) {
  const registers = [metrics]
  const counted = counters(registers)
  /** All that share a connection are told of its alarms. */
  const known = new WeakSet<Error>()
  let stale: string | undefined
  let broken: string | undefined

  function alarmed(error: Error, about?: object): void {
    if (known.has(error)) return
    known.add(error)
    if (error instanceof StoreError) broken = error.message
    alarm(error, about)
  }

  return {
    told(member: Hex, event: HouseTowerEvent): void {
      if (event.kind === 'alarm') {
        alarmed(event.error, { member })
        return
      }
      counted(event)
      log[LEVELS[event.kind] ?? 'debug']({ member, ...readable(event) }, event.kind)
    },
    alarmed,
    healthy(isHealthy: boolean, reason?: string): void {
      stale = isHealthy ? undefined : `The view of the chain is stale: ${reason}`
      log[isHealthy ? 'info' : 'error']({ reason }, isHealthy ? 'chain fresh' : 'chain stale')
    },
    fault: () => broken ?? stale,
    follow: (towers: HouseTowers, chain: EthersHouse) => follow(towers, chain, registers),
  }
}

const LEVELS: Readonly<Partial<Record<Told['kind'], 'info' | 'warn' | 'error'>>> = {
  epoch: 'info',
  fault: 'error',
  outdated: 'warn',
  disputed: 'warn',
  final: 'info',
  halted: 'error',
  settled: 'info',
}

/** Counts what happens. */
function counters(registers: Desk['metrics'][]): (event: Told) => void {
  const events = new Counter({
    name: 'tallystick_house_tower_events_total',
    help: 'Epochs that were checked or are final, each for one member; wrong or missing leaves, outdated files, challenges, halts',
    labelNames: ['kind'],
    registers,
  })
  for (const kind of Object.keys(LEVELS)) events.inc({ kind }, 0)
  const findings = new Counter({
    name: 'tallystick_house_tower_findings_total',
    help: 'What was wrong with a leaf, by the rule that it breaks; path: not shown, or not in the epoch',
    labelNames: ['rule'],
    registers,
  })
  return (event) => {
    if (event.kind in LEVELS) events.inc({ kind: event.kind })
    if (event.kind === 'fault') for (const { rule } of event.findings) findings.inc({ rule })
  }
}

/** Without integers that JSON does not have, and without amounts. */
function readable(event: Told): object {
  return {
    ...('number' in event && { epoch: event.number?.toString() }),
    ...('findings' in event && { rules: [...new Set(event.findings.map(({ rule }) => rule))] }),
    ...('transaction' in event && { transaction: event.transaction }),
  }
}

/** Gauges that are read when somebody asks. */
function follow(towers: HouseTowers, chain: EthersHouse, registers: Desk['metrics'][]): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    readGauge(`tallystick_house_tower_${name}`, help, registers, read)
  const committed = async () => (await chain.state()).confirmed.lastCommitted
  gauge('members', 'Members that are watched for', () => towers.all.length)
  gauge('committed_epoch', 'The last epoch that the operator has committed to', async () => Number(await committed()))
  gauge('checked_epoch', 'The last epoch that is checked for every member', async () => {
    const last = await committed()
    return Math.min(Number(last), ...towers.all.map((tower) => Number(lastChecked(tower, last))))
  })
  gauge('chain_time_seconds', 'Time of the newest block that was seen', async () =>
    Number((await chain.state()).latest.head.timestamp),
  )
  gauge('gas_money', 'Whole coins of the account that pays bonds and gas', async () =>
    Number(formatEther(await chain.balance(COIN))),
  )
}

/** Epochs are checked in their order; those before the last final one are forgotten. */
function lastChecked(tower: HouseTower, committed: bigint): bigint {
  let number = committed
  while (number > tower.final && tower.verifyEpoch(number) === undefined) number -= 1n
  return number
}
