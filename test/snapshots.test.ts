/**
 * Sealed snapshots of indexes as a user of the whole server meets them: they make a space open
 * quickly after a restart, and whatever happens to their files, to the database or to the space,
 * answers are those that the rows give.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { limits } from '../src/core/limits.ts'
import { createLog } from '../src/core/log.ts'
import { engine } from './engine.ts'
import { type Locket, openLocket } from './harness.ts'
import { keepRows } from './put-back.ts'
import { addNode, initData, startServer } from './server-process.ts'
import { watchStatements } from './statements.ts'

const space = 'user:alice'
const count = limits.snapshot_rows_min + 50

interface World {
  readonly locket: Locket
  /** The reasons for which snapshots were discarded. */
  readonly reasons: string[]
  files(): string[]
  recall(query: string): Promise<string[]>
  store(text: string): Promise<string>
}

async function newWorld(t: TestContext): Promise<World> {
  const reasons: string[] = []
  const log = createLog('warn', {
    write: (line) => void reasons.push(JSON.parse(line).reason ?? line),
  })
  const locket = await openLocket(t, { log })
  const directory = join(locket.directory, 'snapshots')
  for (let from = 0; from < count; from += 100) {
    const items = Array.from({ length: Math.min(100, count - from) }, (_, at) => ({
      text: `Number ${from + at} likes ${at % 2 ? 'trains' : 'pears'}`,
    }))
    await locket.call('POST', '/v1/memories/batch', { body: { space, items } })
  }
  return {
    locket,
    reasons,
    files: () => (existsSync(directory) ? readdirSync(directory) : []),
    recall: async (query) => {
      const body = { space, query, limit: 100 }
      const found = await locket.call('POST', '/v1/memories/recall', { body })
      assert.equal(found.status, 200)
      return found.body.items.map((item: { id: string }) => item.id)
    },
    store: async (text) => {
      const stored = await locket.call('POST', '/v1/memories', { body: { space, text } })
      return stored.body.id
    },
  }
}

test('after a restart a space answers as before, from a few rows', async (t) => {
  const { locket, files, recall } = await newWorld(t)
  const before = await recall('who likes pears')
  assert.ok(before.length > 10)
  await locket.restart()
  assert.equal(files().length, 1)
  const watch = watchStatements(locket.instance.database)
  assert.deepEqual(await recall('who likes pears'), before)
  const followed = watch.statements.filter((text) => /"seq" > .* order by "seq"/.test(text))
  watch.end()
  assert.deepEqual(followed, [], 'no rows were read to build it')
})

test('files that are damaged, swapped or gone change no answer', async (t) => {
  const { locket, files, recall, reasons } = await newWorld(t)
  const before = await recall('who likes trains')
  const pathOf = (name = '') => join(locket.directory, 'snapshots', name)
  const damages: readonly (() => void)[] = [
    () => rmSync(pathOf(), { recursive: true }),
    () => writeFileSync(pathOf(files()[0]), 'nonsense'),
    () => {
      const path = pathOf(files()[0])
      const bytes = readFileSync(path)
      writeFileSync(path, bytes.subarray(0, bytes.length / 2))
    },
    () => {
      const path = pathOf(files()[0])
      const bytes = readFileSync(path)
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 1, bytes.length - 100)
      writeFileSync(path, bytes)
    },
  ]
  for (const damage of damages) {
    await locket.restart(async () => damage())
    assert.deepEqual(await recall('who likes trains'), before)
  }
  assert.deepEqual(reasons, ['torn', 'torn', 'altered'])
})

test('an older database beside a newer snapshot answers with what it has', async (t) => {
  const { locket, recall, store, reasons } = await newWorld(t)
  const putBack = await keepRows(locket.sql)
  const lost = await store('The lighthouse keeper is called Wanda')
  assert.deepEqual(await recall('lighthouse'), [lost])
  await locket.restart(putBack)
  assert.deepEqual(await recall('lighthouse'), [])
  const other = await store('The baker is called Wanda')
  assert.deepEqual(await recall('Wanda'), [other])
  assert.deepEqual(reasons, ['ahead'])
})

