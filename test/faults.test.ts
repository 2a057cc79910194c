/** What fails around Locket: the start, the disk, the audit, our own bugs, an old copy put back. */
import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { z } from 'zod'
import { createApp } from '../src/app.ts'
import type { Config } from '../src/config/config.ts'
import { createLog } from '../src/core/log.ts'
import { openInstance } from '../src/instance.ts'
import type { Operation } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { scrub } from './cleaning.ts'
import { refuseEvents, stateOf } from './data-files.ts'
import { onlyOn } from './engine.ts'
import { type Call, configOf, type Locket, openLocket } from './harness.ts'
import { openWorld, type World } from './operation-world.ts'
import { signedInAs } from './people-samples.ts'
import type { Input } from './sample.ts'
import { sampleOf, toHttp } from './samples.ts'
import { givenSecret } from './secret.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Every file with its bytes; what SQLite keeps beside a file that it only reads has none. */
function bytesOf(directory: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory).filter((file) => !/\.lock$|-shm$/.test(file))
  const bytes = files.map((file) => [file, readFileSync(join(directory, file), 'base64')] as const)
  return Object.fromEntries(bytes.filter(([, content]) => content !== ''))
}

describe('a start that is refused leaves every byte as it was', () => {
  const key = Buffer.alloc(32, 7).toString('base64')

  interface Start {
    readonly name: string
    readonly prepare?: (directory: string) => void
    readonly config?: Partial<Config>
    readonly says: RegExp
  }

  const starts: readonly Start[] = [
    {
      name: 'the root key of another instance, from the environment',
      config: { rootKey: { secret: givenSecret(key) } },
      says: /root key is not the one of this da/,
    },
    {
      name: 'the root key of another instance, in the file',
      prepare: (directory) => writeFileSync(join(directory, 'root.key'), `${key}\n`),
      says: /root key is not the one of this da/,
    },
    {
      name: 'a root key that is none',
      config: { rootKey: { secret: givenSecret('c2hvcnQ=') } },
      says: /LOCKET_ROOT_KEY must be 32 random bytes/,
    },
    {
      name: 'no root key file',
      prepare: (directory) => rmSync(join(directory, 'root.key')),
      says: /root key file .* is not there/,
    },
    {
      name: 'a root key file that the group can read',
      prepare: (directory) => chmodSync(join(directory, 'root.key'), 0o640),
      says: /others can reach the root key file \(mode 0640\): chmod 600/,
    },
    {
      name: 'a record of destroyed keys that was altered',
      prepare: (directory) => writeFileSync(join(directory, 'tombstones'), '{"v":1}\n'),
      says: /tombstone file was altered/,
    },
  ]

  for (const { name, prepare, config, says } of starts) {
    test(name, async (t) => {
      const locket = await openLocket(t)
      await locket.call('POST', '/v1/memories', { body: { space: 'user:alice', text: 'kept' } })
      await locket.close()
      prepare?.(locket.directory)
      const before = bytesOf(locket.directory)
      const options = { log: createLog('silent'), create: true }
      const opened = openInstance({ ...locket.config, ...config }, options)
      await assert.rejects(opened, (error: Error) => {
        assert.match(error.message, says)
        assert.ok(!error.message.includes(key), 'the message does not repeat the key')
        return true
      })
      assert.deepEqual(bytesOf(locket.directory), before)
    })
  }

  test('a directory without a Locket, where none is to be made', async (t) => {
    const directory = temporaryDirectory(t)
    const options = { log: createLog('silent'), create: false }
    await assert.rejects(openInstance(configOf(directory), options), /There is no Locket/)
    assert.deepEqual(readdirSync(directory), [])
  })

  test('a directory that another Locket uses', async (t) => {
    const locket = await openLocket(t)
    const options = { log: createLog('silent'), create: true }
    const second = openInstance(locket.config, options)
    await assert.rejects(second, /Another Locket is using this data directory/)
    assert.equal((await locket.call('GET', '/v1/whoami')).status, 200, 'the first goes on')
  })
})

