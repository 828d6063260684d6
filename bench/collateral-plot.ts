/** Payment-seconds that routes of growing length lock. */
export interface Series {
  readonly mode: 'sprites' | 'plain'
  readonly silent: 'nobody' | 'payee' | 'everybody'
  readonly held: readonly number[]
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP] = [760, 380, 60, 48, 230, 20]
// Readable on white and on black.
const COLOURS = { sprites: '#2f9f6f', plain: '#d0507f' }
const DASHES = { nobody: '1 4', payee: '6 4', everybody: '' }
const TEXT = '#808080'

/** Hours that one channel holds the payment, over the length of its route, as SVG. */
export function drawCollateral(lengths: readonly number[], series: readonly Series[]): string {
  const hours = series.map(({ held }) => held.map((total, i) => total / lengths[i]! / 3_600))
  const top = Math.ceil(Math.max(...hours.flat()))
  const x = (i: number) => LEFT + ((WIDTH - LEFT - RIGHT) * i) / (lengths.length - 1)
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)
  const text = (left: number, at: number, anchor: string, words: string) =>
    `<text x="${left.toFixed(1)}" y="${at.toFixed(1)}" text-anchor="${anchor}" fill="${TEXT}">${words}</text>`
  const stroke = ({ mode, silent }: Series) =>
    `fill="none" stroke="${COLOURS[mode]}" stroke-width="2" stroke-dasharray="${DASHES[silent]}"`
  const grid = Array.from({ length: top + 1 }, (_, value) => [
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="${TEXT}" stroke-opacity="0.25"/>`,
    text(LEFT - 8, y(value) + 4, 'end', `${value} h`),
  ]).flat()
  const lines = series.map((one, index) => {
    const points = hours[index]!.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`)
    return `<polyline points="${points.join(' ')}" ${stroke(one)}/>`
  })
  const legend = series.flatMap((one, i) => {
    const [left, at] = [WIDTH - RIGHT + 14, TOP + 12 + 22 * i]
    const mark = `<line x1="${left}" x2="${left + 28}" y1="${at}" y2="${at}" ${stroke(one)}/>`
    return [mark, text(left + 34, at + 4, 'start', `${one.mode}, ${one.silent} silent`)]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="Time for which one channel holds a payment, by the length of its route">`,
    ...grid,
    ...lengths.map((length, i) => text(x(i), HEIGHT - BOTTOM + 20, 'middle', `${length}`)),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, 'middle', 'channels of the route'),
    ...lines,
    ...legend,
    '</svg>\n',
  ].join('\n')
}
