/**
 * Whoever can write to the database can break things, but not read, move, forge or promote: every
 * value that is read was sealed for its place, every row that grants power carries its MAC.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLog } from '../src/core/log.ts'
import { tamper } from './data-files.ts'
import { type Call, type Locket, openLocket, type Reply } from './harness.ts'
import type { Cell } from './test-data.ts'

const canary = 'zorblaxin'

type Request = readonly [method: string, path: string, call?: Call]

interface Fault {
  readonly name: string
  /** Changes the database and gives the requests that must notice. */
  readonly make: (stage: Stage) => Promise<readonly Request[]>
  readonly status?: number
}

interface Stage {
  readonly locket: Locket
  readonly alice: { readonly id: string; readonly key: string }
  /** Two memories of Alice's and one of Bob's. */
  readonly memories: readonly [string, string, string]
  run(sql: string, ...values: readonly Cell[]): Promise<void>
  bytes(sql: string, ...values: readonly string[]): Promise<Uint8Array>
}

async function openStage(locket: Locket): Promise<Stage> {
  const alice = await locket.person('user:alice')
  await locket.person('user:bob')
  const ids: string[] = []
  for (const [space, key] of [
    ['alice', 'one'],
    ['alice', 'two'],
    ['bob', 'one'],
  ] as const) {
    const body = { space: `user:${space}`, key, text: `${canary} ${space} ${key}` }
    ids.push((await locket.call('POST', '/v1/memories', { body })).body.id)
  }
  const [first = '', second = '', third = ''] = ids
  return {
    locket,
    alice,
    memories: [first, second, third],
    run: (sql, ...values) => tamper(locket, sql, ...values),
    bytes: async (sql, ...values) => {
      const value = Object.values((await locket.sql(sql, ...values))[0] ?? {})[0]
      assert.ok(value instanceof Uint8Array, sql)
      return value
    },
  }
}

