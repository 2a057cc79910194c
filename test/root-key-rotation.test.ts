/** The root key is replaced: everything opens as before, the old key opens nothing. */
import assert from 'node:assert/strict'
import { copyFileSync, cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createApp } from '../src/app.ts'
import type { Config } from '../src/config/config.ts'
import { createLog } from '../src/core/log.ts'
import { generateRootKey } from '../src/crypto/root-key.ts'
import { type Instance, openInstance } from '../src/instance.ts'
import { type Rotation, rotateRootKey } from '../src/root-key-rotation.ts'
import { rewrapTenantKeys } from '../src/storage/encryption-keys.ts'
import { findWindows } from './byte-search.ts'
import { leftAfter } from './cleaning.ts'
import { cleanableFiles } from './data-files.ts'
import { configOf, type Locket, openLocket } from './harness.ts'
import { givenSecret } from './secret.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const log = createLog('silent')

/** A Locket with a memory and a deleted space, closed again. */
async function filled(t: TestContext): Promise<Locket> {
  const locket = await openLocket(t)
  await locket.call('POST', '/v1/memories', { body: { space: 'user:a', text: 'blue teapot' } })
  const made = await locket.call('POST', '/v1/spaces', { body: { handle: 'user:gone' } })
  await locket.call('DELETE', `/v1/spaces/${made.body.id}`)
  await locket.close()
  return locket
}

function reopen(locket: Locket, config: Partial<Config> = {}): Promise<Instance> {
  return openInstance({ ...locket.config, ...config }, { log, create: false })
}

async function rotate(locket: Locket, config: Partial<Config> = {}): Promise<Rotation> {
  const instance = await reopen(locket, config)
  try {
    return await rotateRootKey(instance, { ...locket.config, ...config })
  } finally {
    await instance.close()
  }
}

async function assertServes(t: TestContext, locket: Locket): Promise<void> {
  const instance = await reopen(locket)
  assert.equal(instance.keys.tombstones.size, 1)
  const options = { version: 'test', publicUrl: null, indexes_bytes_max: 1e6 }
  const app = await createApp(instance, options)
  t.after(async () => {
    await app.close()
    await instance.close()
  })
  const request = new Request('http://127.0.0.1/v1/memories/recall', {
    method: 'POST',
    headers: { Authorization: `Bearer ${locket.admin}` },
    body: JSON.stringify({ space: 'user:a', query: 'teapot' }),
  })
  const answer = await app.fetch(request, { address: null })
  const { items } = (await answer.json()) as { items: { text: string }[] }
  assert.deepEqual(
    items.map((item) => item.text),
    ['blue teapot'],
  )
}

test('memories, keys and tombstones open under the new root key, and nothing under the old', async (t) => {
  const locket = await filled(t)
  const keyFile = join(locket.directory, 'root.key')
  const old = readFileSync(keyFile, 'utf8')
  await rotate(locket)
  const fresh = readFileSync(keyFile, 'utf8')
  assert.notEqual(fresh, old)
  assert.equal(existsSync(`${keyFile}.next`), false)
  writeFileSync(keyFile, old)
  await assert.rejects(reopen(locket), /not the one of this da/)
  writeFileSync(keyFile, fresh)
  await assertServes(t, locket)
})

test('a crash before the commit leaves the old key in force', async (t) => {
  const locket = await filled(t)
  const keyFile = join(locket.directory, 'root.key')
  const other = await filled(t)
  copyFileSync(join(other.directory, 'root.key'), `${keyFile}.next`)
  writeFileSync(join(locket.directory, 'tombstones.next'), 'half a li')
  await assertServes(t, locket)
  assert.equal(existsSync(`${keyFile}.next`), false)
  assert.equal(existsSync(join(locket.directory, 'tombstones.next')), false)
})

test('a crash after the commit is finished by the next start', async (t) => {
  const locket = await filled(t)
  const { directory } = locket
  const at = (name: string): string => join(directory, name)
  cpSync(at('root.key'), at('old.key'))
  cpSync(at('tombstones'), at('old.tombstones'))
  await rotate(locket)
  // As it was between the commit and the renaming.
  renameSync(at('root.key'), at('root.key.next'))
  renameSync(at('tombstones'), at('tombstones.next'))
  renameSync(at('old.key'), at('root.key'))
  renameSync(at('old.tombstones'), at('tombstones'))
  await assertServes(t, locket)
  assert.equal(existsSync(at('root.key.next')), false)
})

