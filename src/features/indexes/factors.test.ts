import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { factorMax, importanceFactor, recencies, recencyFactor } from './factors.ts'

const day_ms = 24 * 3_600_000

test('the usual importance changes nothing, the ends a tenth', () => {
  assert.equal(importanceFactor(5), 1)
  assert.equal(importanceFactor(0), 0.9)
  assert.equal(importanceFactor(10), 1.1)
})

test('half of what recency gives is gone after 30 days', () => {
  const at = (days: number, recency: (typeof recencies)[number]): number =>
    recencyFactor(0, { now: days * day_ms, recency })
  assert.deepEqual(
    [0, 30, 60].map((days) => at(days, 'gentle')),
    [1.1, 1.05, 1.025],
  )
  assert.deepEqual(
    [0, 30, 60].map((days) => at(days, 'strong')),
    [2, 1.5, 1.25],
  )
  assert.deepEqual(
    [0, 30, 60].map((days) => at(days, 'none')),
    [1, 1, 1],
  )
})

test('by default no match that is better by 35 % is outweighed', () => {
  assert.ok(factorMax('gentle') / importanceFactor(0) < 1.35)
})

test('factors stay within their bounds, rise with importance and fall with age', () => {
  const importance = fc.double({ min: 0, max: 10, noNaN: true })
  const time = fc.double({ min: -1e14, max: 1e14, noNaN: true })
  const drawn = fc.record({ importance, occurredAt: time, now: time })
  fc.assert(
    fc.property(drawn, fc.constantFrom(...recencies), (memory, recency) => {
      const older = recencyFactor(memory.occurredAt - day_ms, { now: memory.now, recency })
      const factor = recencyFactor(memory.occurredAt, { now: memory.now, recency })
      assert.ok(older >= 1 && older <= factor)
      const both = importanceFactor(memory.importance) * factor
      assert.ok(both >= 0.9 && both <= factorMax(recency))
    }),
  )
})
