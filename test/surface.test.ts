/** What goes in and comes out of every operation: fields that nobody may set, shapes, headers. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { publicPaths } from '../src/http/router.ts'
import type { Operation } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { stateOf } from './data-files.ts'
import { openLocket, type Reply } from './harness.ts'
import { ignoring, newAddress, openWorld, type World } from './operation-world.ts'
import type { Input } from './sample.ts'
import { neverThere, sampleOf, toHttp } from './samples.ts'
import { watchStatements } from './statements.ts'

const shapesFile = join(import.meta.dirname, 'response-shapes.json')

/** Every field of a schema as a path with its type: `items[].id: string`. */
function shapeOf(schema: unknown, path = ''): readonly string[] {
  const { type, properties, items, anyOf, const: only } = schema as Schema
  if (anyOf) return [...new Set(anyOf.flatMap((one) => shapeOf(one, path)))]
  if (items) return shapeOf(items, `${path}[]`)
  if (!properties) return [`${path}: ${only === undefined ? (type ?? 'any') : only}`]
  return Object.entries(properties).flatMap(([name, inner]) =>
    shapeOf(inner, path === '' ? name : `${path}.${name}`),
  )
}

interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, unknown>>
  readonly items?: unknown
  readonly anyOf?: readonly unknown[]
}

test('the shape of every answer is the one on record [V15.3.1]', () => {
  const shapes = Object.fromEntries(
    operations.map(({ id, output }) => [id, shapeOf(z.toJSONSchema(output))]),
  )
  if (process.env['LOCKET_TEST_WRITE_SHAPES']) {
    writeFileSync(shapesFile, `${JSON.stringify(shapes, null, 2)}\n`)
  }
  const told = 'a field came or went: look at it, then run with LOCKET_TEST_WRITE_SHAPES=1'
  assert.deepEqual(JSON.parse(readFileSync(shapesFile, 'utf8')), shapes, told)
})

test('no answer may hold a field that its schema does not name [V15.3.1]', () => {
  const open = operations.filter(({ output }) =>
    JSON.stringify(z.toJSONSchema(output)).includes('"additionalProperties":true'),
  )
  assert.deepEqual(
    open.map(({ id }) => id),
    [],
  )
})

/** What the server alone decides. A name that an operation declares itself is left out there. */
const serverOwned = [
  ...['tenant', 'tenantId', 'tenant_id', 'owner', 'ownerId', 'owner_id', 'spaceId', 'space_id'],
  ...['role', 'roles', 'trust', 'provenance', 'scopes', 'permissions', 'rights', 'reach'],
  ...['createdBy', 'created_by', 'createdAt', 'updatedAt', 'id', 'version', 'state', 'status'],
  ...['principalId', 'userId', 'user_id', 'credentialId', 'seq', 'mac', 'epoch', 'preset'],
  ...['isAdmin', 'admin', 'system', 'hash', 'keyVersion', 'lastUsedAt', 'publicId', '$set', '_id'],
] as const

function declared({ input }: Operation): readonly string[] {
  const { properties } = z.toJSONSchema(input, { io: 'input' }) as Schema
  return Object.keys(properties ?? {})
}

describe('mass assignment [V15.3.3]', () => {
  test('no operation takes a field that the server owns', async (t) => {
    const world = await openWorld(t)
    let cases = 0
    for (const operation of operations) {
      const input = await sampleOf(operation).make(world.maker)
      const before = await stateOf(world.locket)
      for (const name of serverOwned.filter((one) => !declared(operation).includes(one))) {
        await refused(world, operation, { ...input, [name]: 'x' })
        cases += 1
      }
      assert.equal(await stateOf(world.locket), before, operation.id)
    }
    t.diagnostic(`${cases} fields refused`)
  })

  test('nor does an item of a batch, metadata or a filter', async (t) => {
    const locket = await openLocket(t)
    const item = (extra: object): object => ({ text: 'x', ...extra })
    const scopeWords = ['tenant', 'space', 'owner', 'provenance', 'trust', 'tenant_id', 'OwnerId']
    for (const name of serverOwned) {
      const body = { space: 'user:alice', items: [item({ [name]: 'x' })] }
      const { items } = (await locket.call('POST', '/v1/memories/batch', { body })).body
      assert.equal(items[0].error?.code, 'invalid_input', name)
    }
    for (const word of scopeWords) {
      const metadata = { [word]: 'x' }
      const stored = { body: { space: 'user:alice', text: 'x', metadata } }
      assert.equal((await locket.call('POST', '/v1/memories', stored)).status, 400, word)
      for (const filter of [{ [word]: 'x' }, { [`metadata.${word}`]: 'x' }]) {
        const listed = { body: { space: 'user:alice', filter } }
        const reply = await locket.call('POST', '/v1/memories/list', listed)
        assert.equal(reply.body.code, 'invalid_filter', word)
      }
    }
    assert.equal((await locket.sql('SELECT * FROM memories')).length, 0)
  })
})

