/** Bodies that are not what an operation takes: the answer to each, and that none is a 500. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openHttpLocket, problemOf, streamOf } from '../../test/http/locket.ts'
import { limits } from '../core/limits.ts'

const path = '/v1/memories'
const good = { space: 'user:alice', text: 'Alice takes her coffee without sugar' }
const utf8 = new TextEncoder()

/** What is sent, and the status and code of the answer. */
const refused: Readonly<Record<string, readonly [body: unknown, status: number, code: string]>> = {
  empty: ['', 400, 'invalid_json'],
  'only white space': [' \n', 400, 'invalid_json'],
  'cut off': ['{"space":"user:alice","text":"a', 400, 'invalid_json'],
  'a trailing comma': ['{"text":"a",}', 400, 'invalid_json'],
  'two values': ['{} {}', 400, 'invalid_json'],
  'a byte order mark': ['\ufeff{}', 400, 'invalid_json'],
  'an array': [[good], 400, 'invalid_input'],
  'a string': ['"text"', 400, 'invalid_input'],
  'a number': ['1', 400, 'invalid_input'],
  null: ['null', 400, 'invalid_input'],
  'a missing field': [{ space: 'user:alice' }, 400, 'invalid_input'],
  'a wrong type': [{ ...good, text: 1 }, 400, 'invalid_input'],
  'an unknown key': [{ ...good, tenant_id: 'ten_1' }, 400, 'invalid_input'],
  'a mass assignment': [{ ...good, provenance: { kind: 'user' } }, 400, 'invalid_input'],
  'too long a text': [{ ...good, text: 'a'.repeat(10_001) }, 400, 'invalid_input'],
  'a duplicate key': ['{"text":"a","text":"b","space":"org"}', 400, 'invalid_json'],
  'a duplicate key by escape': ['{"text":"a","te\\u0078t":"b"}', 400, 'invalid_json'],
  'V15.3.6: __proto__': ['{"__proto__":{"admin":true},"text":"a"}', 400, 'invalid_json'],
  'V15.3.6: constructor': [{ ...good, constructor: { prototype: {} } }, 400, 'invalid_input'],
  NUL: ['{"space":"org","text":"a\\u0000b"}', 400, 'invalid_json'],
  'a lone surrogate': ['{"space":"org","text":"\\ud800"}', 400, 'invalid_json'],
  'V1.5.3: 10,000 deep': [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 400, 'invalid_json'],
  'a huge number': ['{"space":"org","text":"a","importance":1e400}', 400, 'invalid_json'],
  'an unsafe integer': ['{"text":"a","version":9007199254740993}', 400, 'invalid_json'],
  'invalid UTF-8': [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, 'invalid_json'],
  'an overlong encoding': [new Uint8Array([0x22, 0xc0, 0xaf, 0x22]), 400, 'invalid_json'],
  'UTF-16': [Buffer.from('{"text":"a"}', 'utf16le'), 400, 'invalid_json'],
  'a form': ['space=user%3Aalice&text=a', 400, 'invalid_json'],
  'one byte too many': [
    `{"text":"${'a'.repeat(limits.body_bytes_max - 10)}"}`,
    413,
    'body_too_large',
  ],
}

describe('a body is refused that is', () => {
  test('anything of these', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const [what, [body, status, code]] of Object.entries(refused)) {
      const response = await ask(path, { body, method: 'POST' })
      const problem = await problemOf(response)
      assert.deepEqual([response.status, problem.code], [status, code], what)
      assert.equal(response.headers.get('content-type'), 'application/problem+json')
    }
  })
})

test('a body that is no object is told so', async (t) => {
  const { ask } = await openHttpLocket(t)
  for (const body of ['[]', 'null', '1', '"text"', 'true']) {
    const { detail } = await problemOf(await ask(path, { body }))
    assert.equal(detail, 'The body is not a JSON object.', body)
  }
})

test('a refusal does not repeat what was sent', async (t) => {
  const { ask, lines } = await openHttpLocket(t)
  for (const body of [
    '{"canary',
    '{"text":"canary","text":1}',
    { text: { canary: 1 } },
    '"canary"',
  ]) {
    const text = await (await ask(path, { body })).text()
    assert.doesNotMatch(text, /canary/)
  }
  assert.doesNotMatch(lines.join(''), /canary/)
})

describe('the bound of a body', () => {
  const exactly = (bytes: number): string => {
    const empty = JSON.stringify({ ...good, text: '' })
    return JSON.stringify({ ...good, text: 'é'.repeat((bytes - utf8.encode(empty).length) / 2) })
  }

  test('is in bytes, and a body of just so many is read', async (t) => {
    const { ask } = await openHttpLocket(t)
    const body = exactly(limits.body_bytes_max - 1)
    assert.ok(utf8.encode(body).length <= limits.body_bytes_max)
    // It was read: what is wrong with it is found by the schema.
    assert.equal((await problemOf(await ask(path, { body }))).code, 'invalid_input')
  })

  test('is looked up per operation: a batch may be larger', async (t) => {
    const { ask } = await openHttpLocket(t)
    const items = Array.from({ length: 20 }, () => ({ ...good, text: 'a'.repeat(9_000) }))
    assert.equal((await ask('/v1/memories/batch', { body: { items } })).status, 200)
    assert.equal((await ask(path, { body: { items } })).status, 413)
  })

  test('holds before reading, when the length is declared', async (t) => {
    const { ask } = await openHttpLocket(t)
    let pulled = 0
    const body = streamOf({
      *[Symbol.iterator]() {
        while (pulled++ < 1000) yield 'a'
      },
    })
    const headers = { 'Content-Length': String(limits.body_bytes_max + 1) }
    const response = await ask(path, { body, headers })
    assert.equal((await problemOf(response)).code, 'body_too_large')
    assert.ok(pulled <= 1, `${pulled} pieces were read`)
  })

  for (const [what, headers] of Object.entries({
    'no length is declared': {},
    'the declared length is a lie': { 'Content-Length': '10' },
  })) {
    test(`holds while reading, when ${what}`, async (t) => {
      const { ask } = await openHttpLocket(t)
      let pulled = 0
      const endless = streamOf({
        *[Symbol.iterator]() {
          for (;;) {
            pulled++
            yield ' '.repeat(4096)
          }
        },
      })
      const response = await ask(path, { body: endless, headers })
      assert.equal((await problemOf(response)).code, 'body_too_large')
      assert.ok(pulled < 25, `${pulled} pieces were read`)
    })
  }
})

