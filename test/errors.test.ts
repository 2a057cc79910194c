/** The table of errors, the docs, OpenAPI and the code agree, each with each. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type ErrorCode, errorTable } from '../src/core/errors.ts'
import { openApiDocument } from '../src/http/openapi.ts'
import { operations } from '../src/operations.ts'

const root = join(import.meta.dirname, '..')
const codes = Object.keys(errorTable) as readonly ErrorCode[]
const sources = globSync('src/**/*.ts', { cwd: root, exclude: ['src/**/*.test.ts'] })
  .filter((file) => !file.endsWith('.test.ts') && !file.endsWith('core/errors.ts'))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))

describe('the table of errors', () => {
  test('is that of docs/reference/errors.md', { skip: !existsSync(page()) }, () => {
    const rows = [...readFileSync(page(), 'utf8').matchAll(/^\| `(\w+)` \| (\d+) \| ([^|]+) \|/gm)]
    const told = rows.map(([, code, status, sentence]) => [code, Number(status), sentence?.trim()])
    const table = codes.map((code) => [code, errorTable[code].status, errorTable[code].sentence])
    assert.deepEqual(told, table)
  })

  test('is that of OpenAPI', () => {
    const document = openApiDocument({ operations, version: 'test', publicUrl: null })
    const { schemas, responses } = document.components as {
      schemas: { Problem: { properties: { code: { enum: readonly string[] } } } }
      responses: Record<string, { description: string }>
    }
    assert.deepEqual(schemas.Problem.properties.code.enum, codes)
    for (const code of codes) {
      const { status, sentence } = errorTable[code]
      const told = responses[`Problem${status}`]?.description
      assert.ok(told?.includes(`\`${code}\`: ${sentence}`), code)
    }
  })

  test('has public sentences that tell nothing about a case', () => {
    for (const code of codes) assert.match(errorTable[code].sentence, /^[A-Z][^<>{}`"]{5,80}\.$/)
  })

  test('has client errors below 500 and ours from there on', () => {
    const ours = codes.filter((code) => errorTable[code].status >= 500)
    assert.deepEqual(ours, [
      'internal',
      'integrity_failed',
      'provider_failed',
      'model_failed',
      'unavailable',
      'audit_sink_full',
      'storage_full',
    ])
  })

  for (const code of codes) {
    test(`${code} is thrown somewhere`, () => {
      const files = sources.filter(({ text }) => throwsCode(text, code)).map(({ file }) => file)
      assert.notEqual(files.length, 0)
    })
  }
})

function page(): string {
  return join(root, 'docs', 'reference', 'errors.md')
}

/** In the arguments of a LocketError, or in a table of codes such as the listener's. */
function throwsCode(text: string, code: string): boolean {
  const thrown = new RegExp(`LocketError\\((?:[^()]|\\([^()]*\\))*'${code}'`)
  const listed = new RegExp(`^  [A-Z_]+: '${code}',$`, 'm')
  return thrown.test(text) || listed.test(text)
}

describe('doc comments', () => {
  const list = '`[^`]+`(?:,?[\\s*]+(?:(?:or|and)[\\s*]+)?`[^`]+`)*'
  const promise = new RegExp(`(?:Fails[\\s*]+(?:with|as)|Throws)[\\s*]+(${list})`, 'g')
  const promises = sources.flatMap(({ file, text }) =>
    [...text.matchAll(promise)].map(([, told = '']) => ({ file, told })),
  )

  test('name what operations fail with', () => {
    assert.ok(promises.length > 30, `${promises.length} were found`)
  })

  test('name only codes that there are', () => {
    const wrong = promises.flatMap(({ file, told }) =>
      [...told.matchAll(/`([a-z]+(?:_[a-z]+)*)`/g)]
        .map(([, code = '']) => code)
        .filter((code) => !codes.some((known) => known === code))
        .map((code) => `${file}: ${code}`),
    )
    assert.deepEqual(wrong, [])
  })
})
