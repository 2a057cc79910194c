import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LocketError } from './errors.ts'
import { Fault } from './fault.ts'
import { type LoggedError, toLoggedError } from './log-error.ts'

const canary = 'canary: my sister is ill'

/** As libraries make them: all that they were given hangs on them. */
function poisoned(more: object = {}): Error {
  const error = new Error(`no such thing: ${canary}`)
  return Object.assign(error, {
    detail: `Key (text)=(${canary}) exists`,
    request: { body: canary },
    responseBody: canary,
    input: canary,
    path: `/${canary}`,
    ...more,
  })
}

function written(thrown: unknown): string {
  return JSON.stringify(toLoggedError(thrown))
}

function assertClean(thrown: unknown): LoggedError {
  const text = written(thrown)
  assert.ok(!text.includes('canary') && !text.includes('sister'), text)
  return toLoggedError(thrown)
}

describe('nothing that was stored or sent is written of an error [V16.2.5]', () => {
  const places: readonly (readonly [string, () => unknown])[] = [
    ['its message and properties', () => poisoned()],
    ['its name and code', () => poisoned({ name: canary, code: canary, errcode: canary })],
    ['its cause', () => new Error('outer', { cause: poisoned() })],
    [
      'the cause of an error of ours',
      () => new LocketError('internal', undefined, { cause: poisoned() }),
    ],
    ['a cause that is no error', () => new Error('outer', { cause: canary })],
    ['errors of an aggregate', () => new AggregateError([poisoned(), canary], canary)],
    [
      'a class that is named so',
      () => Object.assign(Object.create({ constructor: { name: canary } }), {}),
    ],
    ['a text that is thrown', () => canary],
    ['an object that is thrown', () => ({ message: canary, code: canary })],
    [
      'what a caller did wrong',
      () => new LocketError('invalid_input', `Unrecognized key: ${canary}`),
    ],
    ['a stack that was written anew', () => Object.assign(new Error('x'), { stack: canary })],
  ]
  for (const [name, make] of places) test(name, () => void assertClean(make()))

  test('the message of JSON.parse, which quotes its input', () => {
    try {
      JSON.parse(`{"text": ${canary}}`)
      assert.fail('it is no JSON')
    } catch (thrown) {
      assert.ok(thrown instanceof SyntaxError && thrown.message.includes('canary'))
      assert.equal(assertClean(thrown).type, 'SyntaxError')
    }
  })

  test('a line of the message that looks like a call, also of one that was changed since', () => {
    const forged = `x\n    at ${'canary'} (file:///a.ts:1:1)\n    at canary.sister (node:x:1:1)`
    assertClean(new Error(forged))
    const changed = new Error(forged)
    changed.message = 'another'
    assertClean(changed)
  })

  test('an error that throws when it is looked at is told of all the same', () => {
    const trap = new Proxy(new Error(canary), {
      get: () => {
        throw new Error(canary)
      },
    })
    assert.equal(assertClean(trap).type, 'an error that cannot be looked at')
  })
})

describe('what an operator needs is written', () => {
  test('our own message, code and cause, the class and code of what lies below', () => {
    const below = Object.assign(new RangeError(canary), { code: 'ECONNREFUSED' })
    const cause = new Fault('a key does not open: its commitment is another', { cause: below })
    const logged = toLoggedError(new LocketError('integrity_failed', undefined, { cause }))
    assert.equal(logged.type, 'LocketError')
    assert.equal(logged.code, 'integrity_failed')
    assert.equal(logged.message, 'Stored data failed its integrity check.')
    assert.equal(logged.cause?.message, 'a key does not open: its commitment is another')
    const { type, code, message } = logged.cause?.cause ?? {}
    assert.deepEqual(
      { type, code, message },
      { type: 'RangeError', code: 'ECONNREFUSED', message: undefined },
    )
  })

  test('codes of the drivers, and the reason of what was broken off', () => {
    for (const code of ['ENOSPC', 'CERT_HAS_EXPIRED', 'ERR_SQLITE_ERROR', '57P01', '23505']) {
      assert.equal(toLoggedError(Object.assign(new Error('x'), { code })).code, code)
    }
    for (const code of ['HELLO', 'My secret', 'A'.repeat(300), 7, 'x_y']) {
      assert.equal(toLoggedError(Object.assign(new Error('x'), { code })).code, undefined)
    }
    assert.equal(toLoggedError(Object.assign(new Error('x'), { errcode: 13 })).errcode, 13)
    assert.equal(toLoggedError(new DOMException(canary, 'TimeoutError')).type, 'TimeoutError')
  })

  test('where it was thrown, by the names of functions and files', () => {
    function somewhere(): Error {
      return new Error('two\nlines')
    }
    const [first = '', ...more] = (toLoggedError(somewhere()).stack ?? '').split('\n')
    assert.match(first, /^at somewhere \(src\/core\/log-error\.test\.ts:\d+:\d+\)$/)
    assert.ok(more.length > 0)
  })
})

describe('it has bounds', () => {
  const depthOf = (logged: LoggedError): number => (logged.cause ? 1 + depthOf(logged.cause) : 1)

  test('of depth, also where a cause leads back to itself', () => {
    const round = new Error('round')
    round.cause = round
    assert.equal(depthOf(toLoggedError(round)), 4)
  })

  test('of how many an aggregate has, and of the length of a stack', () => {
    const many = new AggregateError(
      Array.from({ length: 1_000 }, () => new Error('x')),
      'many',
    )
    assert.equal(toLoggedError(many).errors?.length, 3)
    const before = Error.stackTraceLimit
    try {
      Error.stackTraceLimit = 200
      const deep = (left: number): Error => (left === 0 ? new Error('x') : deep(left - 1))
      assert.equal(toLoggedError(deep(100)).stack?.split('\n').length, 10)
    } finally {
      Error.stackTraceLimit = before
    }
    assert.ok(written(many).length < 20_000)
  })
})
