/** Figures as people read them. */

export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Nearest-rank quantiles. */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** The first cell to the left, figures to the right. */
export function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(10) : cell.padStart(12))).join('')
}
