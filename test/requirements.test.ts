/** Every requirement in force is cited by a test, and no test cites one that is not. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { requirements } from './requirements.ts'

const root = join(import.meta.dirname, '..')

/** `[V8.2.2]`, `[trap-fall-through]`: by id, the files that cite it. */
const cited = Map.groupBy(
  globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'test/architecture/rules.ts'], { cwd: root })
    .filter((file) => file !== 'test/requirements.test.ts')
    .flatMap((file) => citationsOf(readFileSync(join(root, file), 'utf8'), file)),
  ({ id }) => id,
)

function citationsOf(text: string, file: string): readonly { id: string; file: string }[] {
  const ids = [...text.matchAll(/\[(V\d+\.\d+\.\d+|trap-[a-z-]+)\]/g)].map(([, id = '']) => id)
  return [...new Set(ids)].map((id) => ({ id, file }))
}

describe('every requirement in force is shown by a test', () => {
  for (const { id, text } of requirements) {
    test(`${id}: ${text}`, (t) => {
      const files = cited.get(id)?.map(({ file }) => file) ?? []
      assert.notEqual(files.length, 0, `no test cites [${id}]`)
      t.diagnostic(files.join(', '))
    })
  }
})

test('no test cites a requirement that is not in force', () => {
  const known = new Set<string>(requirements.map(({ id }) => id))
  const strange = [...cited].filter(([id]) => !known.has(id))
  assert.deepEqual(strange, [])
})

test('no requirement stands twice', () => {
  assert.equal(new Set(requirements.map(({ id }) => id)).size, requirements.length)
})
