/** What every answer looks like, good or bad; health; and what the log says of a request. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import type { LocketOptions } from '../../test/harness.ts'
import { memoryLog, openHttpLocket, problemOf, toRequest } from '../../test/http/locket.ts'
import { sendRaw } from '../../test/http/raw.ts'
import { LocketError } from '../core/errors.ts'
import { whoami } from '../features/principals/whoami.ts'
import { operation } from '../kernel/operation.ts'
import { operations } from '../operations.ts'
import { problemReply } from './problem.ts'
import { createRouter } from './router.ts'
import { listen } from './server.ts'

const always = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** An answer of each kind, and the headers that only it has. */
const kinds: readonly {
  readonly path: string
  readonly ask?: Parameters<Awaited<ReturnType<typeof openHttpLocket>>['ask']>[1]
  readonly status: number
  readonly own: Readonly<Record<string, string>>
}[] = [
  { path: '/livez', status: 200, own: { 'content-type': 'application/json' } },
  { path: '/v1/whoami', status: 200, own: { 'content-type': 'application/json' } },
  {
    path: '/v1/memories',
    ask: { body: { space: 'user:alice', text: 'Tea' } },
    status: 201,
    own: { 'content-type': 'application/json', etag: '"1"' },
  },
  {
    path: '/v1/memories',
    ask: { body: '{' },
    status: 400,
    own: { 'content-type': 'application/problem+json' },
  },
  {
    path: '/v1/whoami',
    ask: { key: null },
    status: 401,
    own: { 'content-type': 'application/problem+json', 'www-authenticate': 'Bearer' },
  },
  { path: '/nothing', status: 404, own: { 'content-type': 'application/problem+json' } },
  {
    path: '/v1/whoami',
    ask: { method: 'HEAD' },
    status: 405,
    own: { 'content-type': 'application/problem+json', allow: 'GET' },
  },
  { path: '/openapi.json', status: 200, own: { 'content-type': 'application/json' } },
  {
    path: '/docs',
    status: 200,
    own: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    },
  },
  { path: '/docs.css', status: 200, own: { 'content-type': 'text/css; charset=utf-8' } },
]

describe('the headers of an answer [V14.3.2]', () => {
  test('are these, none obsolete and none that tells', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const { path, ask: asked, status, own } of kinds) {
      const response = await ask(path, asked)
      const { 'x-request-id': requestId = '', ...headers } = Object.fromEntries(response.headers)
      assert.equal(response.status, status)
      assert.match(requestId, /^req_[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
      const { ratelimit, 'ratelimit-policy': policy, ...others } = headers
      assert.deepEqual(others, { ...always, ...own }, path)
      // What was done says what is left of the budget; no error does, but the one that it is used up.
      assert.equal(
        policy !== undefined && ratelimit !== undefined,
        path.startsWith('/v1/') && status < 300,
      )
    }
  })

  test('and HSTS, when the connection is secure', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const { path, ask: asked } of kinds) {
      const secure = await ask(path, { ...asked, secure: true })
      assert.equal(secure.headers.get('strict-transport-security'), 'max-age=31536000')
    }
  })

  test('and HSTS, when the server is reached over TLS that ends before it', async (t) => {
    const tls = await openHttpLocket(t, { publicUrl: 'https://locket.test' })
    assert.ok((await tls.ask('/livez')).headers.has('strict-transport-security'))
    const plain = await openHttpLocket(t, { publicUrl: 'http://locket.test' })
    assert.ok(!(await plain.ask('/livez')).headers.has('strict-transport-security'))
  })
})

describe('a request id [V16.5.1]', () => {
  test('is ours, never what the caller sends, and a new one each time', async (t) => {
    const { ask } = await openHttpLocket(t)
    const ids = new Set<string>()
    for (let round = 0; round < 3; round++) {
      const headers = { 'X-Request-Id': 'req_01M7WBVC3ME00B7QVAZQF88AH1' }
      const response = await ask('/v1/whoami', { headers, key: null })
      const requestId = response.headers.get('x-request-id') ?? ''
      assert.equal((await problemOf(response)).requestId, requestId)
      assert.notEqual(requestId, headers['X-Request-Id'])
      ids.add(requestId)
    }
    assert.equal(ids.size, 3)
  })

  test('is the one in the audit', async (t) => {
    const { ask } = await openHttpLocket(t)
    const response = await ask('/v1/whoami')
    const audit = await ask('/v1/audit-events?action=self.read')
    const { items } = (await audit.json()) as { items: { requestId: string }[] }
    assert.equal(items[0]?.requestId, response.headers.get('x-request-id'))
  })
})

