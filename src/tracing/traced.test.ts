import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentSpan, onErrand } from '../core/errand.ts'
import { LocketError } from '../core/errors.ts'
import type { Span } from '../core/span.ts'
import { traced } from './traced.ts'

/** Writes down what it is told, and under whom it stands. */
function recording(told: string[], path = 'root'): Span {
  return {
    traceId: '0'.repeat(32),
    child: (name, kind) => {
      told.push(`${path} > ${name} (${kind})`)
      return recording(told, `${path} > ${name}`)
    },
    tell: (facts) => void told.push(`${path}: ${JSON.stringify(facts)}`),
    fail: () => void told.push(`${path} failed`),
    end: () => void told.push(`${path} ended`),
  }
}

function within<T>(told: string[], work: () => Promise<T>): Promise<T> {
  return onErrand({}, work, recording(told))
}

describe('what is done for a request that is traced', () => {
  test('is a piece below the one around it, also side by side', async () => {
    const told: string[] = []
    await within(told, () =>
      traced({ name: 'outer' }, async () => {
        await Promise.all([
          traced({ name: 'a', kind: 'client', facts: { 'locket.model': 'm' } }, async () => 1),
          traced({ name: 'b' }, () => traced({ name: 'c' }, async () => 2)),
        ])
      }),
    )
    assert.deepEqual(
      told.filter((line) => line.includes('(')),
      [
        'root > outer (internal)',
        'root > outer > a (client)',
        'root > outer > b (internal)',
        'root > outer > b > c (internal)',
      ],
    )
    assert.ok(told.includes('root > outer > a: {"locket.model":"m"}'))
    assert.equal(told.filter((line) => line.endsWith('ended')).length, 4)
  })

  test('ends when it fails, by a code or a class; a refusal is no failure', async () => {
    const told: string[] = []
    const throws = (error: Error) =>
      within(told, () => traced({ name: 'a' }, () => Promise.reject(error)))
    await assert.rejects(throws(new LocketError('not_found')))
    assert.deepEqual(told.splice(0).slice(1), [
      'root > a: {"error.type":"not_found"}',
      'root > a ended',
    ])
    await assert.rejects(throws(new LocketError('unavailable')))
    assert.ok(told.splice(0).includes('root > a failed'))
    await assert.rejects(throws(new RangeError('canary')))
    assert.deepEqual(told.slice(1), [
      'root > a: {"error.type":"RangeError"}',
      'root > a failed',
      'root > a ended',
    ])
  })

  test('is done and nothing else where there is no trace, or the request is over', async () => {
    assert.equal(await traced({ name: 'a' }, async (span) => span), null)
    const told: string[] = []
    let late: Promise<Span | null> = Promise.resolve(null)
    await within(told, async () => {
      assert.ok(currentSpan())
      late = new Promise((resolve) => setTimeout(() => resolve(currentSpan()), 5))
    })
    assert.equal(await late, null)
    assert.deepEqual(told, [])
  })
})