describe(
  'a full disk',
  onlyOn('sqlite', 'only SQLite can be told how many pages it may have'),
  () => {
    const space = 'user:alice'
    const large = 'lorem ipsum '.repeat(800)

    async function storeUntilFull(locket: Locket): Promise<readonly string[]> {
      const kept: string[] = []
      for (;;) {
        const body = { space, text: large, sessionId: `s${kept.length}` }
        const reply = await locket.call('POST', '/v1/memories', { body })
        if (reply.status !== 201) {
          assert.equal(reply.status, 507)
          assert.equal(reply.body.code, 'storage_full')
          return kept
        }
        kept.push(reply.body.id)
      }
    }

    test('one that does not fit fails alone: the others of its group are kept', async (t) => {
      const locket = await openLocket(t, { pageCountMax: 250 })
      await locket.call('POST', '/v1/memories', { body: { space, text: 'first' } })
      const items = Array.from({ length: 100 }, (_, at) => ({ text: large, sessionId: `s${at}` }))
      const calls = Array.from({ length: 21 }, (_, at) =>
        at === 10
          ? locket.call('POST', '/v1/memories/batch', { body: { space, items } })
          : locket.call('POST', '/v1/memories', { body: { space, text: `small ${at}` } }),
      )
      const replies = await Promise.all(calls)
      assert.deepEqual(
        replies.map(({ status }) => status),
        replies.map((_, at) => (at === 10 ? 507 : 201)),
      )
      await locket.restart()
      const listed = await locket.call('POST', '/v1/memories/list', { body: { space, limit: 100 } })
      assert.equal(listed.body.items.length, 21, 'all that was acknowledged, and nothing else')
    })

    test('nothing acknowledged is lost; reads fail closed; deletes make room [V16.5.3]', async (t) => {
      const locket = await openLocket(t, { pageCountMax: 180 })
      const kept = await storeUntilFull(locket)
      for (const status of await readsUntilRefused(locket, `/v1/memories/${kept[0]}`)) {
        assert.ok(status === 200 || status === 507, `a read is answered or refused: ${status}`)
      }
      const gone = await deleteSome(locket, kept.slice(0, 20))
      await locket.restart()
      const list = { body: { space, limit: 100 } }
      const { items } = (await locket.call('POST', '/v1/memories/list', list)).body
      const ids = items.map((item: { id: string }) => item.id).sort()
      assert.deepEqual(ids, kept.filter((id) => !gone.includes(id)).sort())
      assert.ok(items.every((item: { text: string }) => item.text === large.trim()))
    })
  },
)

/** To the last page even a delete may want another before it gives its own; of many some can go. */
async function deleteSome(locket: Locket, ids: readonly string[]): Promise<readonly string[]> {
  const gone: string[] = []
  for (const id of ids) {
    const { status } = await locket.call('DELETE', `/v1/memories/${id}`)
    if (status === 200) gone.push(id)
    else assert.equal(status, 507)
  }
  assert.ok(gone.length > ids.length / 2, `of ${ids.length} only ${gone.length} could be deleted`)
  return gone
}

/** A read needs its audit event: when that finds no room, nothing is answered. */
async function readsUntilRefused(locket: Locket, path: string): Promise<readonly number[]> {
  const statuses: number[] = []
  while (statuses.length < 500 && statuses.at(-1) !== 507) {
    statuses.push((await locket.call('GET', path)).status)
  }
  assert.equal(statuses.at(-1), 507, 'in the end there is no room for an event')
  return statuses
}

describe('a bug in an output schema undoes the operation', () => {
  const nothing = z.strictObject({ nothing: z.literal('canary') })

  test('for every operation: 500, nothing changed, nothing told [V15.3.1]', async (t) => {
    let broken = false
    const list = operations.map((operation) => ({
      ...operation,
      get output() {
        return broken ? nothing : operation.output
      },
    }))
    const world = await openWorld(t, { operations: list })
    const inputs = await inputsOf(world)
    broken = true
    for (const [operation, sent] of inputs) {
      await failsClosed(world, operation, { ...sent, status: 500, events: ['failed'] })
    }
  })
})

describe('an audit that cannot be written', () => {
  test('every operation fails closed, and nothing changes [V16.5.3] [V2.3.3]', async (t) => {
    const world = await openWorld(t)
    const inputs = await inputsOf(world)
    const mend = await refuseEvents(world.locket)
    for (const [operation, sent] of inputs) {
      await failsClosed(world, operation, { ...sent, status: 503, events: [] })
    }
    await mend()
    assert.equal((await world.locket.call('GET', '/v1/whoami')).status, 200)
  })

  test('refusals that were only counted are told when it can be', async (t) => {
    const locket = await openLocket(t)
    const refused = { key: 'lk_nobody', address: '203.0.113.9' }
    for (let at = 0; at < 4; at += 1) await locket.call('GET', '/v1/whoami', refused)
    const mend = await locket.data.refuseInserts('audit_events')
    await locket.app.jobs.runAll()
    await mend()
    for (let at = 0; at < 2; at += 1) await locket.app.jobs.runAll()
    const path = '/v1/audit-events?log=instance&action=requests.refused'
    const { items } = (await locket.call('GET', path)).body
    const told = items.map((event: { address: string; details: object }) => [
      event.address,
      event.details,
    ])
    assert.deepEqual(told, [['203.0.113.9', { count: 3 }]])
  })
})