test('a root key that came as text is not rotated', async (t) => {
  const locket = await filled(t)
  const { directory } = locket
  const text = readFileSync(join(directory, 'root.key'), 'utf8').trim()
  const config = { ...locket.config, rootKey: { secret: givenSecret(text) } }
  const instance = await openInstance(config, { log, create: false })
  t.after(() => instance.close())
  await assert.rejects(rotateRootKey(instance, config), /LOCKET_ROOT_KEY/)
})

test('a new key that was not written whole is thrown away by the next start', async (t) => {
  const locket = await filled(t)
  const next = join(locket.directory, 'root.key.next')
  writeFileSync(next, '', { mode: 0o600 })
  writeFileSync(`${next}.unfinished`, 'half a k', { mode: 0o600 })
  await assertServes(t, locket)
  for (const file of [next, `${next}.unfinished`]) assert.equal(existsSync(file), false, file)
})

test('a new key that cannot be read is kept where the old one does not fit', async (t) => {
  const locket = await filled(t)
  const other = await filled(t)
  const at = (name: string): string => join(locket.directory, name)
  copyFileSync(join(other.directory, 'root.key'), at('root.key'))
  writeFileSync(at('root.key.next'), 'x', { mode: 0o600 })
  await assert.rejects(reopen(locket), /root.key.next must be 32 random bytes/)
  assert.ok(existsSync(at('root.key.next')))
})

test('with tombstones other than the server’s the root key is not rotated', async (t) => {
  const locket = await filled(t)
  const { directory } = locket
  const keyFile = join(directory, 'root.key')
  const old = readFileSync(keyFile, 'utf8')
  const tombstonesFile = join(directory, 'elsewhere')
  await assert.rejects(rotate(locket, { tombstonesFile }), /1 destroyed spaces have no tombstone/)
  assert.equal(existsSync(`${keyFile}.next`), false)
  assert.equal(readFileSync(keyFile, 'utf8'), old)
  await rotate(locket)
  await assertServes(t, locket)
})

test('a space that somebody marked destroyed does not keep the root key from being rotated', async (t) => {
  const locket = await filled(t)
  await locket.sql("update spaces set state = 'destroyed' where state = 'active'")
  await rotate(locket)
  await locket.sql("update spaces set state = 'active' where profile is not null")
  await assertServes(t, locket)
})

test('tombstones that a start with another setting left behind are put in place later', async (t) => {
  const locket = await filled(t)
  const { directory } = locket
  const at = (name: string): string => join(directory, name)
  cpSync(at('tombstones'), at('old.tombstones'))
  await rotate(locket)
  // A crash before the renaming; the next start does not know of this file.
  renameSync(at('tombstones'), at('tombstones.next'))
  renameSync(at('old.tombstones'), at('tombstones'))
  await (await reopen(locket, { tombstonesFile: at('elsewhere') })).close()
  await assertServes(t, locket)
})

/** The wrap of the tenant's key, as it stands in the database. */
async function wrapOf({ sql, tenant }: Locket): Promise<Uint8Array> {
  const text = "select wrapped from encryption_keys where scope = 'tenant' and tenant_id = ?"
  return (await sql(text, tenant))[0]?.['wrapped'] as Uint8Array
}

test('what the old key wrapped is dropped by the start after a crash', async (t) => {
  const locket = await openLocket(t)
  const wrap = await wrapOf(locket)
  const { directory } = locket
  await locket.close()
  const instance = await reopen(locket)
  const next = generateRootKey(join(directory, 'root.key.next'))
  const roots = { from: instance.keys.root, to: next.key }
  await instance.database.write((tx) => rewrapTenantKeys(tx, roots), 'full')
  const crashed = { directory: temporaryDirectory(t), data: locket.data }
  cpSync(directory, crashed.directory, { recursive: true })
  await instance.close()
  const filesWithIt = async () => findWindows(await cleanableFiles(t, crashed), [wrap], wrap.length)
  assert.notDeepEqual(await filesWithIt(), [])
  const config = configOf(crashed.directory, crashed.data)
  const again = await openInstance(config, { log, create: false })
  const app = await createApp(again, { version: 'test', publicUrl: null, indexes_bytes_max: 1e6 })
  assert.deepEqual(await leftAfter(() => app.jobs.runAll(), filesWithIt), [])
  await app.close()
  await again.close()
})

test('a rotation whose scrub fails has succeeded, and says what is left to the next start', async (t) => {
  const locket = await filled(t)
  const instance = await reopen(locket)
  t.mock.method(instance.database, 'scrub', () => Promise.reject(new Error('somebody reads')))
  const { keysWrapped, scrubbed } = await rotateRootKey(instance, locket.config)
  await instance.close()
  assert.deepEqual([keysWrapped, scrubbed], [2, false])
  await assertServes(t, locket)
})
