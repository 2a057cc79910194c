/** What a browser is told, over every path that there is and every answer that it may get. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ErrorCode, errorTable, LocketError } from '../src/core/errors.ts'
import { createLog } from '../src/core/log.ts'
import { problemReply } from '../src/http/problem.ts'
import { headersOf } from '../src/http/reply.ts'
import { publicPaths } from '../src/http/router.ts'
import { listen } from '../src/http/server.ts'
import type { Operation } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { stateOf } from './data-files.ts'
import type { Locket } from './harness.ts'
import { sendRaw } from './http/raw.ts'
import { newAddress, openWorld, type World } from './operation-world.ts'
import { signedInAs } from './people-samples.ts'
import { sampleOf, toHttp } from './samples.ts'

/** Pages for people. All else is data, or loaded by them. */
const pages: readonly string[] = ['/docs']

/** GETs that change something, because a protocol wants it so. Each guards itself in another way. */
const changingByProtocol: readonly string[] = ['provider-sign-ins.finish']

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** Every path of the server, the names in it standing for nothing, and one that there is not. */
const allPaths = [
  ...new Set([
    ...operations.map(({ path }) => path.replaceAll(/\{\+?\w+\}/g, 'x')),
    ...publicPaths,
    '/nothing',
  ]),
]

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

function ask({ app }: Locket, { method, path, headers, body }: Asked): Promise<Response> {
  const request = new Request(`http://127.0.0.1${path}`, {
    method,
    ...(headers && { headers }),
    ...(body && { body: JSON.stringify(body) }),
  })
  // Who is signed in asks from where he has signed in.
  const address = headers?.['Cookie'] ? '127.0.0.1' : newAddress()
  return app.fetch(request, { address })
}

function assertNotRendered(headers: Headers, about: string, isPage = false): void {
  const policy = headers.get('content-security-policy') ?? ''
  const directives = policy.split(';').map((one) => one.trim())
  assert.ok(directives.includes("default-src 'none'"), `${about}: ${policy}`)
  assert.ok(directives.includes("frame-ancestors 'none'"), `${about}: ${policy}`)
  assert.equal(directives.includes('sandbox'), !isPage, `${about}: ${policy}`)
  assert.equal(headers.get('x-content-type-options'), 'nosniff', about)
  assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin', about)
  const type = headers.get('content-type') ?? ''
  if (!isPage) assert.match(type, /^(?:application\/|text\/plain|text\/css)/, `${about}: ${type}`)
}

describe('no answer can be made a page, or shown in one [V3.2.1] [V3.4.6]', () => {
  test('of every path by every method', async (t) => {
    const { locket } = await openWorld(t)
    const seen = new Set<number>()
    for (const path of allPaths) {
      for (const method of methods) {
        const response = await ask(locket, { method, path })
        const isPage = pages.includes(path) && response.status === 200
        assertNotRendered(response.headers, `${method} ${path}`, isPage)
        seen.add(response.status)
      }
    }
    t.diagnostic(`${allPaths.length} paths × ${methods.length} methods: ${[...seen].sort()}`)
  })

  test('of every operation that was done', async (t) => {
    const world = await openWorld(t)
    for (const operation of operations) {
      const response = await done(world, operation)
      assert.equal(response.status, operation.status, operation.id)
      assertNotRendered(response.headers, operation.id)
    }
  })

  test('that tells of any error', () => {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      const requestId = 'req_1'
      const reply = problemReply(new LocketError(code), { requestId, docsUrl: null })
      assertNotRendered(new Headers(headersOf(reply, { requestId, secure: false })), code)
    }
  })

  test('of the listener itself', async (t) => {
    const fetch = async (): Promise<Response> => new Response()
    const log = createLog('silent')
    const { port, close } = await listen({ host: '127.0.0.1', port: 0, log, fetch })
    t.after(close)
    for (const asked of ['GET /../a HTTP/1.1\r\nHost: a', 'GET /a HTTP/1.1\r\nHost: [', '\x16']) {
      const { text } = await sendRaw(port, [`${asked}\r\n\r\n`], 100)
      const lines = text.split('\r\n\r\n')[0]?.split('\r\n').slice(1) ?? []
      const pairs = lines.map((line): [string, string] => {
        const at = line.indexOf(':')
        return [line.slice(0, at), line.slice(at + 1).trim()]
      })
      assertNotRendered(new Headers(pairs), asked)
    }
  })
})

