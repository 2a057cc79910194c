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
