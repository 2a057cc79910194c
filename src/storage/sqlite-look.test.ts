/** Looking at a file of the embedded engine without being its server. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { failsWith } from '../../test/stores.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { createLog } from '../core/log.ts'
import { insertInstance, isInitialised } from './instance.ts'
import { openSqlite } from './sqlite.ts'
import { lookAtSqlite } from './sqlite-look.ts'

/** A database that was closed properly. */
async function settled(t: TestContext): Promise<string> {
  const file = join(temporaryDirectory(t), 'locket.db')
  const database = await openSqlite({ file, log: createLog('silent') })
  await database.close()
  return file
}

test('a rehearsal sees its own change, and nobody else ever does', async (t) => {
  const file = await settled(t)
  const look = lookAtSqlite(file)
  let seen = false
  await look.rehearse?.(async (tx) => {
    await insertInstance(tx, 1)
    seen = await isInitialised(tx)
  })
  assert.equal(seen, true)
  assert.equal(await look.read(isInitialised), false)
  await look.close()
  assert.deepEqual(readdirSync(join(file, '..')), ['locket.db'])
})

test('a rehearsal throws what the change threw', async (t) => {
  const look = lookAtSqlite(await settled(t))
  const twice = look.rehearse?.(async (tx) => {
    await insertInstance(tx, 1)
    await insertInstance(tx, 2)
  })
  await assert.rejects(twice ?? Promise.resolve(), /UNIQUE/)
  await look.close()
})

test('a reader cannot write', async (t) => {
  const look = lookAtSqlite(await settled(t))
  await assert.rejects(
    look.read((tx) => insertInstance(tx, 1)),
    /readonly/,
  )
  await look.close()
})

test('what is read while a server starts does not count', async (t) => {
  const file = await settled(t)
  const look = lookAtSqlite(file)
  const reading = look.read(async (tx) => {
    writeFileSync(`${file}-wal`, '')
    return isInitialised(tx)
  })
  await assert.rejects(reading, failsWith('unavailable'))
  await look.close()
})

test('a log that was not settled is read, and a rehearsal is not offered', async (t) => {
  const file = join(temporaryDirectory(t), 'locket.db')
  const database = await openSqlite({ file, log: createLog('silent') })
  await database.write((tx) => insertInstance(tx, 1), 'full')
  // Nobody holds the directory, so whoever has it open is no server.
  const look = lookAtSqlite(file)
  assert.equal(look.rehearse, null)
  assert.equal(await look.read(isInitialised), true)
  assert.deepEqual(await look.pending(), [])
  await look.close()
  await database.close()
  assert.equal(existsSync(`${file}-wal`), false)
})

test('a file without a schema has none', async (t) => {
  const file = join(temporaryDirectory(t), 'locket.db')
  writeFileSync(file, '')
  const look = lookAtSqlite(file)
  assert.equal(await look.pending(), null)
  await look.close()
})
