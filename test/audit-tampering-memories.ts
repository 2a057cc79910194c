/** Memories that a log speaks of, and what whoever holds the database, or its keys, can do to them. */
import assert from 'node:assert/strict'
import type { Id } from '../src/core/ids.ts'
import { spaceOfMemory, spaceStore } from '../src/storage/space-store.ts'
import { tenantStore } from '../src/storage/tenant-store.ts'
import type { Locket } from './harness.ts'

export interface Memories {
  /** Of two versions. */
  readonly changed: Id<'mem'>
  /** One whose event can be taken away. */
  readonly planted: Id<'mem'>
  /** A space that was deleted with what it held. */
  readonly gone: Id<'spc'>
}

async function store(locket: Locket, body: object): Promise<Id<'mem'>> {
  const reply = await locket.call('POST', '/v1/memories', { body })
  assert.ok(reply.status < 300, JSON.stringify(reply.body))
  return reply.body.id
}

const tea = { space: 'user:alice', key: 'tea' }

export async function makeMemories(locket: Locket): Promise<Memories> {
  const changed = await store(locket, { ...tea, text: 'Likes tea' })
  const items = [{ text: 'Lives in Paris' }, { text: 'Runs on Tuesdays' }]
  await locket.call('POST', '/v1/memories/batch', { body: { space: 'user:alice', items } })
  await store(locket, { ...tea, text: 'Likes coffee' })
  const planted = await store(locket, { space: 'user:alice', text: 'Has a dog' })
  await store(locket, { space: 'team:gone', text: 'Nobody knows' })
  const spaces: { id: Id<'spc'>; handle: string }[] = (await locket.call('GET', '/v1/spaces')).body
    .items
  const gone = spaces.find(({ handle }) => handle === 'team:gone')?.id
  assert.ok(gone)
  assert.equal((await locket.call('DELETE', `/v1/spaces/${gone}`)).status, 200)
  return { changed, planted, gone }
}

/** As a backup of the one row would: its bytes from before it was changed. */
export async function rollBackMemory(locket: Locket, id: string): Promise<void> {
  const [kept] = await locket.sql('select * from memories where memory_id = ?', id)
  assert.ok(kept)
  await store(locket, { ...tea, text: 'Likes milk' })
  await locket.app.jobs.runAll()
  const columns = ['seq', 'record', 'key_version'] as const
  const set = columns.map((column) => `${column} = ?`).join(', ')
  const values = columns.map((column) => kept[column] ?? null)
  await locket.sql(`update memories set ${set} where memory_id = ?`, ...values, id)
}

/** As who has the root key can: sealed as it has to be, of the same version, and without an event. */
export async function forgeMemory({ instance, tenant }: Locket, id: Id<'mem'>): Promise<void> {
  await instance.database.write(async (tx) => {
    const own = tenantStore(tx, instance.keys, tenant as Id<'ten'>)
    const spaceId = await spaceOfMemory(own, id)
    assert.ok(spaceId)
    const space = spaceStore(own, { id: spaceId, ownerId: null })
    const kept = await space.getKept(id)
    const text = String(kept?.record).replace('coffee', 'whisky')
    assert.match(text, /whisky/)
    const { version } = JSON.parse(text)
    const none = { key: null, content: null, expiresAt_ms: null }
    await space.restore({ id, version, record: Buffer.from(text), ...none })
  }, 'full')
}