describe('a problem', () => {
  test('has this shape', () => {
    const error = new LocketError('too_many_requests', 'a public detail', {
      cause: new Error('a private cause'),
      retryAfter_s: 7,
    })
    const reply = problemReply(error, { requestId: 'req_1', docsUrl: 'https://locket.test/docs' })
    assert.deepEqual(
      { ...reply, body: JSON.parse(String(reply.body)) as unknown },
      {
        status: 429,
        type: 'application/problem+json',
        body: {
          type: 'https://locket.test/docs#error-too_many_requests',
          title: 'Too many requests; try again later.',
          status: 429,
          code: 'too_many_requests',
          detail: 'a public detail',
          requestId: 'req_1',
        },
        headers: { 'Retry-After': '7' },
      },
    )
  })

  test('points to the docs; without them nowhere, and says the same', async (t) => {
    const typeOf = async (options: LocketOptions): Promise<readonly string[]> => {
      const { ask } = await openHttpLocket(t, options)
      const problem = await problemOf(await ask('/v1/whoami', { key: null }))
      return [problem.type, problem.code, problem.title]
    }
    const rest = ['unauthenticated', 'A valid credential is required.']
    const publicUrl = 'https://locket.test/base'
    assert.deepEqual(await typeOf({}), ['/docs#error-unauthenticated', ...rest])
    assert.deepEqual(await typeOf({ publicUrl }), [
      `${publicUrl}/docs#error-unauthenticated`,
      ...rest,
    ])
    assert.deepEqual(await typeOf({ docs: false }), ['about:blank', ...rest])
    assert.deepEqual(await typeOf({ docs: false, publicUrl }), ['about:blank', ...rest])
  })

  test('of the listener, which serves no docs, points nowhere', async (t) => {
    const { log } = memoryLog()
    const fetch = async (): Promise<Response> => new Response()
    const { port, close } = await listen({ host: '127.0.0.1', port: 0, log, fetch })
    t.after(close)
    for (const asked of ['GET /../a HTTP/1.1\r\nHost: a', 'GET /a HTTP/1.1\r\nHost: [', '\x16']) {
      const { text } = await sendRaw(port, [`${asked}\r\n\r\n`], 100)
      assert.match(text, /"type":"about:blank"/, asked)
    }
  })

  const failing = (run: () => Promise<unknown>) =>
    operation({ ...whoami, output: z.unknown(), run })

  test('of a bug says nothing about it; the log has where it was thrown [V16.5.1]', async (t) => {
    const bug = failing(() => Promise.reject(new Error('private cause')))
    const { ask, lines } = await openHttpLocket(t, { operations: [bug] })
    const response = await ask('/v1/whoami')
    const text = await response.text()
    const { code, requestId } = JSON.parse(text) as { code: string; requestId: string }
    assert.deepEqual([response.status, code], [500, 'internal'])
    assert.doesNotMatch(text, /private|stack|\.ts/)
    const logged = lines.filter((line) => line.includes('"cause":{"type":"Error"'))
    assert.equal(logged.length, 1)
    assert.match(logged[0] ?? '', new RegExp(requestId))
    assert.match(logged[0] ?? '', /"cause":\{"type":"Error","stack":"at [^"]*answers\.test\.ts:/)
    assert.ok(!lines.some((line) => line.includes('private')), 'what others say is not told')
  })

  test('is also what an answer becomes that cannot be written', async (t) => {
    const bug = failing(async () => ({ value: 1n }))
    const { ask, lines } = await openHttpLocket(t, { operations: [bug] })
    const response = await ask('/v1/whoami')
    assert.deepEqual([response.status, (await problemOf(response)).code], [500, 'internal'])
    assert.ok(lines.some((line) => line.includes('"TypeError"') && line.includes('/v1/whoami')))
  })
})

describe('health', () => {
  test('is alive while the process answers, and ready while the server says so', async (t) => {
    const { app, lines } = await openHttpLocket(t)
    const answers = [async () => true, async () => false, () => Promise.reject(new Error('down'))]
    const statuses: number[][] = []
    for (const ready of answers) {
      const { pipeline } = app
      const lists = { trustedProxies: [], blockedAddresses: [], corsOrigins: [] }
      const closed = { publicUrl: null, docs: false, ...lists }
      const router = createRouter({ pipeline, operations, version: '1', ready, ...closed })
      const get = async (path: string): Promise<number> =>
        (await router(toRequest(path, {}), { address: null })).status
      statuses.push([await get('/livez'), await get('/readyz')])
    }
    assert.deepEqual(statuses, [
      [200, 200],
      [200, 503],
      [200, 503],
    ])
    assert.ok(lines.some((line) => line.includes('the readiness check failed')))
    assert.ok(!lines.some((line) => line.includes('down')), 'the log has no words of others')
  })
})

describe('the log', () => {
  test('has one line for a request, with the pattern of its path and no address', async (t) => {
    const { ask, lines } = await openHttpLocket(t)
    const id = 'mem_01M7WBVC3ME00B7QVAZQF88AH1'
    const before = lines.length
    const response = await ask(`/v1/memories/${id}`, { headers: { 'User-Agent': 'canary' } })
    const added = lines.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.equal(added.length, 1)
    const { time, ms, ...rest } = added[0] ?? {}
    assert.equal(typeof time, 'string')
    assert.equal(typeof ms, 'number')
    assert.deepEqual(rest, {
      level: 30,
      method: 'GET',
      route: '/v1/memories/{id}',
      status: 404,
      requestId: response.headers.get('x-request-id'),
      operation: 'memories.get',
      msg: 'request',
    })
  })

  test('holds nothing of what was asked, nor the key', async (t) => {
    const { ask, lines, admin } = await openHttpLocket(t)
    await ask('/canary?canary=canary')
    await ask('/v1/memories', { body: { space: 'user:alice', text: 'canary' } })
    await ask('/v1/memories', { body: { space: 'user:alice', canary: 'canary' } })
    assert.ok(lines.length >= 3)
    assert.doesNotMatch(lines.join(''), new RegExp(`canary|alice|${admin}|203\\.0\\.113`))
  })
})
