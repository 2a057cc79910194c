/**
 * Events as they leave Locket, for whoever keeps or searches them elsewhere: one line of text each, without
 * a line end in it. What a record says is what `audit-events.list` says to the same reader, and no more.
 */
import { csvHeader, toCsv } from './csv.ts'
import type { EventRecord } from './event-record.ts'
import { toOcsf } from './ocsf.ts'

export const recordFormats = ['jsonl', 'csv', 'ocsf'] as const
export type RecordFormat = (typeof recordFormats)[number]

/** The line before all others; null where there is none. */
export const recordHeaders: Readonly<Record<RecordFormat, string | null>> = {
  jsonl: null,
  csv: csvHeader,
  ocsf: null,
}

const lines: Readonly<Record<RecordFormat, (record: EventRecord) => string>> = {
  jsonl: (record) => JSON.stringify(record),
  csv: toCsv,
  ocsf: (record) => JSON.stringify(toOcsf(record)),
}

/** One event as one line. JSON escapes line ends, and so does a cell of CSV that is JSON. */
export function toLine(format: RecordFormat, record: EventRecord): string {
  return lines[format](record)
}
