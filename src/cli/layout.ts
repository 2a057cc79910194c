/** Answers as text for people: tables and lists of fields. Scripts take `--json`. */

const gap = '  '

/** Rows in columns as wide as their widest cell; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  }
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join(gap)
      .trimEnd()
  return rows.map(line).join('\n')
}

/** A table of items under the names of `fields`, which may reach into parts: `actor.id`, `grants.role`. */
export function table(items: readonly unknown[], fields: readonly string[]): string {
  const head = fields.map((field) => kebabCase(field).toUpperCase())
  return columns([head, ...items.map((item) => row(item, fields))])
}

/** One item on one line. */
export function row(item: unknown, fields: readonly string[]): string[] {
  return fields.map((field) => oneLine(show(reach(item, field))))
}

/** One line for each field of a value, or more where its text has more. */
export function details(value: unknown): string {
  if (typeof value !== 'object' || value === null) return show(value)
  const entries = Object.entries(value)
  const width = Math.max(0, ...entries.map(([name]) => name.length))
  const indent = `\n${' '.repeat(width)}${gap}`
  return columns(entries.map(([name, inner]) => [name, show(inner).replaceAll('\n', indent)]))
}

/** `sessionId` as `session-id`, the form of flags. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Of a list, the part of each. */
function reach(item: unknown, path: string): unknown {
  const [part = '', ...rest] = path.split('.')
  if (typeof item !== 'object' || item === null) return null
  if (Array.isArray(item)) return item.map((one) => reach(one, path))
  const value: unknown = Reflect.get(item, part)
  return rest.length === 0 ? value : reach(value, rest.join('.'))
}

function show(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-'
  if (typeof value === 'number' && !Number.isInteger(value)) return value.toFixed(3)
  const words = Array.isArray(value) && value.every((one) => typeof one === 'string')
  if (words) return value.length === 0 ? '-' : value.join(',')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Text of many lines would look like many rows. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}
