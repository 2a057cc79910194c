/** Places that an instance is moved between, and what is in them as anybody with the database sees it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createApp } from '../src/app.ts'
import type { Config } from '../src/config/config.ts'
import { createLog } from '../src/core/log.ts'
import { initialise, openInstance } from '../src/instance.ts'
import { type Moved, type MoveStep, move } from '../src/move.ts'
import { primaryKeys } from '../src/storage/primary-keys.ts'
import { type TableName, tables } from '../src/storage/tables.ts'
import { makeCosignature, makePosition } from './audit-log-rows.ts'
import { testData } from './data.ts'
import { configOf, type Reply } from './harness.ts'
import { device, pageOrigin } from './passkeys.ts'
import { sqliteData } from './sqlite.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import type { Cell, TestData } from './test-data.ts'
import { otherLog } from './witnessing.ts'

export const log = createLog('silent')
export const tableNames = Object.keys(tables) as TableName[]

export interface Place {
  readonly config: Config
  readonly data: TestData
}

/** SQLite, in a directory of its own. */
export function nearPlace(t: TestContext): Place {
  const directory = temporaryDirectory(t)
  return { config: configOf(directory), data: sqliteData(join(directory, 'locket.db')) }
}

/** On the engine that this run of the tests is about. */
export async function farPlace(t: TestContext): Promise<Place> {
  const directory = temporaryDirectory(t)
  const data = await testData(t, directory)
  return { config: configOf(directory, data), data }
}

/** Such a place with the root key and the tombstones of another. */
export function withKeysOf({ config }: Place, place: Place): Place {
  const { rootKey, tombstonesFile } = config
  return { ...place, config: { ...place.config, rootKey, tombstonesFile } }
}

export function moveBetween(
  source: Place,
  target: Place,
  progress: (step: MoveStep) => void = () => undefined,
): Promise<Moved> {
  return move({ source: source.config, target: target.config, log, progress })
}

export interface CallOptions {
  readonly body?: object
  /** The administrator's when left out, none when null. */
  readonly key?: string | null
  /** What a browser sends along. */
  readonly headers?: Readonly<Record<string, string>>
  /** The answer is kept for whoever asks again. */
  readonly once?: boolean
}

export type Call = (method: string, path: string, options?: CallOptions) => Promise<Reply>

/** Where letters would go, and nobody takes them: they wait. */
const nowhere = {
  host: '127.0.0.1',
  port: 1,
  tls: 'off',
  from: 'locket@corp.example',
  caFile: null,
  login: null,
  timeout_ms: 1_000,
} as const

/** Serves what is in a place for as long as `work` takes. */
export async function serving<T>(
  { config }: Place,
  admin: string,
  work: (call: Call) => Promise<T>,
): Promise<T> {
  const instance = await openInstance(config, { log, create: false })
  const app = await createApp(instance, {
    version: 'test',
    publicUrl: 'http://127.0.0.1',
    passkeyParty: { id: 'localhost', origin: pageOrigin },
    mailSettings: nowhere,
    indexes_bytes_max: 1e7,
  })
  try {
    return await work(
      async (method, path, { body, key = admin, headers: own, once = false } = {}) => {
        const request = new Request(`http://127.0.0.1${path}`, {
          method,
          headers: {
            ...(key && { Authorization: `Bearer ${key}` }),
            ...(once && { 'Idempotency-Key': 'once' }),
            ...own,
          },
          ...(body && { body: JSON.stringify(body) }),
        })
        const response = await app.fetch(request, { address: '127.0.0.1' })
        const text = await response.text()
        const { status, headers } = response
        assert.ok(status < 400, `${method} ${path}: ${status} ${text}`)
        return { status, headers, body: text ? JSON.parse(text) : null }
      },
    )
  } finally {
    await app.close()
    await instance.close()
  }
}

/** Makes an instance and returns its first key. */
export async function initialised({ config }: Place): Promise<string> {
  const instance = await openInstance(config, { log, create: true })
  try {
    return (await initialise(instance)).apiKey
  } finally {
    await instance.close()
  }
}

/** An instance with two tenants that have something in every table. */
export async function filled(place: Place): Promise<string> {
  const admin = await initialised(place)
  await serving(place, admin, async (call) => {
    const tenant = { slug: 'other', name: 'Other' }
    const { apiKey } = (await call('POST', '/v1/tenants', { body: tenant })).body
    for (const key of [admin, apiKey]) {
      const slug = key === admin ? 'default' : tenant.slug
      await fillTenant((method, path, options) => call(method, path, { key, ...options }), slug)
    }
    // As many events as fill a tile of the log.
    for (let at = 0; at < 256; at += 32) {
      await Promise.all(Array.from({ length: 32 }, () => call('GET', '/v1/whoami')))
    }
  })
  // Somebody who came back from a provider, or signed in by a passkey alone, which there is none of here.
  for (const table of ['provider_sign_ins', 'passkey_challenges']) {
    const spent = `insert into ${table} select tenant_id, ?, 9e15 from tenants`
    await place.data.sql(spent, new Uint8Array(32))
  }
  const instance = await openInstance(place.config, { log, create: false })
  const tenants = await place.data.sql('select tenant_id from tenants')
  for (const { tenant_id } of tenants) {
    await makeCosignature(instance, String(tenant_id))
    await makePosition(instance, String(tenant_id))
  }
  await instance.close()
  // Nothing is old enough to be purged.
  const purges =
    'insert into audit_purges (tenant_id, class, next_leaf) select tenant_id, ?, 1 from tenants'
  await place.data.sql(purges, 'read')
  return admin
}

