/** What a bench says: printed as it comes, and kept as text and JSON for who compares runs. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMachine, type Machine, machineLine } from './machine.ts'

/** One thing that the bench is held to. */
export interface Verdict {
  readonly what: string
  readonly measured: number
  readonly wanted: string
  readonly ok: boolean
}

export interface Results {
  line(text?: string): void
  /** Keeps figures under a name for the JSON. */
  keep(name: string, figures: unknown): void
  /** Holds a figure to a bound and says PASS or FAIL. */
  atLeast(what: string, measured: number, bound: Bound): void
  atMost(what: string, measured: number, bound: Bound): void
  /** Keeps another file beside them: a plot. */
  file(name: string, text: string): void
  /** Writes `NAME.txt` and `NAME.json`. */
  write(): void
}

export interface Bound {
  readonly bound: number
  /** `ms`, `B`; nothing for a ratio. */
  readonly unit?: string
}

export const resultsDirectory = join(import.meta.dirname, 'results')

/** Results of one run of the bench `name`, headed by the machine that they are from. */
export function createResults(name: string, directory: string): Results {
  const machine = describeMachine()
  const lines: string[] = []
  const figures: Record<string, unknown> = {}
  const verdicts: Verdict[] = []
  const line = (text = ''): void => {
    console.log(text)
    lines.push(text)
  }
  const judge = (verdict: Verdict): void => {
    verdicts.push(verdict)
    const said = `${verdict.what}: ${readable(verdict.measured)}, wanted ${verdict.wanted}`
    line(`${verdict.ok ? 'PASS' : 'FAIL'}  ${said}`)
  }
  line(machineLine(machine))
  return {
    line,
    keep: (key, values) => {
      figures[key] = values
    },
    atLeast: (what, measured, { bound, unit = '' }) =>
      judge({ what, measured, wanted: `>= ${bound}${gap(unit)}`, ok: measured >= bound }),
    atMost: (what, measured, { bound, unit = '' }) =>
      judge({ what, measured, wanted: `<= ${bound}${gap(unit)}`, ok: measured <= bound }),
    file: (file, text) => {
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, file), text)
    },
    write: () => writeBoth(join(directory, name), { lines, machine, figures, verdicts }),
  }
}

interface Written {
  readonly lines: readonly string[]
  readonly machine: Machine
  readonly figures: Readonly<Record<string, unknown>>
  readonly verdicts: readonly Verdict[]
}

function writeBoth(path: string, { lines, ...rest }: Written): void {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(`${path}.txt`, `${lines.join('\n')}\n`)
  writeFileSync(`${path}.json`, `${JSON.stringify(rest, null, 2)}\n`)
}

function gap(unit: string): string {
  return unit === '' ? '' : ` ${unit}`
}

/** Three significant digits, and no exponent. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) >= 100) return String(Math.round(value))
  return String(Number(value.toPrecision(3)))
}
