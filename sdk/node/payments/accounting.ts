import { escapeControls } from '../errors.ts'
import type { ListedPayment } from '../ledgers/history.ts'

export type AccountingFormat = 'csv' | 'json'

const COLUMNS = [
  'time',
  'direction',
  'amount',
  'asset',
  'peer',
  'channelId',
  'id',
  'memo',
  'generation',
  'version',
  'index',
] as const

/** Payments as text for accounting, in pieces: CSV with a head line (RFC 4180), or one JSON array. Amounts are decimal, in the asset's smallest unit. */
export async function* accountOf(
  payments: AsyncIterable<ListedPayment>,
  format: AccountingFormat,
): AsyncGenerator<string> {
  if (format === 'csv') {
    yield `${COLUMNS.join(',')}\r\n`
    for await (const payment of payments) yield `${cellsOf(payment).map(quote).join(',')}\r\n`
    return
  }
  let separator = '[\n'
  for await (const payment of payments) {
    yield separator + JSON.stringify(Object.fromEntries(cellsOf(payment).map((cell, i) => [COLUMNS[i], cell])))
    separator = ',\n'
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n'
}

function cellsOf(payment: ListedPayment): string[] {
  const { time, direction, amount, asset, peer, channelId, id, memo = '', generation, version, index } = payment
  const place = [generation, version, index].map(String)
  return [
    new Date(time).toISOString(),
    direction,
    `${amount}`,
    asset,
    peer,
    channelId,
    id,
    escapeControls(memo),
    ...place,
  ]
}

/**
 * A spreadsheet would run a cell that begins like a formula; the peer wrote the memo. Where people write decimal commas a semicolon
 * ends a cell, whatever is quoted.
 */
function quote(cell: string): string {
  const safe = cell.replace(/(^|;)(?=[\s"]*[=+\-@＝＋－＠])/g, "$1'")
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
