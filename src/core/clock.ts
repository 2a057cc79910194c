/** The only place that reads the time, so that a test can be at any moment it likes. */

/** Milliseconds since the Unix epoch. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()

/** Milliseconds that never run backwards, for measuring how long something took. */
export const stopwatch: Clock = () => performance.now()

export const second_ms = 1_000
export const minute_ms = 60 * second_ms
export const hour_ms = 60 * minute_ms
export const day_ms = 24 * hour_ms

/** The end of the hour that `time_ms` falls in: expiry stands in clear only this exactly. */
export function endOfHour(time_ms: number): number {
  return Math.ceil(time_ms / hour_ms) * hour_ms
}

/** RFC 3339 in UTC with milliseconds, the form of every time in every answer. */
export function toTimestamp(time_ms: number): string {
  if (time_ms !== latest.time_ms) latest = { time_ms, text: new Date(time_ms).toISOString() }
  return latest.text
}

/** The times of a memory are mostly one and the same, and each of them is asked for. */
let latest = { time_ms: 0, text: '1970-01-01T00:00:00.000Z' }