async function fillTenant(call: Call, tenant: string): Promise<void> {
  const make = async (path: string, body: object): Promise<Reply['body']> =>
    (await call('POST', path, { body })).body
  const space = 'user:alice'
  const { id } = await make('/v1/memories', { space, text: 'likes green tea', key: 'a' })
  await call('PATCH', `/v1/memories/${id}`, { body: { text: 'likes jasmine tea' } })
  const items = Array.from({ length: 60 }, (_, at) => ({ text: `walked ${at} miles` }))
  const batch = await make('/v1/memories/batch', { space, items })
  await call('DELETE', `/v1/memories/${batch.items[7].memory.id}`)
  const role = { name: 'reader', description: 'Reads.', permissions: ['memory:read'] }
  await call('POST', '/v1/roles', { body: role, once: true })
  const provider = { name: 'idp', issuer: 'https://idp.example' }
  const { id: providerId } = await make('/v1/identity-providers', provider)
  const { token, principalId } = await make('/v1/invitations', { handle: 'user:bob' })
  await make('/v1/external-identities', { providerId, subject: 'bob', principalId })
  await people(call, { tenant, token, principalId })
  await make('/v1/invitations', { handle: 'user:carol', email: 'carol@corp.example' })
  await make('/v1/principals', { handle: 'agent:bot', maxMemories: 10 })
  const { key } = await make('/v1/api-keys', { operationsPerDay: 10 })
  await call('GET', '/v1/whoami', { key })
  await make('/v1/tokens', {})
  if (tenant === 'default') {
    await make('/v1/blocked-addresses', { network: '203.0.113.7' })
    await make('/v1/witnessed-logs', { verifierKey: otherLog('log.example').verifierKey })
  }
  const gone = await make('/v1/spaces', { handle: 'team:gone' })
  await call('DELETE', `/v1/spaces/${gone.id}`)
}

/** Somebody who has signed in, has a passkey, and wants another password. */
async function people(
  call: Call,
  { tenant, token, principalId }: { tenant: string; token: string; principalId: string },
): Promise<void> {
  const password = 'milk and no sugar'
  await call('POST', '/v1/invitations/accept', { body: { token, password } })
  const login = { tenant, login: 'bob', password }
  const signedIn = await call('POST', '/v1/sign-ins', { body: login })
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const own = {
    Cookie: cookie,
    'X-CSRF-Token': signedIn.body.csrfToken,
    Origin: 'http://127.0.0.1',
  }
  const send = async (path: string, body: object): Promise<Reply['body']> =>
    (await call('POST', path, { body, headers: own, key: null })).body
  const { id, passkey } = await send('/v1/factors', { kind: 'passkey', name: 'laptop' })
  const factor = { kind: 'passkey', credential: device().create(passkey) }
  await send(`/v1/factors/${id}/confirm`, { factor })
  await call('POST', '/v1/tokens', { body: {} })
  await call('POST', '/v1/password-resets', { body: { principalId } })
}

/** What callers are told. */
export async function answers(call: Call): Promise<unknown> {
  const space = 'user:alice'
  const recall = { body: { space, query: 'which tea?', recency: 'none' } }
  const recalled = (await call('POST', '/v1/memories/recall', recall)).body
  const listed = (await call('POST', '/v1/memories/list', { body: { space, limit: 100 } })).body
  const told: unknown[] = []
  const history = `/v1/memories/${recalled.items[0].id}/history`
  for (const path of [history, '/v1/spaces', '/v1/roles', '/v1/tenants']) {
    told.push((await call('GET', path)).body)
  }
  return { recalled, listed, told }
}

export type Contents = Readonly<Record<string, readonly string[]>>

/** Every row of every table, as text and in an order of its own. */
export async function contentsOf({ data }: Place): Promise<Contents> {
  const contents: Record<string, readonly string[]> = {}
  for (const table of tableNames) {
    const rows = await data.sql(`select * from ${table} order by ${primaryKeys[table].join(', ')}`)
    contents[table] = rows.map(toText).sort()
  }
  return contents
}

function toText(row: Readonly<Record<string, Cell>>): string {
  const cells = Object.entries(row).map(([name, value]) => {
    return [name, value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : value]
  })
  return JSON.stringify(cells.sort())
}

/** The same without what a move itself leaves behind. */
export function asMoved(contents: Contents): Contents {
  const events = contents['audit_events']?.filter((row) => !row.includes('"instance.moved"')) ?? []
  const { instance: _, ...rest } = contents
  return { ...rest, audit_events: events }
}