async function refused(world: World, operation: Operation, input: Input): Promise<void> {
  const { method, path, body } = toHttp(operation, input)
  const address = newAddress()
  const { reply } = await world.observe(method, path, body ? { body, address } : { address })
  const code = ignoring.includes(operation.id) ? 'sign_in_over' : 'invalid_input'
  assert.equal(reply.body.code, code, `${operation.id}: ${JSON.stringify(input)}`)
}

describe('prototype pollution [V15.3.6]', () => {
  const polluted = (): unknown => Reflect.get({}, 'polluted')

  const texts: readonly (readonly [name: string, text: string])[] = [
    ['at the top', '{"__proto__": {"polluted": 1}}'],
    ['spelled with escapes', '{"\\u005f_proto__": {"polluted": 1}}'],
    ['deep inside', '{"a": [{"b": {"__proto__": {"polluted": 1}}}]}'],
    ['by way of the constructor', '{"constructor": {"prototype": {"polluted": 1}}}'],
    ['as a text', '{"__proto__": "polluted"}'],
  ]

  test('at every operation that takes a body', async (t) => {
    const world = await openWorld(t)
    for (const operation of operations.filter(({ method }) => /POST|PATCH/.test(method))) {
      const { method, path } = toHttp(operation, await sampleOf(operation).make(world.maker))
      const before = await stateOf(world.locket)
      for (const [name, body] of texts) {
        const { code } = (await world.observe(method, path, { body })).reply.body
        const expected = name === 'by way of the constructor' ? 'invalid_input' : 'invalid_json'
        assert.equal(code, expected, `${operation.id} ${name}`)
        assert.equal(polluted(), undefined, `${operation.id} ${name}`)
      }
      assert.equal(await stateOf(world.locket), before, operation.id)
    }
  })

  test('in a query', async (t) => {
    const locket = await openLocket(t)
    for (const query of [
      '__proto__=1',
      '__proto__[polluted]=1',
      'constructor=1',
      '%5F_proto__=1',
    ]) {
      assert.equal((await locket.call('GET', `/v1/principals?${query}`)).status, 400, query)
    }
    assert.equal(polluted(), undefined)
  })

  test('in metadata it is data, and filters do not see what nobody stored', async (t) => {
    const locket = await openLocket(t)
    const space = 'user:alice'
    const metadata = { constructor: { prototype: { polluted: 1 } }, toString: 'mine' }
    const stored = await locket.call('POST', '/v1/memories', {
      body: { space, text: 'x', metadata },
    })
    assert.equal(stored.status, 201)
    assert.deepEqual(stored.body.metadata, metadata)
    assert.equal(polluted(), undefined)
    await locket.call('POST', '/v1/memories', { body: { space, text: 'y' } })
    const names = ['constructor', 'toString', '__proto__', 'constructor.name', 'hasOwnProperty']
    const counts: number[] = []
    for (const name of names) {
      const filter = { [`metadata.${name}`]: { exists: true } }
      const text = JSON.stringify({ space, filter })
      const { body } = await locket.call('POST', '/v1/memories/list', { body: text })
      counts.push(body.items.length)
    }
    assert.deepEqual(counts, [1, 1, 0, 0, 0])
  })
})

