/**
 * kill -9 under concurrent stores, over and over on the same data: what was acknowledged is there,
 * nothing is half there, and the audit log has exactly one event for each memory.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '../bench/client.ts'
import { engine } from './engine.ts'
import { initData, startServer } from './server-process.ts'

/** A server of PostgreSQL has connections to make before it can acknowledge anything. */
const { rounds, pace } = engine === 'postgres' ? { rounds: 20, pace: 4 } : { rounds: 50, pace: 1 }
const writers = 8
const space = 'user:crash'

interface Memory {
  readonly id: string
  readonly text: string
}

test(`nothing acknowledged is lost in ${rounds} crashes [V2.3.3]`, {
  timeout: 600_000,
}, async (t) => {
  const data = await initData()
  const acknowledged = new Map<string, string>()
  for (let round = 1; round <= rounds; round++) {
    const server = await startServer(data)
    const crash = new Promise<void>((resolve) => {
      setTimeout(() => resolve(server.end('SIGKILL')), (30 + ((round * 37) % 120)) * pace)
    })
    await Promise.all(
      Array.from({ length: writers }, (_, writer) =>
        storeUntilItDies(server.url, data.key, {
          prefix: `round ${round} writer ${writer}`,
          acknowledged,
        }),
      ),
    )
    await crash
  }
  assert.ok(acknowledged.size > rounds, `only ${acknowledged.size} stores were acknowledged`)

  const server = await startServer(data)
  t.after(async () => {
    await server.end('SIGTERM')
    await data.remove()
  })
  const found = await listAll(server.url, data.key)
  const stored = await storedEvents(server.url, data.key)
  t.diagnostic(`acknowledged ${acknowledged.size}, found ${found.size}, events ${stored.length}`)
  for (const [id, text] of acknowledged) assert.equal(found.get(id), text, `${id} is as stored`)
  assert.deepEqual([...stored].sort(), [...found.keys()].sort(), 'one event for each memory')
})

async function storeUntilItDies(
  url: string,
  key: string,
  { prefix, acknowledged }: { prefix: string; acknowledged: Map<string, string> },
): Promise<void> {
  const client = createClient(url, key)
  for (let turn = 0; turn < 10_000; turn++) {
    const text = `${prefix} turn ${turn}`
    try {
      const memory = (await client.post('/v1/memories', { space, text })) as Memory
      acknowledged.set(memory.id, text)
    } catch (error) {
      // Only the connection may fail: an answer that is an error would be a fault of the server.
      assert.doesNotMatch(String(error), /POST \/v1/)
      break
    }
  }
  client.close()
}

async function listAll(url: string, key: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const client = createClient(url, key)
  let cursor: string | null | undefined
  while (cursor !== null) {
    const body = { space, limit: 100, ...(cursor && { cursor }) }
    const page = (await client.post('/v1/memories/list', body)) as Page<Memory>
    for (const { id, text } of page.items) found.set(id, text)
    cursor = page.nextCursor
  }
  client.close()
  return found
}

/** The ids of the memories that the audit log says were stored, as often as it says so. */
async function storedEvents(url: string, key: string): Promise<string[]> {
  const ids: string[] = []
  const client = createClient(url, key)
  let cursor: string | null | undefined
  while (cursor !== null) {
    const after = cursor ? `&cursor=${cursor}` : ''
    const path = `/v1/audit-events?action=memory.stored&outcome=allowed&limit=100${after}`
    const page = (await client.get(path)) as Page<{ resourceId: string }>
    ids.push(...page.items.map((event) => event.resourceId))
    cursor = page.nextCursor
  }
  client.close()
  return ids
}

interface Page<Item> {
  readonly items: Item[]
  readonly nextCursor: string | null
}
