/** Which paths and methods there are, that each looks one way only, and how a query is read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openHttpLocket, problemOf } from '../../test/http/locket.ts'
import { operations } from '../operations.ts'
import { publicPaths } from './router.ts'
import { pathOf, queryOf } from './target.ts'

const id = 'mem_01M7WBVC3ME00B7QVAZQF88AH1'

test('every operation for HTTP answers at its path and method', async (t) => {
  const { ask } = await openHttpLocket(t)
  for (const { method, path, surfaces, permission } of operations) {
    const refused = permission === 'public' ? 400 : 401
    const response = await ask(path.replaceAll(/\{\+?\w+\}/g, id), { method, key: null })
    assert.equal(response.status, surfaces.includes('http') ? refused : 404, `${method} ${path}`)
  }
})

test('what needs no credential is this list, and nothing else', async (t) => {
  assert.deepEqual([...publicPaths].sort(), [
    '/.well-known/jwks.json',
    '/docs',
    '/docs.css',
    '/livez',
    '/openapi.json',
    '/readyz',
  ])
  const { ask } = await openHttpLocket(t)
  for (const path of publicPaths) assert.equal((await ask(path, { key: null })).status, 200, path)
})

test('what describes the API can be left out [V13.4.5]', async (t) => {
  const { ask } = await openHttpLocket(t, { docs: false })
  const { ask: askOther } = await openHttpLocket(t, { docs: true })
  for (const path of ['/docs', '/docs.css', '/openapi.json']) {
    for (const method of ['GET', 'POST']) {
      const { requestId: _, ...problem } = await problemOf(await ask(path, { method, key: null }))
      const { requestId: __, ...unknown } = await problemOf(await ask('/nothing', { method }))
      assert.deepEqual(problem, unknown, `${method} ${path}`)
    }
    assert.equal((await askOther(path, { key: null })).status, 200)
  }
  for (const path of ['/livez', '/readyz']) assert.equal((await ask(path)).status, 200)
})

describe('a method that a path does not declare is a 405 with Allow [V4.1.4]', () => {
  const methods = ['GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'HEAD', 'OPTIONS', 'PROPFIND', 'get2']
  const byPath = Map.groupBy(operations, ({ path }) => path)
  const declared: readonly (readonly [string, readonly string[]])[] = [
    ...[...byPath].map(([path, some]) => [path, some.map(({ method }) => method)] as const),
    ...publicPaths.map((path) => [path, ['GET']] as const),
  ]
  test('on every path', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const [path, own] of declared) {
      for (const method of methods.filter((one) => !own.includes(one))) {
        const response = await ask(path.replaceAll(/\{\+?\w+\}/g, id), { method })
        assert.equal(response.status, 405, `${method} ${path}`)
        assert.deepEqual(response.headers.get('allow')?.split(', ').sort(), [...own].sort())
        const text = await response.text()
        if (method === 'HEAD') assert.equal(text, '')
        else assert.equal((JSON.parse(text) as { code: string }).code, 'method_not_allowed')
      }
    }
  })
})

test('a path of its own is not taken for an id', async (t) => {
  const { ask } = await openHttpLocket(t)
  assert.equal((await ask('/v1/memories/recall')).status, 405)
  assert.equal((await ask('/v1/memories/recall', { method: 'DELETE' })).status, 405)
  assert.equal((await problemOf(await ask('/v1/memories/something'))).code, 'invalid_input')
})

describe('a path that is not exactly one of ours is a 404', () => {
  const paths = [
    '/',
    '/v1',
    '/v1/',
    '/v1/whoami/',
    '/v1//whoami',
    '//v1/whoami',
    '/V1/whoami',
    '/v1/Whoami',
    '/v1/who%61mi',
    '/v1%2fwhoami',
    '/v1/memories/%6dem_01M7WBVC3ME00B7QVAZQF88AH1',
    '/v1/memories/..%2fwhoami',
    '/v1/memories/a/history/',
    '/v1/whoami;x=1',
    '/v1/whoami.json',
    '/v1/whoami%00',
    '/v1/whoami%20',
    '/v1/memories/é',
    '/v1/memories/{id}',
    '/v1/memories/:id/history/more',
    '/livez/',
    '/docs/index.html',
    '/.git/config',
    '/v1/...',
    '/*',
  ]
  test('and does not tell what it could have been', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const path of paths) {
      const response = await ask(path)
      assert.equal(response.status, 404, path)
      assert.equal(response.headers.get('allow'), null)
    }
  })
})

test('pathOf gives a plain path back and nothing for any other', () => {
  assert.equal(pathOf('http://a.test/v1/whoami?x=/y'), '/v1/whoami')
  assert.equal(pathOf('/v1/whoami?'), '/v1/whoami')
  assert.equal(pathOf('http://a.test:8080/docs.css'), '/docs.css')
  const odd = ['', '*', '/', '/a/../b', '/a/./b', '/..', '/a//b', '/a/', '/a\\b', '/a%2e', '/a#b']
  for (const target of [...odd, 'http://a.test', 'http://a.test/../b', 'a/b', '/.a']) {
    assert.equal(pathOf(target), '', target)
  }
})

describe('a query', () => {
  test('is decoded', () => {
    assert.deepEqual(queryOf('http://a/b'), {})
    assert.deepEqual(queryOf('http://a/b?'), {})
    assert.deepEqual(queryOf('http://a/b?x=1&y=a%20b+c&z&&w=%C3%A9=&%78%79=2'), {
      x: '1',
      y: 'a b c',
      z: '',
      w: 'é=',
      xy: '2',
    })
  })

  test('that is not valid UTF-8 without NUL is no query', () => {
    for (const query of ['a=%00', '%00', 'a=%', 'a=%e', 'a=%zz', 'a=%ff', 'a=%ed%a0%80']) {
      assert.throws(() => queryOf(`http://a/b?${query}`), { code: 'invalid_input' }, query)
    }
  })

  const wrong = [
    'limit=1&limit=2',
    'limit=1&%6Cimit=2',
    'limit=0',
    'limit=101',
    'limit=1.5',
    'limit=',
    'limit=NaN',
    'limit=1%00',
    'cursor=%ff',
    'cursor=%',
    'cursor=%ed%a0%80',
    'cursor=nonsense',
    'unknown=1',
    '__proto__=1',
    'constructor=1',
    'toString=1',
    'kind=admin',
    `cursor=${'a'.repeat(201)}`,
  ]
  test('is refused when it is not beyond doubt', async (t) => {
    const { ask } = await openHttpLocket(t)
    for (const query of wrong) {
      const response = await ask(`/v1/principals?${query}`)
      assert.equal(response.status, 400, query)
      assert.match((await problemOf(response)).code, /^invalid_(input|cursor)$/)
    }
  })

  test('pages through a list', async (t) => {
    const { ask, person } = await openHttpLocket(t)
    await person('user:alice')
    const handles: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const response = await ask(`/v1/principals?limit=1${query}`)
      const page = (await response.json()) as {
        items: { handle: string }[]
        nextCursor: string | null
      }
      handles.push(...page.items.map(({ handle }) => handle))
      cursor = page.nextCursor
    }
    assert.deepEqual(handles.sort(), ['service:administrator', 'user:alice'])
  })
})