describe('every answer [V14.3.2] [V14.2.1]', () => {
  test('of every operation and path is not to be stored; a key in its URL is refused', async (t) => {
    const world = await openWorld(t)
    const { call, admin } = world.locket
    for (const operation of operations) {
      const input = await sampleOf(operation).make(world.maker)
      const { method, path, body } = toHttp(operation, input)
      const inUrl = `${path}${path.includes('?') ? '&' : '?'}token=${admin}`
      const sent = body ? { body } : {}
      const replies = [
        await call(method, path, { ...sent, key: null, address: newAddress() }),
        await call(method, inUrl, sent),
        await call(method, path, sent),
      ]
      for (const reply of replies) assertNotStored(reply, operation.id)
      assert.equal(replies[1]?.body.code, 'secret_in_url', operation.id)
      assert.ok(!JSON.stringify(replies[1]?.body).includes(admin.slice(16)), operation.id)
    }
    // Public keys are for others to keep a while; their answer says how long.
    const open = publicPaths.filter((one) => !/^\/(?:docs|\.well-known)/.test(one))
    for (const path of [...open, '/nothing']) {
      assertNotStored(await call('GET', path, { key: null }), path)
    }
  })
})

function assertNotStored({ headers }: Reply, about: string): void {
  assert.equal(headers.get('cache-control'), 'no-store', about)
  assert.equal(headers.get('x-content-type-options'), 'nosniff', about)
}

describe('the work behind a 404 [V8.2.2]', () => {
  test('is the same for another tenant’s id as for one that never was', async (t) => {
    const world = await openWorld(t)
    // What jobs ask meanwhile is nobody's request.
    await world.locket.app.jobs.stop()
    const named = operations.filter((operation) => sampleOf(operation).names === 'id')
    for (const operation of named) {
      const input = await sampleOf(operation).make(world.maker)
      const foreign = await statementsOf(world, operation, input)
      const never = await statementsOf(world, operation, neverThere(input))
      assert.deepEqual(foreign, never, operation.id)
    }
  })
})

/** The statements that the database runs for a call of the other tenant's administrator. */
async function statementsOf(
  world: World,
  operation: Operation,
  input: Input,
): Promise<readonly string[]> {
  const { method, path, body } = toHttp(operation, input)
  const call = { key: world.stranger.key, ...(body && { body }) }
  // What is remembered of the caller is not what is compared.
  await world.locket.call('GET', '/v1/whoami', { key: world.stranger.key })
  const watch = watchStatements(world.locket.app.pipeline.database)
  try {
    const { status } = await world.locket.call(method, path, call)
    assert.ok(status === 404 || status === 403, `${operation.id}: ${status}`)
  } finally {
    watch.end()
  }
  return watch.statements
}

describe('an audit event [V16.2.1]', () => {
  test('says who, what, where from, when, how it ended, by which request and grant', async (t) => {
    const locket = await openLocket(t)
    const { id, key } = await locket.person('user:alice')
    const stored = await locket.call('POST', '/v1/memories', {
      key,
      body: { text: 'x' },
      address: '192.0.2.7',
      headers: { 'User-Agent': 'tester/1' },
    })
    const path = '/v1/audit-events?action=memory.stored'
    const [event] = (await locket.call('GET', path)).body.items
    const { credentialId } = stored.body.provenance
    const grants = (await locket.call('GET', `/v1/grants?principalId=${id}`)).body.items
    const { id: _, leaf: __, time, spaceId, details, ...told } = event
    assert.deepEqual(told, {
      class: 'write',
      action: 'memory.stored',
      outcome: 'allowed',
      code: null,
      actor: { id, kind: 'user', credentialId, method: 'api-key' },
      onBehalfOf: null,
      resourceId: stored.body.id,
      requestId: stored.headers.get('x-request-id'),
      door: 'http',
      decision: grants[0].id,
      address: '192.0.2.7',
      userAgent: 'tester/1',
      erased: false,
    })
    assert.match(spaceId, /^spc_/)
    assert.equal(new Date(time).toISOString(), time)
    assert.equal(details.changes[0].id, stored.body.id)
  })
})

test('a handle has another index in another tenant [trap-guessable-pseudonym]', async (t) => {
  const locket = await openLocket(t)
  const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
  for (const key of [locket.admin, other.apiKey]) {
    await locket.call('POST', '/v1/memories', { key, body: { space: 'user:alice', text: 'x' } })
  }
  for (const table of ['spaces', 'principals']) {
    const rows = await locket.sql(`SELECT handle_index FROM ${table}`)
    const indexes = rows.map((row) =>
      Buffer.from(row['handle_index'] as Uint8Array).toString('hex'),
    )
    assert.equal(new Set(indexes).size, indexes.length, table)
    assert.ok(
      indexes.every((index) => index.length === 64),
      'all of HMAC-SHA-256 is kept',
    )
  }
})
