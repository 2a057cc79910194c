/** Which pages of other origins a browser lets read answers: none, or exactly those on the list. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openHttpLocket } from '../../test/http/locket.ts'

const listed = 'https://console.test'
const corsOrigins = [listed, 'http://localhost:5173']

function corsHeaders(headers: Headers): Readonly<Record<string, string>> {
  const all = [...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary')
  return Object.fromEntries(all)
}

const preflightOf = (origin: string, method = 'POST') => ({
  method: 'OPTIONS',
  key: null,
  headers: {
    Origin: origin,
    'Access-Control-Request-Method': method,
    'Access-Control-Request-Headers': 'authorization,content-type',
  },
})

test('without a list no answer says a word of CORS, and no preflight is answered', async (t) => {
  const { ask } = await openHttpLocket(t)
  for (const origin of [listed, 'null', 'http://locket.test']) {
    const answer = await ask('/v1/whoami', { headers: { Origin: origin } })
    assert.equal(answer.status, 200)
    assert.deepEqual(corsHeaders(answer.headers), {})
    const preflight = await ask('/v1/memories', preflightOf(origin))
    assert.equal(preflight.status, 405)
    assert.deepEqual(corsHeaders(preflight.headers), {})
  }
})

describe('with a list', () => {
  test('a listed origin may read answers and errors, with its own credential only', async (t) => {
    const { ask } = await openHttpLocket(t, { corsOrigins })
    for (const origin of corsOrigins) {
      for (const [path, status] of [
        ['/v1/whoami', 200],
        ['/v1/memories/mem_x', 400],
        ['/nothing', 404],
      ] as const) {
        const answer = await ask(path, { headers: { Origin: origin } })
        assert.equal(answer.status, status)
        assert.deepEqual(corsHeaders(answer.headers), {
          'access-control-allow-origin': origin,
          'access-control-expose-headers':
            'ETag, Idempotency-Replayed, Link, Locket-Receipt, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id',
          vary: 'Origin',
        })
      }
    }
  })

  test('a preflight tells the methods of that path and the headers that the API reads', async (t) => {
    const { ask } = await openHttpLocket(t, { corsOrigins })
    const preflight = await ask('/v1/memories/mem_x', preflightOf(listed, 'PATCH'))
    assert.equal(preflight.status, 204)
    assert.equal(await preflight.text(), '')
    const { 'access-control-allow-methods': methods = '', ...rest } = corsHeaders(preflight.headers)
    assert.deepEqual(methods.split(', ').sort(), ['DELETE', 'GET', 'PATCH'])
    assert.deepEqual(rest, {
      'access-control-allow-headers':
        'Authorization, Content-Type, Idempotency-Key, If-Match, Prefer, X-API-Key',
      'access-control-allow-origin': listed,
      'access-control-expose-headers':
        'ETag, Idempotency-Replayed, Link, Locket-Receipt, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id',
      'access-control-max-age': '600',
      vary: 'Origin',
    })
  })

  test('any other origin gets nothing, however near', async (t) => {
    const { ask } = await openHttpLocket(t, { corsOrigins: [...corsOrigins, 'null'] })
    const others = [
      'null',
      'https://evil.test',
      'https://console.test.evil.test',
      'https://evilconsole.test',
      'https://sub.console.test',
      'http://console.test',
      'https://console.test:443',
      'https://console.test/',
      'https://CONSOLE.test',
      'http://localhost:5174',
      `${listed}, https://evil.test`,
      '*',
      '',
    ]
    for (const origin of others) {
      const answer = await ask('/v1/whoami', { headers: { Origin: origin } })
      assert.deepEqual(corsHeaders(answer.headers), { vary: 'Origin' }, origin)
      const preflight = await ask('/v1/memories', preflightOf(origin))
      assert.equal(preflight.status, 405, origin)
      assert.deepEqual(corsHeaders(preflight.headers), { vary: 'Origin' }, origin)
    }
    assert.deepEqual(corsHeaders((await ask('/livez')).headers), { vary: 'Origin' })
  })

  test('OPTIONS that is no preflight, or for a path that is not there, is refused', async (t) => {
    const { ask } = await openHttpLocket(t, { corsOrigins })
    const plain = { method: 'OPTIONS', headers: { Origin: listed } }
    assert.equal((await ask('/v1/memories', plain)).status, 405)
    assert.equal((await ask('/nothing', preflightOf(listed))).status, 404)
  })
})
