/** A strategy's share of payments that arrived, by size. */
export interface Curve {
  readonly name: string
  readonly sizes: readonly {
    readonly size: number
    readonly payments: number
    readonly paid: number
    readonly able: number
  }[]
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP] = [760, 420, 56, 48, 190, 20]
// Readable on white and on black.
const COLOURS = ['#9a9a9a', '#c08040', '#4f8fd0', '#2f9f6f', '#7f6fd0', '#d0507f']
const TEXT = '#808080'

/** Curves over the size of payments, as SVG. */
export function plot(sizes: readonly number[], curves: readonly Curve[]): string {
  const x = (size: number) => {
    const [first, last] = [Math.log(sizes[0]!), Math.log(sizes.at(-1)!)]
    return LEFT + ((WIDTH - LEFT - RIGHT) * (Math.log(size) - first)) / (last - first)
  }
  const y = (share: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)
  const text = (left: number, top: number, anchor: string, words: string, fill = TEXT) =>
    `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${words}</text>`
  const grid = [0, 0.2, 0.4, 0.6, 0.8, 1].flatMap((share) => [
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share)}" y2="${y(share)}" stroke="${TEXT}" stroke-opacity="0.25"/>`,
    text(LEFT - 8, y(share) + 4, 'end', `${100 * share} %`),
  ])
  const ticks = sizes.map((size) => text(x(size), HEIGHT - BOTTOM + 20, 'middle', size.toLocaleString('en')))
  const able = curves[0]!.sizes.map(
    ({ size, able, payments }) => `${x(size).toFixed(1)},${y(able / payments).toFixed(1)}`,
  )
  const bound = `<polyline points="${able.join(' ')}" fill="none" stroke="${TEXT}" stroke-dasharray="4 4"/>`
  const lines = curves.map(({ sizes: found }, i) => {
    const points = found.map(({ size, paid, payments }) => `${x(size).toFixed(1)},${y(paid / payments).toFixed(1)}`)
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="2"/>`
  })
  const legend = [...curves.map(({ name }) => name), 'payer and payee have enough'].map((name, i) => {
    const top = TOP + 12 + 22 * i
    const colour = COLOURS[i] ?? TEXT
    const dash = i === curves.length ? ' stroke-dasharray="4 4"' : ''
    const left = WIDTH - RIGHT + 14
    const mark = `<line x1="${left}" x2="${left + 22}" y1="${top}" y2="${top}" stroke="${colour}" stroke-width="2"${dash}/>`
    return mark + text(left + 28, top + 4, 'start', name)
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="Share of payments that arrive, by their size">`,
    ...grid,
    ...ticks,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, 'middle', 'size of the payment, sat'),
    bound,
    ...lines,
    ...legend,
    '</svg>\n',
  ].join('\n')
}
