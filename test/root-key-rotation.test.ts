/** The root key is replaced: everything opens as before, the old key opens nothing. */
import assert from 'node:assert/strict'
import { copyFileSync, cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createApp } from '../src/app.ts'
import { createLog } from '../src/core/log.ts'
import { type Instance, openInstance } from '../src/instance.ts'
import { rotateRootKey } from '../src/root-key-rotation.ts'
import { configOf, type Locket, openLocket } from './harness.ts'

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

function reopen(directory: string): Promise<Instance> {
  return openInstance(configOf(directory), { log, create: false })
}

async function rotate(directory: string): Promise<void> {
  const instance = await reopen(directory)
  try {
    await rotateRootKey(instance, configOf(directory))
  } finally {
    await instance.close()
  }
}

async function assertServes(t: TestContext, locket: Locket): Promise<void> {
  const instance = await reopen(locket.directory)
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
  await rotate(locket.directory)
  const fresh = readFileSync(keyFile, 'utf8')
  assert.notEqual(fresh, old)
  assert.equal(existsSync(`${keyFile}.next`), false)
  writeFileSync(keyFile, old)
  await assert.rejects(reopen(locket.directory), /not the one of this data directory/)
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
  await rotate(directory)
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
  const config = { ...configOf(directory), rootKey: { text } }
  const instance = await openInstance(config, { log, create: false })
  t.after(() => instance.close())
  await assert.rejects(rotateRootKey(instance, config), /LOCKET_ROOT_KEY/)
})
