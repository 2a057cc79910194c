/** Small line charts in SVG, readable on light and on dark, for figures that grow by magnitudes. */

export interface Series {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface Chart {
  readonly title: string
  /** With their units. */
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly Series[]
}

const width = 720
const height = 440
const inside = { left: 76, right: 560, top: 48, bottom: 380 }
// Okabe and Ito's colours, which also who sees few colours can tell apart.
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']
const style = `
  svg { background: #ffffff; color: #1f2328 }
  text { font: 13px system-ui, sans-serif; fill: currentColor }
  .title { font-weight: 600; font-size: 15px }
  .grid { stroke: currentColor; stroke-opacity: 0.15 }
  .axis { stroke: currentColor; stroke-opacity: 0.6 }
  .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) { svg { background: #0d1117; color: #e6edf3 } }`

/** A chart with logarithmic axes; all values are above 0. */
export function logLogChart({ title, xLabel, yLabel, series }: Chart): string {
  const points = series.flatMap((one) => one.points)
  const x = scaleOf(
    points.map((point) => point.x),
    inside.left,
    inside.right,
  )
  const y = scaleOf(
    points.map((point) => point.y),
    inside.bottom,
    inside.top,
  )
  const middleX = (inside.left + inside.right) / 2
  const middleY = (inside.top + inside.bottom) / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}\n</style>`,
    `<text class="title" x="${inside.left}" y="26">${escaped(title)}</text>`,
    ...x.ticks.map((value) => xTick(x.at(value), value)),
    ...y.ticks.map((value) => yTick(y.at(value), value)),
    `<path class="axis" fill="none" d="M${inside.left} ${inside.top}V${inside.bottom}H${inside.right}"/>`,
    `<text x="${middleX}" y="${height - 14}" text-anchor="middle">${escaped(xLabel)}</text>`,
    `<text transform="translate(18 ${middleY}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...series.map((one, at) => drawn(one, { colour: colours[at % colours.length] ?? '', x, y })),
    ...legend(series, y),
    '</svg>\n',
  ].join('\n')
}

interface Scale {
  at(value: number): number
  readonly ticks: readonly number[]
}

/** From the power of ten below the smallest value to 1, 2 or 5 times one above the largest. */
function scaleOf(values: readonly number[], from: number, to: number): Scale {
  const low = stepAtMost(Math.min(...values))
  const high = stepAtLeast(Math.max(...values), low)
  const at = (value: number): number =>
    round(from + ((to - from) * Math.log(value / low)) / Math.log(high / low))
  return { at, ticks: stepsBetween(low, high) }
}

const steps = [1, 2, 5]

function stepsBetween(low: number, high: number): readonly number[] {
  const found: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of steps) {
      const value = Number((step * 10 ** power).toPrecision(1))
      if (value >= low && value <= high) found.push(value)
    }
  }
  return found
}

function stepAtMost(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  const step = steps.findLast((one) => one * power <= value) ?? 1
  return Number((step * power).toPrecision(1))
}

function stepAtLeast(value: number, low: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [...steps, 10].find((one) => one * power >= value && one * power > low) ?? 10
  return Number((step * power).toPrecision(1))
}

function xTick(x: number, value: number): string {
  const line = `<path class="grid" d="M${x} ${inside.top}V${inside.bottom}"/>`
  const label = `<text x="${x}" y="${inside.bottom + 20}" text-anchor="middle">${short(value)}</text>`
  return line + label
}

function yTick(y: number, value: number): string {
  const line = `<path class="grid" d="M${inside.left} ${y}H${inside.right}"/>`
  const label = `<text x="${inside.left - 8}" y="${y + 4}" text-anchor="end">${short(value)}</text>`
  return line + label
}

function drawn(
  { points }: Series,
  { colour, x, y }: { colour: string; x: Scale; y: Scale },
): string {
  const places = points.map((point) => `${x.at(point.x)} ${y.at(point.y)}`)
  const dots = points.map(
    (point) => `<circle cx="${x.at(point.x)}" cy="${y.at(point.y)}" r="3.5" fill="${colour}"/>`,
  )
  return `<path class="line" stroke="${colour}" d="M${places.join('L')}"/>${dots.join('')}`
}

const legendLine = 18

/** The names to the right of where the lines end, moved apart where they would overlap. */
function legend(series: readonly Series[], y: Scale): readonly string[] {
  const ends = series.map(({ name, points }, at) => {
    const last = points.at(-1)
    return { name, colour: colours[at % colours.length] ?? '', y: last ? y.at(last.y) : 0 }
  })
  let above = Number.NEGATIVE_INFINITY
  return ends
    .sort((a, b) => a.y - b.y)
    .map(({ name, colour, y: wanted }) => {
      above = Math.max(wanted, above + legendLine)
      const dot = `<circle cx="${inside.right + 14}" cy="${above}" r="4" fill="${colour}"/>`
      return `${dot}<text x="${inside.right + 24}" y="${above + 4}">${escaped(name)}</text>`
    })
}

function short(value: number): string {
  return value >= 1_000 ? `${value / 1_000}k` : String(value)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
