import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs, { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  appendDurably,
  beginDurably,
  createDurably,
  finishedName,
  makeDirectoryDurably,
  truncateDurably,
} from './durable-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'locket-durable-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
const newFile = (): string => join(folder, `file-${++files}`)

/** Runs one call where no file may grow beyond one block: the write comes to its end in the middle. */
function onFullDisk(call: string): string {
  const module = join(import.meta.dirname, 'durable-file.ts')
  const script = `import * as durable from ${JSON.stringify(module)}
    try { durable.${call} } catch (error) { console.log(error.code) }`
  const node = [process.execPath, '--input-type=module', '-e', script]
  return execFileSync('sh', ['-c', 'ulimit -f 1 && exec "$@"', 'sh', ...node], {
    encoding: 'utf8',
  }).trim()
}

test('creates a file of the owner’s alone, once', () => {
  const file = newFile()
  createDurably(file, 'one\n')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.throws(() => createDurably(file, 'two\n'), { code: 'EEXIST' })
  assert.equal(readFileSync(file, 'utf8'), 'one\n')
})

test('a file that is begun has its name once it is finished, and none when it is abandoned', () => {
  const file = newFile()
  writeFileSync(file, 'before')
  writeFileSync(`${file}.unfinished`, 'of a crash')
  const begun = beginDurably(file)
  begun.write(Buffer.from('one '))
  begun.write(Buffer.from('two'))
  assert.equal(readFileSync(file, 'utf8'), 'before')
  assert.equal(finishedName(`${file}.unfinished`), file)
  assert.equal(finishedName(file), null)
  begun.finish()
  assert.equal(readFileSync(file, 'utf8'), 'one two')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const other = beginDurably(file)
  other.write(Buffer.from('three'))
  other.abandon()
  assert.equal(readFileSync(file, 'utf8'), 'one two')
  assert.equal(existsSync(`${file}.unfinished`), false)
})

test('appends, and makes the file at need', () => {
  const file = newFile()
  appendDurably(file, 'é\n')
  appendDurably(file, 'two\n')
  assert.equal(readFileSync(file, 'utf8'), 'é\ntwo\n')
  assert.equal(statSync(file).mode & 0o777, 0o600)
})

test('syncs the file, and the directory that names it, and leaves nothing open', (t) => {
  const sync = t.mock.method(fs, 'fsyncSync')
  const [opened, closed] = [t.mock.method(fs, 'openSync'), t.mock.method(fs, 'closeSync')]
  syncBuiltinESMExports()
  const file = newFile()
  createDurably(file, 'one\n')
  assert.equal(sync.mock.callCount(), 2)
  appendDurably(file, 'two\n')
  assert.equal(sync.mock.callCount(), 4)
  truncateDurably(file, 4)
  assert.equal(sync.mock.callCount(), 5)
  assert.equal(closed.mock.callCount(), opened.mock.callCount())
  t.mock.restoreAll()
  syncBuiltinESMExports()
})

test('a file has its name only once it is whole, whenever a crash comes', (t) => {
  const file = newFile()
  const seen: boolean[] = []
  for (const step of ['writeSync', 'fsyncSync', 'linkSync'] as const) {
    const real = fs[step] as (...args: unknown[]) => unknown
    t.mock.method(fs, step, (...args: unknown[]) => {
      seen.push(existsSync(file))
      return real(...args)
    })
  }
  syncBuiltinESMExports()
  createDurably(file, 'one\n')
  t.mock.restoreAll()
  syncBuiltinESMExports()
  assert.deepEqual(
    seen,
    [false, false, false, true],
    'written, synced, linked; the directory synced',
  )
})

test('what a crash left of a create is in nobody’s way, and goes', () => {
  const file = newFile()
  writeFileSync(`${file}.unfinished`, 'half')
  createDurably(file, 'one\n')
  assert.equal(readFileSync(file, 'utf8'), 'one\n')
  assert.ok(!existsSync(`${file}.unfinished`))
  assert.equal(statSync(file).nlink, 1)
})

test('makes directories of the owner’s alone, each synced into the one above it', (t) => {
  const sync = t.mock.method(fs, 'fsyncSync')
  syncBuiltinESMExports()
  const directory = join(newFile(), 'a', 'b')
  makeDirectoryDurably(directory)
  assert.equal(sync.mock.callCount(), 3)
  makeDirectoryDurably(directory)
  assert.equal(sync.mock.callCount(), 3)
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  t.mock.restoreAll()
  syncBuiltinESMExports()
})

test('truncates to a size', () => {
  const file = newFile()
  createDurably(file, 'one\ntwo\n')
  truncateDurably(file, 4)
  assert.equal(readFileSync(file, 'utf8'), 'one\n')
})

test('a create that does not fit leaves no file', () => {
  const file = newFile()
  assert.equal(onFullDisk(`createDurably(${JSON.stringify(file)}, 'x'.repeat(10_000))`), 'EFBIG')
  assert.ok(!existsSync(file))
  assert.ok(!existsSync(`${file}.unfinished`))
})

test('an append that does not fit leaves the file as it was', () => {
  const file = newFile()
  writeFileSync(file, 'whole\n')
  assert.equal(onFullDisk(`appendDurably(${JSON.stringify(file)}, 'x'.repeat(10_000))`), 'EFBIG')
  assert.equal(readFileSync(file, 'utf8'), 'whole\n')
})