async function inputsOf(world: World): Promise<readonly (readonly [Operation, Sent])[]> {
  const inputs: (readonly [Operation, Sent])[] = []
  for (const operation of operations) {
    const { make, caller, bySignIn } = sampleOf(operation)
    const input = await make(world.maker)
    const isOpen = operation.permission === 'public'
    const headers = (bySignIn ?? isOpen) && signedInAs.get(input)
    const key = headers ? null : await caller?.(world.maker, input)
    inputs.push([
      operation,
      { input, as: { ...(headers && { headers }), ...(key !== undefined && { key }) } },
    ])
  }
  return inputs
}

/** A sample, and as whom it is called: the administrator, unless rights are not enough. */
interface Sent {
  readonly input: Input
  readonly as: Pick<Call, 'key' | 'headers'>
}

interface Closed extends Sent {
  readonly status: number
  readonly events: readonly string[]
}

async function failsClosed(world: World, operation: Operation, expected: Closed): Promise<void> {
  const { method, path, body } = toHttp(operation, expected.input)
  const before = await stateOf(world.locket)
  const { reply, events } = await world.observe(method, path, {
    ...expected.as,
    ...(body && { body }),
  })
  assert.equal(reply.status, expected.status, `${operation.id}: ${JSON.stringify(reply.body)}`)
  assert.equal(reply.body.detail, undefined, operation.id)
  assert.ok(!JSON.stringify(reply.body).includes('canary'), operation.id)
  assert.equal(await stateOf(world.locket), before, `${operation.id}: nothing changed`)
  assert.deepEqual(
    events.map(({ outcome }) => outcome),
    expected.events,
    operation.id,
  )
}

describe('a failure is audited wherever it happens [V16.3.2]', () => {
  test('in a space that was made by the failed operation, and is gone with it', async (t) => {
    const locket = await openLocket(t)
    const body = { space: 'user:new', text: 'x', expiresAt: '2001-01-01T00:00:00Z' }
    const reply = await locket.call('POST', '/v1/memories', { body })
    assert.equal(reply.status, 400)
    const path = '/v1/audit-events?action=memory.stored&outcome=failed'
    const { items } = (await locket.call('GET', path)).body
    assert.equal(items.length, 1)
    assert.equal(items[0].code, 'invalid_input')
    assert.equal((await locket.sql('SELECT * FROM spaces')).length, 0)
  })
})

describe('an old database put back after a space was deleted', () => {
  test('the space stays dead, its events keep their place [trap-erased-audit]', async (t) => {
    const locket = await openLocket(t)
    const body = { space: 'user:alice', text: 'the doomed zorblaxin' }
    const id: string = (await locket.call('POST', '/v1/memories', { body })).body.id
    const spaces = (await locket.call('GET', '/v1/spaces')).body.items
    await scrub(locket.instance.database)
    const putBack = await locket.data.backup()
    assert.equal((await locket.call('DELETE', `/v1/spaces/${spaces[0].id}`)).status, 200)
    await assertDead(locket.call, id)
    await locket.close()
    await putBack()
    const call = await reopen(t, locket)
    await assertDead(call, id)
    const { items } = (await call('GET', '/v1/audit-events?action=memory.stored')).body
    const stored = items.filter((event: { outcome: string }) => event.outcome === 'allowed')
    assert.deepEqual(
      stored.map((event: { erased: boolean; details: object }) => [event.erased, event.details]),
      [[true, {}]],
    )
  })
})

/** The same data with a server of its own, after its own was closed. */
async function reopen(t: TestContext, { config, admin }: Locket): Promise<Locket['call']> {
  const instance = await openInstance(config, { log: createLog('silent'), create: false })
  const options = { version: 'test', publicUrl: null, indexes_bytes_max: config.indexes_bytes_max }
  const app = await createApp(instance, options)
  t.after(async () => {
    await app.close()
    await instance.close()
  })
  return async (method, path, { body } = {}) => {
    const headers = { Authorization: `Bearer ${admin}` }
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
    const response = await app.fetch(new Request(`http://127.0.0.1${path}`, init), {
      address: null,
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
}

async function assertDead(call: Locket['call'], id: string): Promise<void> {
  const space = 'user:alice'
  const replies = [
    await call('GET', `/v1/memories/${id}`),
    await call('POST', '/v1/memories/recall', { body: { space, query: 'zorblaxin' } }),
    await call('POST', '/v1/memories', { body: { space, text: 'x' } }),
  ]
  for (const { status, body: told } of replies) {
    assert.ok(status === 404 || status === 409, JSON.stringify(told))
    assert.ok(!JSON.stringify(told).includes('zorblaxin'))
  }
  assert.deepEqual((await call('GET', '/v1/spaces')).body.items, [], 'no space is listed')
}
