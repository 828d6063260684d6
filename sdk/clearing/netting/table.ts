import type { NettingFigures } from './figures.ts'

/** Figures as a table of text, a line for each asset. */
export function nettingTable(figures: readonly NettingFigures[]): string {
  const rows = [
    ['asset', 'obligations', 'whole', 'partly', 'owed', 'gross', 'bilateral', 'multilateral'],
    ...figures.map((one) =>
      [one.asset, one.obligations, one.whole, one.partly, one.owed, one.gross, one.bilateral, one.multilateral].map(
        String,
      ),
    ),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')
  return rows.map(line).join('\n')
}
