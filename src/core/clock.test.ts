import assert from 'node:assert/strict'
import { test } from 'node:test'
import { day_ms, endOfHour, hour_ms, stopwatch, systemClock, toTimestamp } from './clock.ts'

test('the system clock is the time since 1970 in milliseconds', () => {
  const before = Date.now()
  const now = systemClock()
  assert.ok(now >= before && now <= Date.now())
})

test('the stopwatch never runs backwards', () => {
  let last = stopwatch()
  for (let i = 0; i < 10_000; i++) {
    const next = stopwatch()
    assert.ok(next >= last)
    last = next
  }
})

test('expiry stands in clear only to the end of its hour, never before itself', () => {
  assert.equal(endOfHour(0), 0)
  assert.equal(endOfHour(1), hour_ms)
  assert.equal(endOfHour(hour_ms), hour_ms)
  assert.equal(endOfHour(hour_ms + 1), 2 * hour_ms)
  assert.equal(endOfHour(day_ms - 1), day_ms)
})

test('a timestamp is RFC 3339 in UTC with milliseconds', () => {
  assert.equal(toTimestamp(0), '1970-01-01T00:00:00.000Z')
  assert.equal(toTimestamp(1_767_225_599_999), '2025-12-31T23:59:59.999Z')
})
