import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { systemClock } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import { openExportFile } from './export-file.ts'
import { openRefusedFile } from './refused-file.ts'

const space = 'user:alice'
const ids = Array.from({ length: 3 }, () => newId('mem', systemClock))
const lines = ids.map((id, at) => `${JSON.stringify({ id, space, text: `é ${at}` })}\n`)
const whole = lines.join('')

function path(t: TestContext, content?: string | Uint8Array): string {
  const file = join(temporaryDirectory(t), 'export.jsonl')
  if (content !== undefined) writeFileSync(file, content)
  return file
}

test('a new file is for its owner alone, and is no other that is there', async (t) => {
  const file = path(t)
  const target = await openExportFile(file, { resume: false, space })
  await target.append(lines[0] ?? '')
  await target.append(lines[1] ?? '')
  await target.finish()
  await target.close()
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(readFileSync(file, 'utf8'), lines.slice(0, 2).join(''))
  await assert.rejects(openExportFile(file, { resume: false, space }), /is there already/)
})

test('what fails before anything came leaves no file; what is empty and whole does', async (t) => {
  const file = path(t)
  const failed = await openExportFile(file, { resume: true, space })
  await failed.close()
  assert.throws(() => statSync(file), /ENOENT/)
  const empty = await openExportFile(file, { resume: true, space })
  await empty.finish()
  await empty.close()
  assert.equal(readFileSync(file, 'utf8'), '')
})

test('cut off at any byte, it goes on after its last whole line', async (t) => {
  const bytes = Buffer.from(whole)
  const ends = lines.map((_, at) => Buffer.byteLength(lines.slice(0, at + 1).join('')))
  for (let cut = 0; cut <= bytes.length; cut++) {
    const file = path(t, bytes.subarray(0, cut))
    const target = await openExportFile(file, { resume: true, space })
    const lasts = ends.filter((end) => end <= cut).length
    assert.equal(target.last, ids[lasts - 1] ?? null, `cut at ${cut}`)
    await target.append(lines.slice(lasts).join(''))
    await target.close()
    assert.equal(readFileSync(file, 'utf8'), whole, `cut at ${cut}`)
  }
})

const foreign: readonly (readonly [string, string, RegExp])[] = [
  ['another space', whole, /another space/],
  ['a text', 'my notes\n', /does not end as/],
  ['a text without an end', 'my notes', /does not end as/],
  ['one that ends otherwise', `${whole}{"a":1}\n`, /does not end as/],
  ['one that ends with an empty line', `${whole}\n`, /does not end as/],
  ['another list', '{"id":"spc_1"}\n', /does not end as/],
]

for (const [name, content, reason] of foreign) {
  test(`${name} is not gone on with, and left as it is`, async (t) => {
    const file = path(t, content)
    await assert.rejects(openExportFile(file, { resume: true, space: 'user:bob' }), reason)
    assert.equal(readFileSync(file, 'utf8'), content)
  })
}

test('refused records are kept a line each, in a file of their own', (t) => {
  const file = path(t)
  const none = openRefusedFile(file)
  none.close()
  assert.throws(() => statSync(file), /ENOENT/)
  const kept = openRefusedFile(file)
  kept.add(Buffer.from('{"text": 1}\r'))
  kept.add(Buffer.from('\n  {\n    "text": "é"\n  }'))
  kept.close()
  assert.equal(kept.records, 2)
  assert.equal(readFileSync(file, 'utf8'), '{"text": 1}\n{ "text": "é" }\n')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.throws(() => openRefusedFile(file), /is there already/)
})
