/** The OpenAPI document: valid by an outside judge, and in step with what the server does. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { z } from 'zod'
import { openHttpLocket } from '../../test/http/locket.ts'
import { errorTable } from '../core/errors.ts'
import { whoami } from '../features/principals/whoami.ts'
import { operation } from '../kernel/operation.ts'
import { fillPath } from '../kernel/path.ts'
import { operations } from '../operations.ts'
import { openApiDocument } from './openapi.ts'
import type { OpenApiOperation, Parameter } from './openapi-operation.ts'
import { inputSchema } from './openapi-schema.ts'

const document = openApiDocument({ operations, version: '1.2.3', publicUrl: null })

function described(id: string): OpenApiOperation {
  const all = Object.values(document.paths).flatMap((item) => Object.values(item))
  const found = all.find(({ operationId }) => operationId === id)
  assert.ok(found, id)
  return found
}

function parameterNames({ parameters }: OpenApiOperation): readonly string[] {
  return parameters.map((one) =>
    '$ref' in one ? (one.$ref.split('/').at(-1) ?? '') : `${one.in}:${one.name}`,
  )
}

test('the document is valid OpenAPI 3.1 [V2.2.1]', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate({ ...structuredClone(document) })
  assert.deepEqual([valid, errors, validator.version], [true, undefined, '3.1'])
})

test('the validator can fail', async () => {
  const broken = structuredClone(document) as unknown as { paths: Record<string, unknown> }
  broken.paths['/v1/whoami'] = { get: { responses: 'none' } }
  assert.equal((await new Validator().validate(broken)).valid, false)
})

test('every reference leads somewhere', () => {
  const text = JSON.stringify(document)
  const references = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, path = '']) => path))
  assert.ok(references.size > 15)
  for (const path of references) {
    const names = path.replace('#/', '').split('/')
    const found = names.reduce<unknown>((at, name) => Reflect.get(Object(at), name), document)
    assert.ok(found, path)
  }
})

test('it has every operation for HTTP once, and no other', () => {
  const listed = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(
      ([method, one]) => `${method.toUpperCase()} ${path} ${one.operationId}`,
    ),
  )
  const offered = operations.filter(({ surfaces }) => surfaces.includes('http'))
  assert.deepEqual(
    listed.sort(),
    offered
      .map(({ method, path, id }) => `${method} ${fillPath(path, (name) => `{${name}}`)} ${id}`)
      .sort(),
  )
})

test('an operation that is not for HTTP is neither described nor served', async (t) => {
  const inner = operation({
    ...(operations[0] as (typeof operations)[number]),
    path: '/v1/inner',
    surfaces: ['cli'],
  })
  const some = openApiDocument({ operations: [inner], version: '1', publicUrl: null })
  assert.deepEqual(some.paths, {})
  const { ask } = await openHttpLocket(t, { operations: [inner] })
  assert.equal((await ask('/v1/inner', { body: {} })).status, 404)
})

describe('an operation', () => {
  test('names its permission, its noun and its errors', () => {
    const store = described('memories.store')
    assert.deepEqual(store['x-permissions'], ['memory:write'])
    assert.match(store.description, /Needs `memory:write`\.$/)
    assert.deepEqual(store.tags, ['memories'])
    assert.deepEqual(
      Object.keys(store.responses),
      '201 400 401 403 404 408 409 413 415 422 429 431 500 503 507'.split(' '),
    )
    assert.match(
      described('audit-events.list').description,
      /Needs one of `audit:read`, `system:admin`/,
    )
  })

  test('has its input in the path, the query or the body', () => {
    const get = described('memories.get')
    assert.deepEqual([parameterNames(get), get.requestBody], [['path:id'], undefined])
    const list = described('principals.list')
    assert.deepEqual(parameterNames(list).toSorted(), ['query:cursor', 'query:kind', 'query:limit'])
    const update = described('memories.update')
    assert.deepEqual(parameterNames(update), ['path:id', 'IfMatch'])
    const { schema } = update.requestBody?.content['application/json'] ?? {}
    assert.ok(schema?.properties?.['text'] && !schema.properties['id'])
    assert.equal(update.requestBody?.required, true)
  })

  test('has the headers that it takes and gives', () => {
    assert.ok(parameterNames(described('memories.store')).includes('IdempotencyKey'))
    assert.ok(!parameterNames(described('memories.recall')).includes('IdempotencyKey'))
    assert.ok(parameterNames(described('memories.delete')).includes('IfMatch'))
    assert.ok(!parameterNames(described('spaces.delete')).includes('IfMatch'))
    const answer = described('memories.get').responses['200']
    assert.ok(answer && 'headers' in answer && answer.headers['ETag'])
  })

  test('that renews a key may come without a body', () => {
    assert.equal(described('api-keys.rotate').requestBody?.required, false)
  })
})

test('every error code stands with its status, and none is left out', () => {
  const { responses } = document.components as {
    responses: Record<
      string,
      { content: Record<string, { schema: { allOf: [unknown, { properties: Shape }] } }> }
    >
  }
  type Shape = { status: { const: number }; code: { enum: string[] } }
  const listed = Object.values(responses).flatMap(({ content }) => {
    const shape = content['application/problem+json']?.schema.allOf[1].properties
    return (shape?.code.enum ?? []).map((code) => [code, shape?.status.const])
  })
  const table = Object.entries(errorTable).map(([code, { status }]) => [code, status])
  assert.deepEqual(listed.sort(), table.sort())
})

test('what callers send is described before defaults and transforms, dates by their format', () => {
  const schema = inputSchema(
    z.strictObject({
      at: z.iso.datetime({ offset: true }),
      limit: z.coerce.number().int().min(1).max(5).default(3),
      filter: z.record(z.string(), z.unknown()).transform(() => 'parsed'),
    }),
  )
  assert.deepEqual(schema, {
    type: 'object',
    properties: {
      at: { type: 'string', format: 'date-time' },
      limit: { type: 'integer', minimum: 1, maximum: 5, default: 3 },
      filter: { type: 'object', propertyNames: { type: 'string' }, additionalProperties: {} },
    },
    required: ['at', 'filter'],
    additionalProperties: false,
  })
})

test('the server is where it is reached, and the version is its own', async (t) => {
  const { ask } = await openHttpLocket(t, { publicUrl: 'https://locket.test' })
  const served = (await (await ask('/openapi.json', { key: null })).json()) as typeof document
  assert.deepEqual(served.servers, [{ url: 'https://locket.test' }])
  assert.equal(served.info.version, 'test')
  assert.deepEqual(document.servers, [{ url: '/' }])
})

test('answers fit the schema that is promised for them', async (t) => {
  const { ask } = await openHttpLocket(t)
  const answer = (await (await ask('/v1/whoami')).json()) as Record<string, unknown>
  const promised = described(whoami.id).responses['200']
  assert.ok(promised && 'content' in promised)
  const { properties = {} } = promised.content['application/json']?.schema ?? {}
  assert.deepEqual(Object.keys(answer).sort(), Object.keys(properties).sort())
})

test('path parameters are all required', () => {
  const all = Object.values(document.paths).flatMap((item) => Object.values(item))
  const inPath = all
    .flatMap(({ parameters }) => parameters)
    .filter((one): one is Parameter => 'in' in one && one.in === 'path')
  assert.ok(inPath.length > 5)
  assert.ok(inPath.every(({ required }) => required))
})
