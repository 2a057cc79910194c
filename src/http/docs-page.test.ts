/** `/docs`: complete, without a script or anything from elsewhere, and escaped. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { openHttpLocket } from '../../test/http/locket.ts'
import { errorTable } from '../core/errors.ts'
import { whoami } from '../features/principals/whoami.ts'
import { operation, permissionsOf } from '../kernel/operation.ts'
import { fillPath } from '../kernel/path.ts'
import { operations } from '../operations.ts'
import { docsPage } from './docs-page.ts'
import { curlSample, sampleOf, typeOf } from './docs-samples.ts'
import { openApiDocument } from './openapi.ts'

const page = await docsPage(openApiDocument({ operations, version: '1.2.3', publicUrl: null }))

test('the page is served with its style sheet to anybody', async (t) => {
  const { ask } = await openHttpLocket(t)
  const served = await (await ask('/docs', { key: null })).text()
  assert.equal(served, page.replace('1.2.3', 'test'))
  const [, href] = /<link rel="stylesheet" href="([^"]+)"/.exec(served) ?? []
  const style = await ask(new URL(href ?? '', 'http://a.test/docs').pathname, { key: null })
  assert.equal(style.status, 200)
})

test('it has each operation: anchor, method, path, permission, sample', () => {
  for (const operation of operations) {
    const { id, method } = operation
    const path = fillPath(operation.path, (name) => `{${name}}`)
    const [, article] = new RegExp(`<article id="${id}">(.*?)</article>`, 's').exec(page) ?? []
    assert.ok(article, id)
    assert.ok(article.includes(`<span class="method">${method}</span> ${path}</code>`), id)
    for (const name of permissionsOf(operation))
      assert.ok(article.includes(`<code>${name}</code>`), id)
    assert.match(article, /<pre><code>curl -s/)
    assert.ok(page.includes(`<a href="#${id}">`), id)
  }
})

test('it has each error code at the anchor that problems point to', () => {
  for (const [code, { status, sentence }] of Object.entries(errorTable)) {
    const [, row] = new RegExp(`<tr id="error-${code}">(.*?)</tr>`).exec(page) ?? []
    assert.ok(row, code)
    assert.ok(row.includes(String(status)), code)
    assert.ok(row.includes(sentence.replaceAll("'", '&#39;')), code)
  }
})

test('it has no script, no inline style, and nothing from elsewhere [V3.4.3]', () => {
  assert.doesNotMatch(page, /<script|<style|\sstyle=|\son\w+=|javascript:|<img|<iframe|<form/i)
  const loaded = [...page.matchAll(/<link[^>]+href="([^"]+)"|\ssrc="([^"]+)"/g)]
  assert.deepEqual(
    loaded.map(([, href]) => href),
    ['docs.css'],
  )
})

test('its tags are closed, its ids unique, its links lead somewhere', () => {
  const open: string[] = []
  for (const [, slash, name = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
    if (['meta', 'link', 'br'].includes(name)) continue
    if (slash) assert.equal(open.pop(), name)
    else open.push(name)
  }
  assert.deepEqual(open, [])
  const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
  assert.equal(new Set(ids).size, ids.length)
  for (const [, anchor] of page.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.includes(anchor))
})

test('whatever a declaration says is text [V3.2.2]', async () => {
  const evil = operation({
    ...whoami,
    summary: '<script>alert(1)</script> `<b>` & "quotes"',
    input: z.strictObject({ '<i>': z.string().default('</code><u>').describe('<em>`</em>`') }),
    output: z.unknown(),
    run: async () => null,
  })
  const written = await docsPage(
    openApiDocument({ operations: [evil], version: '<s>', publicUrl: "http://a'<q>" }),
  )
  assert.doesNotMatch(written, /<script|<b>|<i>|<u>|<em>|<s>|<q>/)
  assert.match(written, /&lt;script&gt;alert\(1\)&lt;\/script&gt; <code>&lt;b&gt;<\/code> &amp;/)
})

describe('a schema in few words', () => {
  const cases = [
    [z.string().min(1).max(200), 'string, 1 to 200 characters'],
    [z.string().max(5), 'string, at most 5 characters'],
    [z.string().min(2), 'string, at least 2 characters'],
    [z.number().int().min(1).max(100), 'integer, 1 to 100'],
    [z.number().int(), 'integer'],
    [z.array(z.string().max(9)).max(3), 'array of string, at most 3 items'],
    [z.enum(['a', 'b']), '"a" | "b"'],
    [z.literal(true), 'true'],
    [z.string().nullable(), 'string or null'],
    [z.iso.datetime({ offset: true }), 'date-time'],
    [z.unknown(), 'any'],
    [z.record(z.string(), z.unknown()), 'object'],
  ] as const
  for (const [schema, words] of cases) {
    test(words, () => {
      const { properties = {} } = openApiSchema(schema)
      assert.equal(typeOf(properties['field'] ?? {}), words)
    })
  }

  test('ids say of what', () => {
    const { paths } = openApiDocument({ operations, version: '1', publicUrl: null })
    const id = paths['/v1/memories/{id}']?.['get']?.parameters[0]
    assert.ok(id && 'schema' in id)
    assert.equal(typeOf(id.schema), 'id (mem_…)')
    assert.equal(sampleOf(id.schema), 'mem_…')
  })
})

function openApiSchema(field: z.ZodType) {
  const one = operation({
    ...whoami,
    method: 'POST',
    input: z.strictObject({ field }),
    output: z.unknown(),
    run: async () => null,
  })
  const { paths } = openApiDocument({ operations: [one], version: '1', publicUrl: null })
  const body = paths['/v1/whoami']?.['post']?.requestBody
  return body?.content['application/json'].schema ?? {}
}

test('the sample of a POST is one that the server takes', async (t) => {
  const { ask } = await openHttpLocket(t)
  const { paths } = openApiDocument({ operations, version: '1', publicUrl: null })
  for (const path of ['/v1/spaces', '/v1/memories', '/v1/memories/recall', '/v1/memories/list']) {
    const described = paths[path]?.['post']
    assert.ok(described)
    const sample = curlSample({ method: 'POST', path, operation: described, base: '/' })
    assert.match(sample, /^curl -s 'http:\/\/127\.0\.0\.1:8080\/v1\//)
    const [, body = ''] = /-d '(.*)'$/.exec(sample) ?? []
    assert.ok([200, 201].includes((await ask(path, { body })).status), body)
  }
})

test('a sample is quoted for the shell', () => {
  const { paths } = openApiDocument({ operations: [whoami], version: '1', publicUrl: null })
  const described = paths['/v1/whoami']?.['get']
  assert.ok(described)
  const sample = curlSample({ method: 'GET', path: '/a', operation: described, base: "http://x'y" })
  assert.match(
    sample,
    /^curl -s 'http:\/\/x'\\''y\/a' -H "Authorization: Bearer \$LOCKET_API_KEY"$/,
  )
})
