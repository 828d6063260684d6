import { type Address, COIN, type LedgerRef } from '../../sdk/core/types.ts'
import { START } from './cast.ts'
import type { Answer } from './messages.ts'
import { type Bank, deposited, expectedEnd, gasPaid, type MoneyRow } from './money.ts'
import type { Carried } from './network.ts'
import type { Flow, Movement, Pace } from './story.ts'
import type { Mined } from './transactions.ts'

/** A claim about the run and, if it is wrong, what is the case instead. */
export interface Check {
  readonly claim: string
  readonly fault: string | undefined
}

type Listed = Answer<'list'>['totals']

const check = (claim: string, fault: string | false): Check => ({ claim, fault: fault || undefined })

/** The money table: where everybody's money is by the chain, beside what the plan says was paid. */
export async function moneyTable(
  bank: Bank,
  purses: readonly { readonly name: string; readonly owner: Address }[],
  token: Address,
  movements: readonly Movement[],
  transactions: readonly Mined[],
): Promise<MoneyRow[]> {
  const rows: MoneyRow[] = []
  for (const { name, owner } of purses) {
    for (const asset of [COIN, token]) {
      const sum = (side: 'from' | 'to') =>
        movements.reduce((sum, one) => (one[side] === name && one.asset === asset ? sum + one.total : sum), 0n)
      rows.push({
        actor: name,
        asset: asset === COIN ? 'ETH' : 'DEMO',
        start: asset === COIN ? START.coin : START.token,
        deposited: deposited(transactions, owner, asset),
        paid: sum('from'),
        received: sum('to'),
        gas: asset === COIN ? gasPaid(transactions, owner) : 0n,
        end: await bank.balance(owner, asset),
      })
    }
  }
  return rows
}

/** Whether everybody has, to the wei, what they should. */
export const checkMoney = (rows: readonly MoneyRow[]): Check[] =>
  rows.map((row) => {
    const missing = expectedEnd(row) - row.end
    const fault = `${row.end} instead of ${expectedEnd(row)}: ${missing > 0n ? missing : -missing} ${missing > 0n ? 'are missing' : 'too much'}`
    return check(`${row.actor} has every unit of ${row.asset} that the plan says`, missing !== 0n && fault)
  })

/** Whether both sides list each planned payment once. */
export function checkLists(flows: readonly Flow[], lists: Readonly<Record<string, Listed>>): Check[] {
  return flows.flatMap((flow) =>
    (['out', 'in'] as const).map((direction) => {
      const name = direction === 'out' ? flow.from : flow.to
      const found = lists[name]!.find(
        ({ channelId, asset, ...one }) =>
          channelId === flow.channelId && asset === flow.asset && one.direction === direction,
      )
      const { count, total } = found ?? { count: 0, total: 0n }
      const verb = direction === 'out' ? 'made' : 'received'
      return check(
        `${name}'s file lists each of the ${flow.count.toLocaleString('en')} payments of ${flow.asset === COIN ? 'ETH' : 'DEMO'} that ${name} ${verb}, once`,
        (count !== flow.count || total !== flow.total) &&
          `it lists ${count} payments of ${total} in all, not ${flow.count} of ${flow.total}`,
      )
    }),
  )
}

/** Whether the adjudicator holds nothing any more: no money, no debts, no open ledger. */
export async function checkAdjudicator(
  bank: Bank,
  adjudicator: Address,
  owners: readonly Address[],
  ledgers: readonly LedgerRef[],
): Promise<Check[]> {
  const assets = [...new Set(ledgers.map(({ asset }) => asset))]
  const checks: Check[] = []
  for (const asset of assets) {
    const held = await bank.balance(adjudicator, asset)
    checks.push(check(`the adjudicator holds no ${asset === COIN ? 'ETH' : 'DEMO'}`, held !== 0n && `it holds ${held}`))
    for (const owner of owners) {
      const owed = await bank.claimable(owner, asset)
      if (owed !== 0n) checks.push(check('no payout failed', `${owed} of ${asset} wait for ${owner}`))
    }
  }
  for (const ledger of ledgers) {
    const word = await bank.word(ledger)
    const over = word.phase === 'open' && word.generation === 1 && word.balances.every((balance) => balance === 0n)
    if (!over)
      checks.push(
        check('every channel is paid out', `${ledger.channelId} is at generation ${word.generation}, ${word.phase}`),
      )
  }
  return checks
}

/** Whether each of mallory's challenges was answered by whom it should be. */
export function checkCheat(
  transactions: readonly Mined[],
  mallory: Address,
  answers: Readonly<Record<string, readonly [Address, number]>>,
): Check[] {
  const times = Object.values(answers).reduce((sum, [, count]) => sum + count, 0)
  const sent = (name: string, from: Address) =>
    transactions.filter((one) => one.succeeded && one.call?.name === name && one.from === from).length
  return [
    check(
      `mallory challenged with ${times} old states`,
      sent('submit', mallory) !== times && `she sent ${sent('submit', mallory)}`,
    ),
    ...Object.entries(answers).map(([name, [address, count]]) => {
      const found = sent('submit', address)
      return check(`${name} answered ${count} of them`, found !== count && `it was ${found}`)
    }),
  ]
}

/** Whether payments over hops went as the story says. */
export const checkHops = ({ parts, fees, count }: Carried): Check[] => [
  check('a payment that no way carries alone arrived in parts', parts < 2 && `it arrived in ${parts}`),
  check(`hana was paid for carrying some of ${count} payments`, fees === 0n && 'she kept nothing'),
]

/** Whether things happened in the middle of payments, as the story says. */
export const checkPace = ({ meanwhile, beforeKill }: Pace, payments: number): Check[] => [
  check('payments went on while money was deposited and withdrawn', meanwhile === 0 && 'none was acknowledged'),
  check('bob was killed in the middle of the payments', beforeKill === payments && 'all were made by then'),
]

/** Whether no transaction was wasted. */
export const checkTransactions = (transactions: readonly Mined[]): Check => {
  const failed = transactions.filter(({ succeeded }) => !succeeded).map(({ call }) => call?.name ?? 'a transfer')
  return check('no transaction reverted', failed.length > 0 && failed.join(', '))
}