test('and so it does when it has come as far again', async (t) => {
  const { locket, recall, store, reasons } = await newWorld(t)
  const putBack = await keepRows(locket.sql)
  await store('The lighthouse keeper is called Wanda')
  await recall('lighthouse')
  const path = join(locket.directory, 'snapshots')
  await locket.restart(async () => {
    await putBack()
    for (const name of readdirSync(path))
      writeFileSync(join(locket.directory, name), readFileSync(join(path, name)))
  })
  const others = [await store('The baker is called Wanda'), await store('Wanda has a dog')]
  await locket.restart(async () => {
    for (const name of readdirSync(path))
      writeFileSync(join(path, name), readFileSync(join(locket.directory, name)))
  })
  assert.deepEqual(await recall('lighthouse'), [])
  assert.deepEqual((await recall('Wanda')).sort(), others.sort())
  assert.deepEqual(reasons.slice(-1), ['other-history'])
})

test('what is deleted leaves the snapshots with the answer, and does not come back', async (t) => {
  const { locket, files, recall, store } = await newWorld(t)
  const secret = await store('The wine cellar opens with 4711')
  const filtered = await store('The attic opens with 4712')
  await recall('cellar')
  await locket.restart()
  assert.equal(files().length, 1)
  await locket.call('DELETE', `/v1/memories/${secret}`)
  assert.deepEqual(files(), [])
  await locket.restart()
  assert.deepEqual(await recall('cellar opens'), [filtered])
  await locket.restart()
  assert.equal(files().length, 1)
  const filter = { createdAt: { gte: '2000-01-01T00:00:00Z' } }
  await locket.call('POST', '/v1/memories/delete', { body: { space, filter } })
  assert.deepEqual(files(), [])
  assert.deepEqual(await recall('opens'), [])
})

test('an erased space takes its snapshot along, and a file that is put back goes again', async (t) => {
  const { locket, files, recall } = await newWorld(t)
  await recall('pears')
  await locket.restart()
  const [name = ''] = files()
  const path = join(locket.directory, 'snapshots', name)
  const kept = readFileSync(path)
  const { body } = await locket.call('GET', '/v1/spaces')
  await locket.call('DELETE', `/v1/spaces/${body.items[0].id}`)
  assert.deepEqual(files(), [])
  writeFileSync(path, kept)
  await locket.app.jobs.runAll()
  assert.deepEqual(files(), [])
})

test('each node of a shared database has its own, and all give the same answers', {
  skip: engine === 'sqlite' && 'SQLite has one node',
}, async (t) => {
  const data = await initData()
  const second = addNode(data)
  t.after(() => data.remove())
  t.after(() => second.remove())
  const call = async (url: string, path: string, body: unknown) => {
    const headers = { Authorization: `Bearer ${data.key}`, 'Content-Type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    return (await fetch(`${url}${path}`, init)).json() as Promise<{ items: { id: string }[] }>
  }
  const question = { space, query: 'pears', limit: 20 }
  const first = await startServer(data)
  for (let batch = 0; batch < 3; batch++) {
    const items = Array.from({ length: 100 }, (_, at) => ({ text: `${batch}${at} likes pears` }))
    await call(first.url, '/v1/memories/batch', { space, items })
  }
  const before = await call(first.url, '/v1/memories/recall', question)
  await first.end('SIGTERM')
  assert.equal(readdirSync(join(data.directory, 'snapshots')).length, 1)
  assert.equal(existsSync(join(second.directory, 'snapshots')), false)
  for (const node of [data, second]) {
    const server = await startServer(node)
    const after = await call(server.url, '/v1/memories/recall', question)
    assert.deepEqual(
      after.items.map(({ id }) => id),
      before.items.map(({ id }) => id),
    )
    await server.end('SIGTERM')
  }
  assert.equal(readdirSync(join(second.directory, 'snapshots')).length, 1)
})
