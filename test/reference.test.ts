/** docs/reference says what the program says of itself. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { operations } from '../src/operations.ts'
import { allActions, neverKept } from './reference/events.ts'
import { table } from './reference/markdown.ts'
import { referencePages } from './reference/pages.ts'
import { remoteOperationsFile } from './reference/remote-operations.ts'
import { textWithout } from './reference/source.ts'

const folder = join(import.meta.dirname, '..', 'docs', 'reference')
const pages = referencePages()

describe('docs/reference', () => {
  for (const { file, text } of pages) {
    // [V8.1.1] roles.md is the matrix of presets and permissions.
    test(`${file} is up to date`, () => {
      const written = readFileSync(join(folder, file), 'utf8')
      assert.ok(written === text, `docs/reference/${file} is stale: npm run reference`)
    })
  }

  test('holds nothing that is not generated', () => {
    assert.deepEqual(readdirSync(folder).sort(), pages.map(({ file }) => file).sort())
  })

  test('is the same when it is made twice', () => {
    assert.deepEqual(referencePages(), pages)
  })

  test('names every operation with its place and its permission', () => {
    const text = pages.find(({ file }) => file === 'operations.md')?.text ?? ''
    for (const { id, method, path } of operations) {
      assert.ok(text.includes(`| \`${id}\` | \`${method} ${path}\` |`), id)
    }
  })

  test('every action that src appends is in the catalogue of events [V16.1.1]', () => {
    const source = textWithout('no file')
    const appended = /(?:action: |action = |(?:jobEvent|tell)\([^'\n]+?,\s*)'([a-z-]+\.[a-z-]+)'/g
    const found = new Set([...source.matchAll(appended)].map(([, action = '']) => action))
    for (const known of ['server.started', 'memory.expired', 'mail.sent'])
      assert.ok(found.has(known))
    const missing = [...found].filter((one) => !allActions.has(one) && !neverKept.includes(one))
    assert.deepEqual(missing, [])
  })

  test('the command line knows of operations what their table says', () => {
    const file = join(import.meta.dirname, '..', 'src', 'cli', 'remote-operations.json')
    const isCurrent = readFileSync(file, 'utf8') === remoteOperationsFile()
    assert.ok(isCurrent, 'src/cli/remote-operations.json is stale: npm run reference')
  })

  test('a cell cannot break out of its table', () => {
    assert.equal(table(['a'], [['x | y\nz']]), '| a |\n| --- |\n| x \\| y z |')
  })
})
