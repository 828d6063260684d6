import type { NettingFigures } from './figures.ts'

const [WIDTH, LEFT, RIGHT, BAR, GAP] = [760, 200, 90, 16, 14]
// Readable on white and on black.
const TEXT = '#808080'
const BARS = [
  ['gross', '#9a9a9a'],
  ['bilateral', '#4f8fd0'],
  ['multilateral', '#2f9f6f'],
] as const

/** Bars of what would move gross, netted by pairs and netted among all, as shares of gross; as SVG. `names` stand in place of assets. */
export function nettingChart(figures: readonly NettingFigures[], names?: readonly string[]): string {
  const height = figures.length * (3 * BAR + GAP) + GAP
  const bars = figures.flatMap((one, row) => [
    text(LEFT - 8, GAP + row * (3 * BAR + GAP) + 1.5 * BAR + 4, 'end', names?.[row] ?? one.asset),
    ...BARS.flatMap(([kind, colour], at) => bar(one, kind, colour, GAP + row * (3 * BAR + GAP) + at * BAR)),
  ])
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img" aria-label="What moves gross, netted by pairs and netted among all">`,
    ...bars,
    '</svg>\n',
  ].join('\n')
}

function bar(figures: NettingFigures, kind: (typeof BARS)[number][0], colour: string, top: number): string[] {
  const share = figures.gross === 0n ? 0 : Number(figures[kind]) / Number(figures.gross)
  const width = (WIDTH - LEFT - RIGHT) * share
  return [
    `<rect x="${LEFT}" y="${top}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${colour}"/>`,
    text(LEFT + width + 6, top + 11, 'start', `${kind} ${(100 * share).toFixed(0)} %`),
  ]
}

const text = (x: number, y: number, anchor: string, words: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${TEXT}">${words.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</text>`