/** The last bit of the ciphertext's last byte before the tag. */
function flipped(sealed: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(sealed)
  const at = copy.length - 17
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

const recordOf = 'SELECT record FROM memories WHERE memory_id = ?'
const setRecord = 'UPDATE memories SET record = ? WHERE memory_id = ?'

function reading(id: string): readonly Request[] {
  return [
    ['GET', `/v1/memories/${id}`],
    ['GET', `/v1/memories/${id}/history`],
    ['PATCH', `/v1/memories/${id}`, { body: { text: 'new' } }],
    ['POST', '/v1/memories/list', { body: { space: 'user:alice' } }],
    ['POST', '/v1/memories/recall', { body: { space: 'user:alice', query: canary } }],
  ]
}

const ciphertexts: readonly Fault[] = [
  {
    name: 'one bit of a memory',
    make: async ({ memories: [id], run, bytes }) => {
      await run(setRecord, flipped(await bytes(recordOf, id)), id)
      return reading(id)
    },
  },
  {
    name: 'a memory cut short',
    make: async ({ memories: [id], run, bytes }) => {
      await run(setRecord, (await bytes(recordOf, id)).subarray(0, 20), id)
      return reading(id)
    },
  },
  {
    name: 'plain text in the place of a memory',
    make: async ({ memories: [id], run }) => {
      await run(setRecord, Buffer.from(JSON.stringify({ v: 1, text: 'forged' }).padEnd(80)), id)
      return reading(id)
    },
  },
  {
    name: 'a memory of the same space in another row',
    make: async ({ memories: [id, other], run, bytes }) => {
      await run(setRecord, await bytes(recordOf, other), id)
      return reading(id)
    },
  },
  {
    name: 'a memory of another space',
    make: async ({ memories: [id, , foreign], run, bytes }) => {
      await run(setRecord, await bytes(recordOf, foreign), id)
      return reading(id)
    },
  },
  {
    name: 'a whole row moved into another space',
    make: async ({ memories: [id, , foreign], run }) => {
      const sql = `UPDATE memories SET seq = 999, key_index = NULL, space_id =
        (SELECT space_id FROM memories WHERE memory_id = ?) WHERE memory_id = ?`
      await run(sql, id, foreign)
      return [['GET', `/v1/memories/${foreign}`]]
    },
  },
  {
    name: 'an earlier version put back',
    make: async ({ locket, memories: [id], run, bytes }) => {
      const before = await bytes(recordOf, id)
      await locket.call('PATCH', `/v1/memories/${id}`, { body: { text: 'newer' } })
      await run(setRecord, before, id)
      return reading(id)
    },
  },
  {
    name: 'a version of the history in the place of the memory',
    make: async ({ locket, memories: [id], run, bytes }) => {
      await locket.call('PATCH', `/v1/memories/${id}`, { body: { text: 'newer' } })
      await run(
        setRecord,
        await bytes('SELECT record FROM memory_versions WHERE memory_id = ?', id),
        id,
      )
      return reading(id)
    },
  },
  {
    name: 'the caller’s key of one memory on another',
    make: async ({ memories: [id, other], run, bytes }) => {
      const index = await bytes('SELECT key_index FROM memories WHERE memory_id = ?', id)
      await run('UPDATE memories SET key_index = NULL WHERE memory_id = ?', id)
      await run('UPDATE memories SET key_index = ? WHERE memory_id = ?', index, other)
      return [['POST', '/v1/memories', { body: { space: 'user:alice', key: 'one', text: 'x' } }]]
    },
  },
  {
    name: 'the body of an audit event',
    make: async ({ run, bytes, memories: [id] }) => {
      const body = await bytes('SELECT body FROM audit_events WHERE resource_id = ?', id)
      await run('UPDATE audit_events SET body = ? WHERE resource_id = ?', flipped(body), id)
      return [['GET', '/v1/audit-events?action=memory.stored']]
    },
  },
  {
    name: 'the origin of one audit event on another',
    make: async ({ run, bytes, memories: [id, other] }) => {
      const origin = await bytes('SELECT origin FROM audit_events WHERE resource_id = ?', other)
      await run('UPDATE audit_events SET origin = ? WHERE resource_id = ?', origin, id)
      return [['GET', '/v1/audit-events?action=memory.stored']]
    },
  },
  {
    name: 'the answer kept for an idempotency key',
    make: async ({ locket, run, bytes }) => {
      const call = {
        body: { space: 'user:alice', text: canary },
        headers: { 'Idempotency-Key': 'once' },
      }
      await locket.call('POST', '/v1/memories', call)
      await run(
        'UPDATE idempotency_keys SET answer = ?',
        flipped(await bytes('SELECT answer FROM idempotency_keys')),
      )
      return [['POST', '/v1/memories', call]]
    },
  },
  {
    name: 'the wrapped key of a space',
    make: async ({ locket, memories: [id], run, bytes }) => {
      const { spaceId } = await whereabouts(locket, id)
      const wrapped = await bytes('SELECT wrapped FROM encryption_keys WHERE scope = ?', spaceId)
      await run('UPDATE encryption_keys SET wrapped = ? WHERE scope = ?', flipped(wrapped), spaceId)
      await locket.restart()
      return reading(id)
    },
  },
  {
    name: 'the wrapped key of another space',
    make: async ({ locket, memories: [id, , foreign], run, bytes }) => {
      const { spaceId } = await whereabouts(locket, id)
      const other = (await whereabouts(locket, foreign)).spaceId
      const wrapped = await bytes('SELECT wrapped FROM encryption_keys WHERE scope = ?', other)
      await run('UPDATE encryption_keys SET wrapped = ? WHERE scope = ?', wrapped, spaceId)
      await locket.restart()
      return reading(id)
    },
  },
]

async function whereabouts(locket: Locket, id: string): Promise<{ spaceId: string }> {
  const sql = 'SELECT space_id FROM memories WHERE memory_id = ?'
  return { spaceId: String((await locket.sql(sql, id))[0]?.['space_id']) }
}

/** After a change of rights the next request reads them anew; a restart forgets everything. */
async function asAlice({ locket, alice }: Stage): Promise<readonly Request[]> {
  await locket.restart()
  return [['GET', '/v1/whoami', { key: alice.key }]]
}

const power: readonly Fault[] = [
  {
    name: 'principals: a disabled one is made active',
    make: async (stage) => {
      const { locket, alice, run } = stage
      await locket.call('PATCH', `/v1/principals/${alice.id}`, { body: { state: 'disabled' } })
      await run("UPDATE principals SET state = 'active' WHERE principal_id = ?", alice.id)
      return asAlice(stage)
    },
  },
  {
    name: 'api_keys: a revoked one is made active',
    make: async (stage) => {
      const { locket, alice, run } = stage
      const { items } = (await locket.call('GET', `/v1/api-keys?principalId=${alice.id}`)).body
      await locket.call('DELETE', `/v1/api-keys/${items[0].id}`)
      await run("UPDATE api_keys SET state = 'active' WHERE principal_id = ?", alice.id)
      return asAlice(stage)
    },
  },
  {
    name: 'api_keys: one is given to the administrator',
    make: async (stage) => {
      const admin = (await stage.locket.call('GET', '/v1/whoami')).body.principalId
      await stage.run(
        'UPDATE api_keys SET principal_id = ? WHERE principal_id = ?',
        admin,
        stage.alice.id,
      )
      return asAlice(stage)
    },
  },
  {
    name: 'api_keys: it never expires',
    make: async (stage) => {
      await stage.run(
        'UPDATE api_keys SET expires_at = 9e15 WHERE principal_id = ?',
        stage.alice.id,
      )
      return asAlice(stage)
    },
  },
  {
    name: 'api_keys: the scopes of another key',
    make: async (stage) => {
      const { locket, alice, run, bytes } = stage
      const body = { principalId: alice.id, scopes: ['memory:read'] }
      const narrow = (await locket.call('POST', '/v1/api-keys', { body })).body
      const wide = await bytes('SELECT details FROM api_keys WHERE key_id != ? LIMIT 1', narrow.id)
      await run('UPDATE api_keys SET details = ? WHERE key_id = ?', wide, narrow.id)
      await locket.restart()
      return [['GET', '/v1/whoami', { key: narrow.key }]]
    },
  },
  {
    name: 'grants: a user becomes an administrator',
    make: async (stage) => {
      await stage.run("UPDATE grants SET role = 'admin' WHERE principal_id = ?", stage.alice.id)
      return asAlice(stage)
    },
  },
  {
    name: 'grants: the administrator’s is given to her',
    make: async (stage) => {
      const sql = "UPDATE grants SET principal_id = ? WHERE role = 'system'"
      await stage.run(sql, stage.alice.id)
      return asAlice(stage)
    },
  },
  {
    name: 'roles: the definition of another role',
    make: async (stage) => {
      const { locket, alice, run, bytes } = stage
      const roles = { low: ['memory:read'], high: ['memory:*'] }
      for (const [name, permissions] of Object.entries(roles)) {
        await locket.call('POST', '/v1/roles', { body: { name, permissions } })
      }
      const { items } = (await locket.call('GET', '/v1/roles')).body
      const [low, high] = items.slice(-2)
      const body = { principalId: alice.id, role: low.id }
      await locket.call('POST', '/v1/grants', { body })
      const wide = await bytes('SELECT definition FROM roles WHERE role_id = ?', high.id)
      await run('UPDATE roles SET definition = ? WHERE role_id = ?', wide, low.id)
      return asAlice(stage)
    },
  },
  {
    name: 'spaces: another owner',
    make: async ({ locket, alice, memories: [, , foreign], run }) => {
      const { spaceId } = await whereabouts(locket, foreign)
      await run('UPDATE spaces SET owner_id = ? WHERE space_id = ?', alice.id, spaceId)
      return [
        ['GET', `/v1/memories/${foreign}`, { key: alice.key }],
        ['POST', '/v1/memories/list', { key: alice.key, body: { space: 'user:bob' } }],
        ['GET', '/v1/spaces', { key: locket.admin }],
      ]
    },
  },
  {
    name: 'tenants: a disabled one is made active',
    make: async ({ locket, run }) => {
      const made = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
      await locket.call('PATCH', `/v1/tenants/${made.id}`, { body: { state: 'disabled' } })
      await run("UPDATE tenants SET state = 'active' WHERE tenant_id = ?", made.id)
      return [['GET', '/v1/whoami', { key: made.apiKey }]]
    },
  },
  {
    name: 'credential_directory: a key is said to be of another tenant',
    status: 401,
    make: async (stage) => {
      const { locket, alice, run } = stage
      const made = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
      const publicId = alice.key.slice(3, 15)
      await run(
        'UPDATE credential_directory SET tenant_id = ? WHERE public_id = ?',
        made.id,
        publicId,
      )
      return asAlice(stage)
    },
  },
  {
    name: 'a row without a MAC',
    make: async (stage) => {
      await stage.run(
        'UPDATE grants SET mac = ? WHERE principal_id = ?',
        new Uint8Array(),
        stage.alice.id,
      )
      return asAlice(stage)
    },
  },
]

const tables = {
  'ciphertexts that were altered or moved': ciphertexts,
  'rows that grant power, edited': power,
} as const

for (const [title, faults] of Object.entries(tables)) {
  describe(`${title} [V11.2.5] [trap-fall-through]`, () => {
    for (const fault of faults) {
      test(fault.name, async (t) => {
        const lines: string[] = []
        const log = createLog('error', { write: (line) => void lines.push(line) })
        const locket = await openLocket(t, { log })
        const requests = await fault.make(await openStage(locket))
        lines.length = 0
        for (const request of requests) {
          assertNoticed(await locket.call(...request), fault, request)
        }
        if (fault.status === undefined) assertLogged(lines, requests.length)
      })
    }
  })
}

/** [V16.5.1] The answer says that something is wrong, and nothing of what. */
function assertNoticed({ status, body }: Reply, fault: Fault, request: Request): void {
  const about = `${fault.name}: ${request[0]} ${request[1]}: ${JSON.stringify(body)}`
  assert.equal(status, fault.status ?? 500, about)
  assert.equal(body.code, fault.status ? 'unauthenticated' : 'integrity_failed', about)
  assert.equal(body.detail, undefined, about)
  assert.ok(!JSON.stringify(body).includes(canary), about)
}

function assertLogged(lines: readonly string[], requests: number): void {
  const told = lines.map((line) => JSON.parse(line) as { code?: string; requestId?: string })
  const noticed = told.filter(({ code }) => code === 'integrity_failed')
  assert.equal(noticed.length, requests, lines.join(''))
  assert.ok(noticed.every(({ requestId }) => requestId?.startsWith('req_')))
  assert.ok(!lines.join('').includes(canary), 'the log does not tell what was stored')
}
