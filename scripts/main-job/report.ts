import { formatUnits } from 'ethers'
import type { Check } from './audit.ts'
import type { PeerGas, StepGas } from './gas.ts'
import { expectedEnd, type MoneyRow } from './money.ts'

/** What a run came to. */
export interface Outcome {
  readonly money: readonly MoneyRow[]
  readonly payments: number
  /** Milliseconds from the first payment to the last acknowledgement. */
  readonly payingTime: number
  /** Milliseconds of it in which one of the two was gone. */
  readonly deadTime: number
  readonly steps: readonly StepGas[]
  readonly peers: PeerGas
  /** Of all actors' transactions, deployment and token transfers aside. */
  readonly gas: bigint
  /** Wei that it cost. */
  readonly fees: bigint
  readonly checks: readonly Check[]
  /** Milliseconds of the whole run, and those of it for the compiler. */
  readonly compileTime: number
  readonly time: number
}

/** Gas of a plain transfer: the least that a payment on chain can cost. */
const TRANSFER_GAS = 21_000n

const GAS_NOTES = [
  "best peer of a second member's deposit or a top-up: a plain transfer to a contract that was paid for with the first deposit",
  'finalise: here after an answer, so that its record is read and cleared as well',
  "co-operative close, ERC-20: here the contract's last tokens, so that 4,800 gas for its cleared balance come back",
]

const grouped = (value: number | bigint): string => value.toLocaleString('en')
const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`
const units = (amount: bigint): string => formatUnits(amount, 18).replace(/\.0$/, '')

/** The whole report, ready to print. */
export function render(outcome: Outcome): string {
  const { checks, compileTime, time } = outcome
  const failed = checks.filter(({ fault }) => fault !== undefined)
  return [
    heading('Money: end = start − paid + received − gas'),
    table(
      ['actor', 'asset', 'start', 'deposited', 'paid', 'received', 'gas', 'end', ''],
      outcome.money.map(moneyCells),
    ),
    heading('Payments'),
    speed(outcome),
    heading('Gas of this run'),
    table(
      ['step', 'times', 'gas', 'floor', 'to floor', 'best peer', '', 'of best'],
      outcome.steps.map((step) => gasCells(step, outcome.peers)),
    ),
    ...GAS_NOTES,
    heading('The same payments on chain'),
    onChain(outcome),
    heading('Checks'),
    ...checks.map(({ claim, fault }) => (fault === undefined ? `ok    ${claim}` : `WRONG ${claim}: ${fault}`)),
    '',
    failed.length === 0
      ? `All ${checks.length} checks hold. Nothing is missing, to the wei. ${seconds(time)} in all, ${seconds(compileTime)} of it for the compiler.`
      : `${failed.length} of ${checks.length} checks failed: ${failed.map(({ claim, fault }) => `it is not so that ${claim}: ${fault}`).join('; ')}.`,
  ].join('\n')
}

const heading = (text: string): string => `\n${text}\n${'─'.repeat(text.length)}`

function speed({ payments, payingTime, deadTime }: Outcome): string {
  const rate = (milliseconds: number) => `${grouped(Math.round((1_000 * payments) / milliseconds))} payments/s`
  return [
    `${grouped(payments)} payments, each with its own id, durable on both sides and acknowledged by its receiver's signature`,
    `${seconds(payingTime)}, ${rate(payingTime)}; without the ${seconds(deadTime)} in which bob was dead ${rate(payingTime - deadTime)}`,
  ].join('\n')
}

const moneyCells = (row: MoneyRow): string[] => [
  row.actor,
  row.asset,
  ...[row.start, row.deposited, row.paid, row.received, row.gas, row.end].map(units),
  row.end === expectedEnd(row) ? 'exact' : 'WRONG',
]

function gasCells({ name, times, gas }: StepGas, peers: PeerGas): string[] {
  const { floor, ...others } = peers[name] ?? {}
  const [best] = Object.entries(others).sort(([, a], [, b]) => a - b)
  return [
    name,
    String(times),
    grouped(gas),
    floor === undefined ? '' : grouped(floor),
    floor === undefined ? '' : (gas / floor).toFixed(3),
    best ? grouped(best[1]) : '',
    best ? best[0] : '',
    best ? `${((100 * gas) / best[1]).toFixed(1)} %` : '',
  ]
}

function onChain({ payments, gas, fees }: Outcome): string {
  const there = BigInt(payments) * TRANSFER_GAS
  const price = fees / (gas || 1n)
  return [
    `on chain      ${grouped(there)} gas, ${units(there * price)} ETH at this run's mean price (${grouped(payments)} × ${grouped(TRANSFER_GAS)} gas)`,
    `in channels   ${grouped(gas)} gas, ${units(fees)} ETH: opening, topping up, withdrawing, the cheat and its defeat, closing`,
    `              ${grouped(there / (gas || 1n))} times less, and ${(Number(gas) / payments).toFixed(1)} gas a payment`,
  ].join('\n')
}

/** Columns as wide as their widest cell; the first two to the left, the others to the right unless they are words. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const isText = head.map((_, column) => rows.every((row) => !/^\d/.test(row[column]!)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (isText[i] ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  return all.map(line).join('\n')
}
