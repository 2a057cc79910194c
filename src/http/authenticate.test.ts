/** Where a credential may stand, and what becomes of one that is unclear, malformed or misplaced. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openHttpLocket, problemOf } from '../../test/http/locket.ts'
import { LocketError } from '../core/errors.ts'
import { per, rateBudgets } from '../throttles/budgets.ts'
import { credentialOf } from './authenticate.ts'

const key = 'lk_abcdefghijkl_0123456789012345678901234567890123456789012abcdef'

const asked = { method: 'GET', url: 'http://127.0.0.1/', secure: false, publicUrl: null }

function codeOf(read: () => unknown): string {
  try {
    return String(read())
  } catch (thrown) {
    return thrown instanceof LocketError ? thrown.code : 'not a LocketError'
  }
}

describe('the credential is read', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string | null])[] = [
    ['from nowhere', {}, null],
    ['from Authorization', { Authorization: `Bearer ${key}` }, key],
    ['from X-API-Key', { 'X-API-Key': key }, key],
    ['with the scheme in any case', { authorization: `bEARER ${key}` }, key],
    ['with more than one space', { Authorization: `Bearer   ${key}` }, key],
    ['from both, when they agree', { Authorization: `Bearer ${key}`, 'X-API-Key': key }, key],
    ['as it was sent, when it is no key of ours', { Authorization: 'Bearer x' }, 'x'],
    ['as unusable: another scheme', { Authorization: 'Basic YTpi' }, ''],
    ['as unusable: no scheme', { Authorization: key }, ''],
    ['as unusable: no token', { Authorization: 'Bearer' }, ''],
    ['as unusable: two tokens', { Authorization: `Bearer ${key} ${key}` }, ''],
    ['as unusable: empty', { 'X-API-Key': '' }, ''],
  ]
  for (const [how, headers, expected] of cases) {
    test(how, () => {
      const credential = credentialOf(new Headers(headers), { address: null }, asked)
      assert.deepEqual(credential, expected === null ? null : { kind: 'token', token: expected })
    })
  }
})

describe('more than one credential is an invalid header', () => {
  const other = key.replace('a', 'b')
  const cases: Readonly<Record<string, [string, string][]>> = {
    'two that differ': [
      ['Authorization', `Bearer ${key}`],
      ['X-API-Key', other],
    ],
    'a scheme of a proxy beside a key': [
      ['Authorization', 'Basic YTpi'],
      ['X-API-Key', key],
    ],
    'Authorization twice': [
      ['Authorization', `Bearer ${key}`],
      ['Authorization', `Bearer ${key}`],
    ],
    'X-API-Key twice': [
      ['X-API-Key', key],
      ['X-API-Key', key],
    ],
  }
  for (const [what, headers] of Object.entries(cases)) {
    test(what, () => {
      assert.equal(
        codeOf(() => credentialOf(new Headers(headers), { address: null }, asked)),
        'invalid_header',
      )
    })
  }
})

describe('a request', () => {
  test('is answered with a key in either header', async (t) => {
    const { ask, admin } = await openHttpLocket(t)
    for (const headers of [{ Authorization: `bearer ${admin}` }, { 'X-API-Key': admin }]) {
      assert.equal((await ask('/v1/whoami', { key: null, headers })).status, 200)
    }
  })

  const malformed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    none: {},
    'another scheme': { Authorization: 'Basic YTpi' },
    'a wrong secret': { Authorization: `Bearer ${key}` },
    'an empty one': { 'X-API-Key': '' },
    'a non-ASCII bearer': { Authorization: 'Bearer lk_é\u00ff' },
    'a non-ASCII key': { 'X-API-Key': `${key.slice(0, -1)}é` },
    'a very long one': { Authorization: `Bearer ${'a'.repeat(10_000)}` },
    'a cookie': { Cookie: `session=${key}` },
    'an identity that the caller claims': { 'X-User-Id': 'usr_1', 'X-Forwarded-User': 'admin' },
  }
  test('is a 401 in one shape with whatever bad credential [V11.2.4]', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const [what, headers] of Object.entries(malformed)) {
      const response = await ask('/v1/whoami', { key: null, headers })
      assert.equal(response.status, 401, what)
      assert.equal(response.headers.get('www-authenticate'), 'Bearer')
      const { requestId, ...rest } = await problemOf(response)
      assert.match(requestId, /^req_/)
      assert.deepEqual(rest, {
        type: '/docs#error-unauthenticated',
        title: 'A valid credential is required.',
        status: 401,
        code: 'unauthenticated',
      })
    }
  })

  test('with a malformed credential is counted like one with a wrong one', async (t) => {
    const strict = { ...rateBudgets, 'failure.address': per(60_000, 3) }
    const { ask } = await openHttpLocket(t, { rateBudgets: strict })
    const statuses: number[] = []
    for (const token of ['', 'x', 'lk_é', key]) {
      const headers = { Authorization: `Bearer ${token}` }
      statuses.push((await ask('/v1/whoami', { key: null, headers })).status)
    }
    assert.deepEqual(statuses, [401, 401, 401, 429])
    const last = await ask('/v1/whoami', { key: null })
    assert.match(last.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
    assert.equal(last.headers.get('www-authenticate'), null)
    assert.equal((await ask('/v1/whoami')).status, 200)
  })

  test('is never from whom a header or a body says', async (t) => {
    const { ask, person } = await openHttpLocket(t)
    const alice = await person('user:alice')
    const headers = {
      'X-Forwarded-For': '10.0.0.1',
      'X-User-Id': 'usr_admin',
      'X-Tenant-Id': 'ten_00000000000000000000000000',
    }
    const response = await ask('/v1/whoami', { key: alice.key, headers })
    const { handle } = (await response.json()) as { handle: string }
    assert.equal(handle, 'user:alice')
  })
})

describe('a credential in the URL is refused [V14.2.1]', () => {
  const encoded = [...key].map((one) => `%${one.charCodeAt(0).toString(16)}`).join('')
  const places: Readonly<Record<string, string>> = {
    'as a value': `/v1/whoami?anything=${key}`,
    'as a name': `/v1/whoami?${key}`,
    'in the path': `/v1/api-keys/${key}`,
    'on a path that does not exist': `/nothing?key=${key}`,
    'on a public path': `/livez?key=${key}`,
    'percent-encoded': `/v1/whoami?key=${encoded}`,
    'behind a mistake': `/v1/whoami?x=%zz&key=${encoded}`,
    'cut off': `/v1/whoami?key=${key.slice(0, 12)}`,
    'by the name api_key, whatever its shape': '/v1/whoami?api_key=secret',
    'by the name access_token': '/v1/whoami?access_token=secret',
    'by the name token': '/v1/whoami?a=b&Token=secret',
    'by a name that is percent-encoded': '/v1/whoami?api%5Fkey=secret',
  }
  test('wherever it stands, and is repeated nowhere', async (t) => {
    const { ask, lines } = await openHttpLocket(t)
    for (const [what, path] of Object.entries(places)) {
      for (const credential of [{}, { key: null }]) {
        const response = await ask(path, credential)
        const text = await response.text()
        assert.equal((JSON.parse(text) as { code: string }).code, 'secret_in_url', what)
        assert.equal(response.status, 400)
        assert.doesNotMatch(`${text}${lines.join('')}`, /lk_|secret(?!_in_url)(?=[&"])/)
      }
    }
  })

  test('but a word that only looks like it is not', async (t) => {
    const { ask } = await openHttpLocket(t)
    const problem = await problemOf(await ask('/v1/principals?walk_in=1'))
    assert.equal(problem.code, 'invalid_input')
  })
})
