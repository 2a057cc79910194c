/** `Idempotency-Key`, `If-Match` and `ETag`: how they are read, and what they do. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type HttpLocket, openHttpLocket, problemOf } from '../../test/http/locket.ts'
import { limits } from '../core/limits.ts'

const good = { space: 'user:alice', text: 'Alice takes her coffee without sugar' }

interface Memory {
  readonly id: string
  readonly version: number
  readonly text: string
}

async function storeOne({ ask }: HttpLocket): Promise<Memory> {
  return (await (await ask('/v1/memories', { body: good })).json()) as Memory
}

describe('ETag', () => {
  test('is the version, on every answer that has one', async (t) => {
    const locket = await openHttpLocket(t)
    const stored = await locket.ask('/v1/memories', { body: good })
    const { id } = (await stored.json()) as Memory
    const where = `/v1/memories/${id}`
    const read = await locket.ask(where)
    const changed = await locket.ask(where, { method: 'PATCH', body: { text: 'Tea' } })
    const tags = [stored, read, changed].map((response) => response.headers.get('etag'))
    assert.deepEqual(tags, ['"1"', '"1"', '"2"'])
  })

  test('is not on answers that have none', async (t) => {
    const { ask } = await openHttpLocket(t)
    const list = await ask('/v1/memories/list', { body: { space: 'user:alice' } })
    for (const response of [list, await ask('/v1/whoami'), await ask('/livez')]) {
      assert.equal(response.headers.get('etag'), null)
    }
  })
})

describe('If-Match', () => {
  const cases: readonly (readonly [sent: string, status: number, code?: string])[] = [
    ['"1"', 200],
    ['1', 200],
    ['*', 200],
    ['"2"', 412, 'precondition_failed'],
    ['"9007199254740991"', 412, 'precondition_failed'],
    ['"9007199254740993"', 400, 'invalid_header'],
    ['W/"1"', 400, 'invalid_header'],
    ['"1", "2"', 400, 'invalid_header'],
    ['"01"', 400, 'invalid_header'],
    ['"1', 400, 'invalid_header'],
    ['-1', 400, 'invalid_header'],
    ['1.0', 400, 'invalid_header'],
    ['1e0', 400, 'invalid_header'],
    ['', 400, 'invalid_header'],
  ]
  test('is one version, with or without quotes, or *', async (t) => {
    const locket = await openHttpLocket(t)
    for (const [sent, status, code] of cases) {
      const { id } = await storeOne(locket)
      const response = await locket.ask(`/v1/memories/${id}`, {
        method: 'PATCH',
        headers: { 'If-Match': sent },
        body: { text: 'Tea' },
      })
      assert.equal(response.status, status, sent)
      if (code) assert.equal((await problemOf(response)).code, code)
    }
  })

  test('guards a delete, and a refused one deletes nothing', async (t) => {
    const locket = await openHttpLocket(t)
    const { id } = await storeOne(locket)
    const remove = (version: string): Promise<Response> =>
      locket.ask(`/v1/memories/${id}`, { method: 'DELETE', headers: { 'If-Match': version } })
    assert.equal((await remove('"2"')).status, 412)
    assert.equal((await remove('"1"')).status, 200)
  })

  test('fails by `version` in the body with another code', async (t) => {
    const locket = await openHttpLocket(t)
    const { id } = await storeOne(locket)
    const body = { text: 'Tea', version: 2 }
    const response = await locket.ask(`/v1/memories/${id}`, { method: 'PATCH', body })
    assert.equal((await problemOf(response)).code, 'version_conflict')
  })

  test('is refused where nothing compares it, so that nobody relies on it', async (t) => {
    const locket = await openHttpLocket(t)
    const { id } = await storeOne(locket)
    const headers = { 'If-Match': '"1"' }
    const asked = [
      await locket.ask('/v1/memories', { headers, body: good }),
      await locket.ask(`/v1/memories/${id}`, { headers }),
      await locket.ask('/v1/whoami', { headers }),
      await locket.ask('/v1/roles/rol_01M7WBVC3ME00B7QVAZQF88AH1', { method: 'DELETE', headers }),
    ]
    for (const response of asked) {
      assert.equal((await problemOf(response)).code, 'invalid_header')
    }
  })
})

describe('Idempotency-Key', () => {
  const headers = { 'Idempotency-Key': 'order-1' }

  test('answers again what was done, and says so', async (t) => {
    const { ask } = await openHttpLocket(t)
    const first = await ask('/v1/memories', { headers, body: good })
    const second = await ask('/v1/memories', { headers, body: good })
    assert.deepEqual([first.status, second.status], [201, 201])
    assert.equal(first.headers.get('idempotency-replayed'), null)
    assert.equal(second.headers.get('idempotency-replayed'), 'true')
    assert.equal(second.headers.get('etag'), '"1"')
    assert.deepEqual(await second.json(), await first.json())
  })

  test('with another body is a 422, for an answer with a secret a 409', async (t) => {
    const { ask } = await openHttpLocket(t)
    await ask('/v1/memories', { headers, body: good })
    const other = await ask('/v1/memories', { headers, body: { ...good, text: 'Tea' } })
    assert.deepEqual([other.status, (await problemOf(other)).code], [422, 'idempotency_mismatch'])
    await ask('/v1/api-keys', { headers, body: {} })
    const secret = await ask('/v1/api-keys', { headers, body: {} })
    assert.deepEqual([secret.status, (await problemOf(secret)).code], [409, 'answer_not_kept'])
  })

  const longest = 'k'.repeat(limits.idempotencyKey_characters_max)
  test('is 1 to 255 characters from ! to ~', async (t) => {
    const { ask } = await openHttpLocket(t)
    const store = (key: string): Promise<Response> =>
      ask('/v1/memories', { headers: { 'Idempotency-Key': key }, body: good })
    for (const fine of ['!', '~', longest]) assert.equal((await store(fine)).status, 201)
    for (const wrong of ['', 'a b', 'é', `${longest}k`, 'a, a']) {
      assert.equal((await problemOf(await store(wrong))).code, 'invalid_header', wrong)
    }
  })

  test('is refused by a change that is done over when sent again', async (t) => {
    const locket = await openHttpLocket(t)
    const { id } = await storeOne(locket)
    for (const asked of [{ method: 'PATCH', body: { text: 'Tea' } }, { method: 'DELETE' }]) {
      const response = await locket.ask(`/v1/memories/${id}`, { headers, ...asked })
      assert.equal((await problemOf(response)).code, 'invalid_header')
    }
  })

  test('means nothing to a read, which takes it from clients that send it always', async (t) => {
    const { ask } = await openHttpLocket(t)
    const recall = (query: string): Promise<Response> =>
      ask('/v1/memories/recall', { headers, body: { space: 'user:alice', query } })
    assert.deepEqual([(await recall('a')).status, (await recall('b')).status], [200, 200])
  })
})
