import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { configOf } from '../test/harness.ts'
import { temporaryDirectory } from '../test/temporary-directory.ts'
import { createLog } from './core/log.ts'
import { initialise, openInstance } from './instance.ts'

const log = createLog('silent')

test('the directory of the tombstones is made, and they can be appended to', async (t) => {
  const directory = temporaryDirectory(t)
  const tombstonesFile = join(directory, 'not', 'there', 'tombstones')
  const config = { ...configOf(directory), tombstonesFile }
  const instance = await openInstance(config, { log, create: true })
  t.after(() => instance.close())
  assert.equal(statSync(dirname(tombstonesFile)).mode & 0o777, 0o700)
  assert.equal(statSync(tombstonesFile).mode & 0o777, 0o600)
  const destroyedAt = '2026-01-02T03:04:05.678Z'
  instance.keys.tombstones.append({ tenant: 'ten_1', scope: 'spc_1', destroyedAt })
  assert.match(readFileSync(tombstonesFile, 'utf8'), /spc_1/)
})

test('tombstones that could not be appended to stop the start, and the directory is free again', async (t) => {
  const directory = temporaryDirectory(t)
  const at = (name: string): string => join(directory, name)
  symlinkSync(at('elsewhere'), at('link'))
  mkdirSync(at('folder'))
  writeFileSync(at('file'), '')
  for (const name of ['link', 'folder', 'file/tombstones']) {
    const config = { ...configOf(directory), tombstonesFile: at(name) }
    const opened = openInstance(config, { log, create: true })
    await assert.rejects(opened, /the tombstone file cannot be (appended to|read)/, name)
    assert.equal(existsSync(at('elsewhere')), false)
  }
  const instance = await openInstance(configOf(directory), { log, create: true })
  await instance.close()
})

test('what a crash left of a first root key is removed', async (t) => {
  const directory = temporaryDirectory(t)
  const left = join(directory, 'root.key.unfinished')
  writeFileSync(left, 'half a k', { mode: 0o600 })
  let instance = await openInstance(configOf(directory), { log, create: true })
  await initialise(instance)
  await instance.close()
  assert.equal(existsSync(left), false)
  // A crash after the file got its name leaves both.
  writeFileSync(left, readFileSync(join(directory, 'root.key')), { mode: 0o600 })
  instance = await openInstance(configOf(directory), { log, create: false })
  await instance.close()
  assert.equal(existsSync(left), false)
})
