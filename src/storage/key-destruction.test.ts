import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../core/log.ts'
import { dataKey, newKeyMaterial } from '../crypto/data-key.ts'
import { createKeyCache, openKeySet, wrapKey } from '../crypto/keyring.ts'
import type { Tombstone } from '../crypto/tombstones.ts'
import { createKeyDestruction } from './key-destruction.ts'

const tenant = 'ten_1'
const root = dataKey(newKeyMaterial(), 1)

function keySet(scope: string) {
  const wrapped = wrapKey(root, { tenant, scope, version: 1 }, newKeyMaterial())
  return openKeySet(root, { tenant, scope }, [{ scope, version: 1, state: 'current', wrapped }])
}

/** Destruction on a disk that fails when told to. */
function onDisk() {
  const fails = { tombstones: false, scrub: false }
  const written: Tombstone[] = []
  const clock = () => 1_000
  const cache = createKeyCache({ clock, life_ms: 60_000, max: 10 })
  let scrubs = 0
  let hold: Promise<void> | undefined
  const destruction = createKeyDestruction({
    log: createLog('silent'),
    database: {
      scrub: async () => {
        scrubs += 1
        const failing = fails.scrub
        await hold
        if (failing) throw new Error('another program reads')
      },
    },
    keys: {
      clock,
      cache,
      tombstones: {
        get size() {
          return written.length
        },
        has: (_, scope) => written.some((one) => one.scope === scope),
        append: (tombstone) => {
          if (fails.tombstones) throw new Error('no space left on the disk')
          written.push(tombstone)
        },
      },
    },
  })
  return {
    ...destruction,
    fails,
    cache,
    written: () => written.map((one) => one.scope),
    get scrubs() {
      return scrubs
    },
    holdScrubs: (until: Promise<void>) => {
      hold = until
    },
  }
}

test('the first run scrubs, whatever the process before left undone; then there is nothing to do', async () => {
  const disk = onDisk()
  await disk.finish()
  await disk.finish()
  assert.equal(disk.scrubs, 1)
})

test('a tombstone that cannot be written fails nothing, and follows when it can be', async () => {
  const disk = onDisk()
  disk.fails.tombstones = true
  for (const scope of ['spc_1', 'spc_2'] as const) {
    disk.cache.set(tenant, scope, keySet(scope))
    await disk.destroyed(tenant, scope)
    assert.equal(disk.cache.get(tenant, scope), undefined, 'the key is forgotten all the same')
  }
  assert.deepEqual([disk.written(), disk.scrubs], [[], 2])
  await disk.finish()
  assert.deepEqual(disk.written(), [])
  disk.fails.tombstones = false
  await disk.finish()
  await disk.finish()
  assert.deepEqual(disk.written(), ['spc_1', 'spc_2'])
})

test('a key that an older read remembered meanwhile is forgotten', async () => {
  const disk = onDisk()
  const { promise, resolve } = Promise.withResolvers<void>()
  disk.holdScrubs(promise)
  disk.fails.tombstones = true
  const destroyed = disk.destroyed(tenant, 'spc_1')
  disk.cache.set(tenant, 'spc_1', keySet('spc_1'))
  resolve()
  await destroyed
  assert.equal(disk.cache.get(tenant, 'spc_1'), undefined)
})

test('a scrub that fails is tried again until it succeeds', async () => {
  const disk = onDisk()
  disk.fails.scrub = true
  await disk.destroyed(tenant, 'spc_1')
  await disk.finish()
  assert.equal(disk.scrubs, 2)
  disk.fails.scrub = false
  await disk.finish()
  await disk.finish()
  assert.equal(disk.scrubs, 3)
})

test('of two scrubs at once the success of the first does not hide the failure of the second', async () => {
  const disk = onDisk()
  const { promise, resolve } = Promise.withResolvers<void>()
  disk.holdScrubs(promise)
  const first = disk.destroyed(tenant, 'spc_1')
  await new Promise(setImmediate)
  const second = disk.destroyed(tenant, 'spc_2')
  disk.fails.scrub = true
  resolve()
  await Promise.all([first, second])
  assert.equal(disk.scrubs, 2)
  disk.fails.scrub = false
  await disk.finish()
  assert.equal(disk.scrubs, 3)
})

test('who comes while a scrub runs waits for one more, shared by all', async () => {
  const disk = onDisk()
  const { promise, resolve } = Promise.withResolvers<void>()
  disk.holdScrubs(promise)
  const scopes = ['spc_1', 'spc_2', 'spc_3', 'spc_4', 'spc_5'] as const
  const first = disk.destroyed(tenant, 'spc_0')
  await new Promise(setImmediate)
  let ended = 0
  const rest = scopes.map((scope) => disk.destroyed(tenant, scope).then(() => ended++))
  await new Promise(setImmediate)
  assert.deepEqual([disk.scrubs, ended], [1, 0])
  resolve()
  disk.fails.scrub = true
  await Promise.all([first, ...rest])
  assert.deepEqual([disk.scrubs, ended], [2, 5], 'one, though it fails')
})
