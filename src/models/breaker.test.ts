import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EgressError } from '../egress/egress-error.ts'
import { createBreaker } from './breaker.ts'
import { asModelError, ModelError, type ModelReason } from './model-error.ts'

describe('a breaker', () => {
  const make = () => {
    const time = { now: 0 }
    const options = { failures_max: 3, rest_ms: 100, rest_ms_max: 300, stopwatch: () => time.now }
    return { time, breaker: createBreaker(options) }
  }
  const fail = (breaker: ReturnType<typeof createBreaker>, times: number): void => {
    for (let at = 0; at < times; at++) {
      breaker.enter()
      breaker.failed(null)
    }
  }

  test('opens after failures in a row, and not after others', () => {
    const { breaker } = make()
    fail(breaker, 2)
    breaker.enter()
    breaker.succeeded()
    fail(breaker, 2)
    assert.equal(breaker.closed, true)
    fail(breaker, 1)
    assert.equal(breaker.closed, false)
    assert.throws(() => breaker.enter(), ModelError)
  })

  test('lets one call try after its rest, and all when that succeeds', () => {
    const { breaker, time } = make()
    fail(breaker, 3)
    time.now = 99
    assert.throws(() => breaker.enter(), ModelError)
    time.now = 100
    breaker.enter()
    assert.throws(() => breaker.enter(), ModelError)
    breaker.succeeded()
    breaker.enter()
    breaker.enter()
  })

  test('rests twice as long each time, up to its bound, and short again after a success', () => {
    const { breaker, time } = make()
    fail(breaker, 3)
    const rests: number[] = []
    for (const _ of [1, 2, 3]) {
      const start = time.now
      while (!breaker.closed) time.now += 10
      rests.push(time.now - start)
      fail(breaker, 1)
    }
    assert.deepEqual(rests, [100, 200, 300])
    time.now += 300
    breaker.enter()
    breaker.succeeded()
    fail(breaker, 3)
    time.now += 100
    assert.equal(breaker.closed, true)
  })

  test('keeps to what the endpoint asks for, within its bound', () => {
    const { breaker, time } = make()
    breaker.enter()
    breaker.failed(50)
    time.now = 49
    assert.equal(breaker.closed, false)
    time.now = 50
    breaker.enter()
    breaker.failed(1e9)
    time.now += 300
    assert.equal(breaker.closed, true)
  })

  test('rests again when the one that tried it fails, however the rest began', () => {
    const { breaker, time } = make()
    breaker.enter()
    breaker.failed(50)
    time.now = 50
    breaker.enter()
    breaker.failed(null)
    assert.equal(breaker.closed, false)
    time.now += 100
    breaker.enter()
    breaker.succeeded()
    assert.equal(breaker.closed, true)
  })
})

describe('what the SDK throws becomes', () => {
  const now = Date.UTC(2026, 0, 1)
  const answered = (statusCode: number, headers: Readonly<Record<string, string>> = {}) =>
    Object.assign(new Error('canary'), { statusCode, responseHeaders: headers })
  const cases: readonly (readonly [what: string, thrown: unknown, reason: ModelReason])[] = [
    ['401', answered(401), 'refused'],
    ['404', answered(404), 'refused'],
    ['400', answered(400), 'rejected'],
    ['413', answered(413), 'rejected'],
    ['429', answered(429), 'busy'],
    ['408', answered(408), 'failed'],
    ['500', answered(500), 'failed'],
    ['an answer that is not understood', answered(200), 'invalid_answer'],
    ['a refusal of the gate', new EgressError('address_refused'), 'refused'],
    ['no connection', new EgressError('unreachable', 'ECONNREFUSED'), 'unreachable'],
    ['a gate that is full', new EgressError('busy'), 'busy'],
    ['an answer that is too large', new EgressError('response_too_large'), 'invalid_answer'],
    [
      'an error around one of the gate',
      new Error('x', { cause: new EgressError('timeout') }),
      'timeout',
    ],
    ['a signal', AbortSignal.timeout(0).reason ?? new DOMException('', 'TimeoutError'), 'timeout'],
    ['anything else', 'canary', 'failed'],
  ]
  for (const [what, thrown, reason] of cases) {
    test(`${what}: ${reason}, without anything of it`, () => {
      const error = asModelError(thrown, now)
      assert.equal(error.reason, reason)
      assert.equal(error.cause, undefined)
      assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /canary/)
    })
  }

  test('Retry-After is seconds or a date; nonsense and the past are none', () => {
    const after = (text: string) =>
      asModelError(answered(429, { 'retry-after': text }), now).retryAfter_ms
    assert.equal(after('7'), 7_000)
    assert.equal(after('Thu, 01 Jan 2026 00:00:09 GMT'), 9_000)
    assert.equal(after('Wed, 31 Dec 2025 00:00:00 GMT'), null)
    assert.equal(after('-1'), null)
    assert.equal(after('soon'), null)
  })
})
