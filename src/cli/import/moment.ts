/** Dates as other systems write them. */
import { day_ms, second_ms, toTimestamp } from '../../core/clock.ts'
import { Refusal } from './shape.ts'

/** ISO 8601 with `T` or a space, to any fraction of a second; `+00`, `+0000`, `+00:00`, `Z` or none. */
const written =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?\s?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/

/** The year 5138 in seconds, March 1973 in milliseconds. */
const seconds_max = 1e11

/**
 * RFC 3339 in UTC; undefined when there is none. A date without an offset is in UTC, one without a
 * time begins the day, and a number counts seconds or milliseconds from 1970. Throws `Refusal`.
 */
export function momentOf(value: unknown, field: string): string | undefined {
  if (value === undefined || value === null) return undefined
  const time_ms = typeof value === 'number' ? fromEpoch(value) : fromText(value)
  if (time_ms === null) throw new Refusal('is not a date', field)
  return toTimestamp(time_ms)
}

/** The end of a day; a date with a time stays what it is. Throws `Refusal`. */
export function endOfDay(value: unknown, field: string): string | undefined {
  const moment = momentOf(value, field)
  const isDay = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value)
  return moment !== undefined && isDay ? toTimestamp(Date.parse(moment) + day_ms) : moment
}

function fromEpoch(number: number): number | null {
  const time_ms = Math.abs(number) < seconds_max ? number * second_ms : number
  const year = new Date(time_ms).getUTCFullYear()
  return year >= 0 && year <= 9999 ? Math.round(time_ms) : null
}

function fromText(value: unknown): number | null {
  const parts = typeof value === 'string' ? written.exec(value.trim()) : null
  if (!parts) return null
  const [, day = '', time = '00:00', fraction = '', offset = 'Z'] = parts
  const time_ms = Date.parse(`${day}T${time}${fraction.slice(0, 4)}${colonOffset(offset)}`)
  // JavaScript takes the 30th of February for the 1st of March.
  const isDay = new Date(`${day}T00:00Z`).toJSON()?.startsWith(day)
  return isDay && !Number.isNaN(time_ms) ? time_ms : null
}

/** JavaScript reads `+05:30` and `Z`, and nothing else. */
function colonOffset(offset: string): string {
  if (/^z$/i.test(offset)) return 'Z'
  return `${offset.slice(0, 3)}:${offset.slice(3).replace(':', '') || '00'}`
}
