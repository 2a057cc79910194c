import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asLocketError, errorTable, LocketError } from './errors.ts'

test('every code is snake_case, with an error status and a sentence', () => {
  for (const [code, { status, sentence }] of Object.entries(errorTable)) {
    assert.match(code, /^[a-z]+(_[a-z]+)*$/)
    assert.ok(status >= 400 && status <= 599, code)
    assert.match(sentence, /^[A-Z].*\.$/, code)
  }
})

/** Callers have programs that rely on these: a code keeps its status, and none is taken away. */
const statuses: Record<number, readonly string[]> = {
  400: [
    'invalid_json',
    'invalid_input',
    'invalid_filter',
    'invalid_cursor',
    'invalid_header',
    'secret_in_url',
    'space_required',
  ],
  401: ['unauthenticated'],
  403: ['permission_denied', 'above_own_rights', 'tenant_disabled'],
  404: ['not_found'],
  405: ['method_not_allowed'],
  408: ['request_timeout'],
  409: [
    'already_exists',
    'version_conflict',
    'handle_retired',
    'answer_not_kept',
    'in_use',
    'quota_exceeded',
  ],
  412: ['precondition_failed'],
  413: ['body_too_large'],
  415: ['unsupported_media_type'],
  422: ['idempotency_mismatch'],
  429: ['too_many_requests'],
  431: ['headers_too_large'],
  500: ['internal', 'integrity_failed'],
  503: ['unavailable'],
  507: ['storage_full'],
}

test('a code that was given out keeps its status', () => {
  const table = new Map(Object.entries(errorTable).map(([code, entry]) => [code, entry.status]))
  for (const [status, codes] of Object.entries(statuses)) {
    for (const code of codes) assert.equal(table.get(code), Number(status), code)
  }
})

test('no two codes say the same sentence', () => {
  const sentences = Object.values(errorTable).map((entry) => entry.sentence)
  assert.equal(new Set(sentences).size, sentences.length)
})

test('an error carries its code, its status and a public sentence', () => {
  const plain = new LocketError('not_found')
  assert.equal(plain.code, 'not_found')
  assert.equal(plain.status, 404)
  assert.equal(plain.message, errorTable.not_found.sentence)
  assert.equal(plain.detail, undefined)
  assert.equal(plain.retryAfter_s, undefined)
  assert.equal(plain.name, 'LocketError')
  assert.equal(new LocketError('unavailable', undefined, { retryAfter_s: 5 }).retryAfter_s, 5)
  const detailed = new LocketError('invalid_input', 'The limit is 100.')
  assert.equal(detailed.message, 'The limit is 100.')
  assert.equal(detailed.detail, 'The limit is 100.')
})

test('a cause stays private: it is no part of the message or the detail', () => {
  const cause = new Error('SQLITE_CONSTRAINT on alice')
  const error = new LocketError('internal', undefined, { cause })
  assert.equal(error.cause, cause)
  assert.doesNotMatch(`${error.message} ${error.detail}`, /alice/)
})

test('whatever else was thrown becomes internal, with itself as the cause', () => {
  const own = new LocketError('in_use')
  assert.equal(asLocketError(own), own)
  for (const thrown of [new TypeError('x'), 'text', null, undefined, 7, {}]) {
    const made = asLocketError(thrown)
    assert.equal(made.code, 'internal')
    assert.equal(made.detail, undefined)
    assert.equal(made.cause, thrown)
  }
})
