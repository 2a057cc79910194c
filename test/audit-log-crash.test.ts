/**
 * kill -9 while events become leaves, over and over on the same data: whatever checkpoint somebody has
 * seen, the log that is there afterwards begins with it, and no event that was answered for is missing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { TreeHead } from '../src/tlog/check-proof.ts'
import { openCheckpoint } from '../src/tlog/checkpoint.ts'
import { readLeaf } from '../src/tlog/leaf.ts'
import { type HashOf, isSame, rangeRoot } from '../src/tlog/merkle.ts'
import { fromVerifierKey, type NoteKey } from '../src/tlog/signed-note.ts'
import { fromBundle, hashesFrom, tilePath, tilesOf } from '../src/tlog/tiles.ts'
import { initData, startServer } from './server-process.ts'

const rounds = 4
const callers = 4

/** What is asked of a server that may die at any moment. */
type Get = (path: string) => Promise<Buffer>

test(`the log goes on from every checkpoint that was seen, through ${rounds} crashes`, {
  timeout: 120_000,
}, async (t) => {
  const data = await initData()
  const seen = new Map<number, Uint8Array>()
  const events: string[] = []
  let key: NoteKey | null = null
  for (let round = 1; round <= rounds; round += 1) {
    const server = await startServer(data)
    const get = getter(server.url, data.key)
    key ??= fromVerifierKey(JSON.parse((await get('')).toString()).verifierKey)
    assert.ok(key)
    const died = watch(get, key, seen)
    const calls = Array.from({ length: callers }, () => callUntilItDies(server.url, data.key))
    // Leaves are made about once a second from the start on; each round ends at another moment after the second time.
    setTimeout(() => void server.end('SIGKILL'), 1_850 + ((round * 137) % 500))
    events.push(...(await Promise.all(calls)).flat())
    await died
  }
  const server = await startServer(data)
  t.after(async () => {
    await server.end('SIGTERM')
    await data.remove()
  })
  const get = getter(server.url, data.key)
  assert.ok(key)
  const all = await wholeLog(get, key, () => listEvents(server.url, data.key))
  t.diagnostic(
    `${seen.size} checkpoints were seen, ${events.length} calls answered, ${all.size} leaves`,
  )
  assert.ok(seen.size > rounds, `only ${seen.size} checkpoints were seen`)
  for (const [size, root] of seen) {
    assert.ok(size <= all.size, 'the log is no shorter than it was')
    const now = await rangeRoot(0, size, all.hashOf)
    assert.ok(isSame(now, root), `the first ${size} leaves are what they were`)
  }
  const missing = events.filter((id) => !all.requests.has(id))
  assert.deepEqual(missing, [], 'every call that was answered has its leaf')
})

function getter(url: string, key: string): Get {
  return async (path) => {
    const response = await fetch(`${url}/v1/audit-log${path}`, {
      headers: { Authorization: `Bearer ${key}` },
    })
    assert.equal(response.status, 200, path)
    return Buffer.from(await response.arrayBuffer())
  }
}

/** Looks at the newest checkpoint again and again; whoever saw one twice saw the same. */
async function watch(get: Get, key: NoteKey, seen: Map<number, Uint8Array>): Promise<void> {
  for (;;) {
    const bytes = await get('/checkpoint').catch((error: unknown) => {
      if (error instanceof assert.AssertionError && error.actual === 404) return null
      return error instanceof TypeError ? undefined : Promise.reject(error)
    })
    if (bytes === undefined) return
    if (bytes === null) continue
    const { size, root } = headOf(bytes, key)
    const known = seen.get(size)
    if (known) assert.ok(isSame(known, root), `two roots of ${size} leaves`)
    seen.set(size, root)
  }
}

function headOf(bytes: Uint8Array, key: NoteKey): TreeHead {
  const head = openCheckpoint(bytes, key)
  assert.ok(head, 'it is signed by the log')
  return head
}

/** The ids of the requests that were answered. */
async function callUntilItDies(url: string, key: string): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    try {
      const response = await fetch(`${url}/v1/whoami`, {
        headers: { Authorization: `Bearer ${key}` },
      })
      await response.arrayBuffer()
      assert.equal(response.status, 200)
      ids.push(response.headers.get('x-request-id') ?? '')
      await pause(2)
    } catch (error) {
      if (error instanceof TypeError) return ids
      throw error
    }
  }
}

interface Whole extends TreeHead {
  readonly hashOf: HashOf
  /** Of every event that is a leaf. */
  readonly requests: ReadonlySet<string | null>
}

/** The log once all that was answered has its place; looked at as a stranger looks at it. */
async function wholeLog(get: Get, key: NoteKey, list: () => Promise<Listed[]>): Promise<Whole> {
  const listed = await list()
  for (let tries = 0; tries < 20; tries += 1) {
    const { size, root } = headOf(await get('/checkpoint'), key)
    const ids = await leavesOf(get, size)
    if (!listed.every(({ id }) => ids.has(id))) {
      await pause(500)
      continue
    }
    const hashOf = hashesFrom(size, (tile) => get(`/${tilePath(tile)}`))
    assert.ok(isSame(await rangeRoot(0, size, hashOf), root), 'the tiles give the root')
    return { size, root, hashOf, requests: new Set(listed.map(({ requestId }) => requestId)) }
  }
  throw new assert.AssertionError({ message: 'events wait that should be leaves by now' })
}

async function leavesOf(get: Get, size: number): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  for (const tile of tilesOf(size)) {
    if (tile.level !== 'entries') continue
    const entries = fromBundle(await get(`/${tilePath(tile)}`), tile.width)
    for (const entry of entries ?? []) ids.add(readLeaf(entry)?.id ?? '')
  }
  assert.equal(ids.size, size, 'an entry for each leaf, and none twice')
  return ids
}

interface Listed {
  readonly id: string
  readonly requestId: string | null
}

async function listEvents(url: string, key: string): Promise<Listed[]> {
  const found: Listed[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const path = `/v1/audit-events?action=self.read&limit=100${cursor && `&cursor=${cursor}`}`
    const response = await fetch(url + path, { headers: { Authorization: `Bearer ${key}` } })
    const page = (await response.json()) as { items: Listed[]; nextCursor: string | null }
    found.push(...page.items)
    cursor = page.nextCursor
  }
  return found
}