describe('a body is read', () => {
  const types = [
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain;charset=UTF-8',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'nonsense',
  ]
  test('whatever its type says, as long as it is JSON', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const type of types) {
      const response = await ask(path, { body: good, headers: { 'Content-Type': type } })
      assert.equal(response.status, 201, type)
    }
  })

  test('in pieces that cut characters in two', async (t) => {
    const { ask } = await openHttpLocket(t)
    const bytes = utf8.encode(JSON.stringify({ ...good, text: 'Zürich, 東京, 🥐' }))
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]))
        controller.close()
      },
    })
    const memory = (await (await ask(path, { body })).json()) as { text: string }
    assert.equal(memory.text, 'Zürich, 東京, 🥐')
  })

  test('but not unpacked: a compressed one is refused', async (t) => {
    const { ask } = await openHttpLocket(t)
    const packed = await ask(path, { body: good, headers: { 'Content-Encoding': 'gzip' } })
    assert.equal((await problemOf(packed)).code, 'unsupported_media_type')
    const plain = await ask(path, { body: good, headers: { 'Content-Encoding': 'identity' } })
    assert.equal(plain.status, 201)
  })
})

test('a body that breaks off is no 500', async (t) => {
  const { ask, lines } = await openHttpLocket(t)
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error('the client went away')),
  })
  assert.equal((await problemOf(await ask(path, { body }))).code, 'request_timeout')
  assert.doesNotMatch(lines.join(''), /"level":50/)
})

test('a POST to a thing may come without a body; a PATCH or another POST may not', async (t) => {
  const { ask } = await openHttpLocket(t)
  const { credentialId } = (await (await ask('/v1/whoami')).json()) as { credentialId: string }
  const rotated = await ask(`/v1/api-keys/${credentialId}/rotate`, { method: 'POST' })
  assert.equal(rotated.status, 201)
  for (const [method, where] of [
    ['POST', '/v1/api-keys'],
    ['PATCH', '/v1/memories/mem_01M7WBVC3ME00B7QVAZQF88AH1'],
  ] as const) {
    assert.equal((await problemOf(await ask(where, { method }))).code, 'invalid_json')
  }
})

test('a DELETE with a body is refused', async (t) => {
  const { ask } = await openHttpLocket(t)
  const where = '/v1/memories/mem_01M7WBVC3ME00B7QVAZQF88AH1'
  const response = await ask(where, { method: 'DELETE', body: {} })
  assert.equal((await problemOf(response)).code, 'invalid_input')
  assert.equal((await problemOf(await ask(where, { method: 'DELETE' }))).code, 'not_found')
})

test('a name that the path gives is refused in the body, and a query beside a body', async (t) => {
  const { ask } = await openHttpLocket(t)
  const id = 'mem_01M7WBVC3ME00B7QVAZQF88AH1'
  const twice = await ask(`/v1/memories/${id}`, { method: 'PATCH', body: { id, text: 'b' } })
  assert.equal((await problemOf(twice)).detail, 'id: is given by the path alone')
  const query = await ask(`${path}?space=org`, { body: good })
  assert.equal((await problemOf(query)).code, 'invalid_input')
})

describe('a refused body is no way around the pipeline', () => {
  const faulty = [{ body: '{' }, { body: 'a'.repeat(limits.body_bytes_max + 1) }, { body: '[]' }]

  test('without a right key the answer is 401, whatever the body', async (t) => {
    const { ask, admin } = await openHttpLocket(t)
    const wrong = `${admin.slice(0, -1)}${admin.endsWith('0') ? '1' : '0'}`
    for (const key of [null, wrong]) {
      for (const { body } of faulty) assert.equal((await ask(path, { body, key })).status, 401)
    }
  })

  test('without a key the body is not even read', async (t) => {
    const { ask } = await openHttpLocket(t)
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({ pull: () => void pulled++ }, { highWaterMark: 0 })
    assert.equal((await ask(path, { body, key: null })).status, 401)
    assert.equal(pulled, 0)
  })

  test('V16.3.3: it leaves one event, with its code', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const [at, { body }] of faulty.entries()) {
      const response = await ask(path, { body })
      const { code, requestId } = await problemOf(response)
      const events = (await (await ask('/v1/audit-events?action=memory.stored')).json()) as {
        items: { code: string; requestId: string; outcome: string }[]
      }
      assert.equal(events.items.length, at + 1)
      const { code: noted, requestId: of, outcome } = events.items[0] ?? {}
      assert.deepEqual([noted, of, outcome], [code, requestId, 'failed'])
    }
  })
})