/** The sample, by who may. */
async function done({ locket, maker }: World, operation: Operation): Promise<Response> {
  const sample = sampleOf(operation)
  const input = await sample.make(maker)
  const key = (await sample.caller?.(maker, input)) ?? locket.admin
  const isShown = sample.bySignIn ?? operation.navigation !== undefined
  const own = isShown ? signedInAs.get(input) : undefined
  return ask(locket, {
    ...toHttp(operation, input),
    headers: { 'Content-Type': 'application/json', ...(own ?? { Authorization: `Bearer ${key}` }) },
  })
}

describe('who may read an answer in a browser [V3.4.2]', () => {
  const listed = 'https://console.test'
  const others = [
    ...['null', 'https://evil.test', 'http://127.0.0.1', 'https://console.test.evil.test'],
    ...['https://evil-console.test', 'http://console.test', 'https://console.test:8443', '*'],
  ]
  const shown = ({ headers }: Response): readonly (string | null)[] => [
    headers.get('access-control-allow-origin'),
    headers.get('access-control-allow-credentials'),
  ]

  for (const corsOrigins of [[], [listed], [listed, 'null']]) {
    test(`over every path, where the list is [${corsOrigins}]`, async (t) => {
      const { locket } = await openWorld(t, { corsOrigins })
      const asked = allPaths.flatMap((path) =>
        ['GET', 'POST', 'OPTIONS'].map((method) => ({ method, path })),
      )
      for (const { method, path } of asked) {
        for (const Origin of others) {
          const headers = { Origin, 'Access-Control-Request-Method': 'POST' }
          const response = await ask(locket, { method, path, headers })
          assert.deepEqual(shown(response), [null, null], `${method} ${path} ${Origin}`)
        }
        const response = await ask(locket, { method, path, headers: { Origin: listed } })
        const expected = corsOrigins.length > 0 ? listed : null
        assert.deepEqual(shown(response), [expected, null], `${method} ${path}`)
      }
    })
  }
})

describe('nothing changes by GET or HEAD [V3.5.3]', () => {
  test('as the table says: what GET asks for reads, and HEAD is nowhere', () => {
    const changing = operations.filter(
      ({ method, effect }) => method === 'GET' && effect !== 'read',
    )
    assert.deepEqual(
      changing.map(({ id }) => id),
      changingByProtocol,
    )
  })

  test('as it is: by a key, by the cookie of a sign-in, by nobody', async (t) => {
    const world = await openWorld(t)
    const { locket, maker } = world
    const current = operations.find(({ id }) => id === 'sign-ins.current')
    assert.ok(current)
    const own = signedInAs.get(await sampleOf(current).make(maker)) ?? {}
    const callers = [{ Authorization: `Bearer ${locket.admin}` }, own, {}]
    const targets: string[] = [...publicPaths]
    for (const operation of operations) {
      if (changingByProtocol.includes(operation.id)) continue
      // By GET also where another method is meant: its path may take both.
      targets.push(toHttp(operation, await sampleOf(operation).make(maker)).path)
    }
    const before = await stateOf(locket)
    for (const path of targets) {
      for (const headers of callers) {
        await ask(locket, { method: 'GET', path, headers })
        const head = await ask(locket, { method: 'HEAD', path, headers })
        assert.ok(head.status === 405 || head.status === 400, `HEAD ${path}: ${head.status}`)
      }
      assert.equal(await stateOf(locket), before, path)
    }
    t.diagnostic(`${targets.length} paths × GET and HEAD × ${callers.length} callers`)
  })
})
