/** A whole Locket in this process for one test: real files, the real pipeline, no sockets. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type App, type AppOptions, createApp } from '../src/app.ts'
import type { Config } from '../src/config/config.ts'
import { type Clock, systemClock } from '../src/core/clock.ts'
import { createLog, type Log } from '../src/core/log.ts'
import { noSinks } from '../src/features/audit-sinks/sinks.ts'
import { type Instance, initialise, openInstance } from '../src/instance.ts'
import { snapshotsDirectory } from '../src/storage/snapshots.ts'
import { rateBudgets } from '../src/throttles/budgets.ts'
import { testData } from './data.ts'
import { openSecrets } from './secret.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { type Sql, settledFirst, type TestData } from './test-data.ts'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** What JSON.parse made of the body, or the text that is no JSON; null when there was none. */
  readonly body: ReturnType<typeof JSON.parse>
}

export interface Call {
  /** The API key; the administrator's when left out, none when null. */
  readonly key?: string | null
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly address?: string
}

export interface Locket {
  readonly directory: string
  readonly config: Config
  /** Its database, past the server. */
  readonly data: TestData
  readonly sql: Sql
  readonly tenant: string
  /** The key of the first administrator, who also administers the instance. */
  readonly admin: string
  readonly instance: Instance
  readonly app: App
  call(method: string, path: string, call?: Call): Promise<Reply>
  /** Closes everything and opens it again on the same data, which `between` may do things to. */
  restart(between?: () => Promise<unknown>): Promise<void>
  close(): Promise<void>
  /** A principal with a role and a key: `user:alice` as a `user` unless said otherwise. */
  person(handle: string, options?: { role?: string; spaceId?: string }): Promise<Person>
}

export interface Person {
  readonly id: string
  readonly key: string
}

export interface LocketOptions extends Partial<Omit<AppOptions, 'version'>> {
  readonly clock?: Clock
  readonly log?: Log
  readonly pageCountMax?: number
}

/** The settings of a Locket on a data directory and a database; SQLite's is in the directory. */
export function configOf(directory: string, data?: TestData): Config {
  return {
    mode: 'development',
    dataDir: directory,
    host: '127.0.0.1',
    port: 0,
    publicUrl: null,
    tls: null,
    redirectPort: null,
    metrics: null,
    traces: null,
    trustedProxies: [],
    corsOrigins: [],
    docs: true,
    egressAllow: [],
    embedder: null,
    languageModel: null,
    mail: null,
    auditSinks: noSinks,
    blockedAddresses: [],
    witnesses: [],
    redis: null,
    rateBudgets,
    secrets: openSecrets().secrets,
    database: data?.config ?? null,
    rootKey: { file: join(directory, 'root.key') },
    tombstonesFile: join(directory, 'tombstones'),
    logLevel: 'silent',
    indexes_bytes_max: 64 * 1024 * 1024,
  }
}

/** Argon2id as cheap as it can be: what it costs has tests of its own. */
export const cheapPasswords = { memory_KiB: 8, passes: 1, lanes: 1 } as const

/** Opens a new Locket in a directory of its own; it is closed when the test is over. */
export async function openLocket(t: TestContext, options: LocketOptions = {}): Promise<Locket> {
  const directory = temporaryDirectory(t)
  const { clock = systemClock, log = createLog('silent'), pageCountMax, ...appOptions } = options
  const openOptions = { log, clock, create: true, ...(pageCountMax && { pageCountMax }) }
  // Nor is anything to be settled where events are refused, or while nobody has the database open.
  const settle = (): Promise<void> =>
    instance.database.read(async () => undefined).catch(() => undefined)
  const data = settledFirst(await testData(t, directory), settle)
  const config = configOf(directory, data)
  const settings = {
    version: 'test',
    publicUrl: null,
    indexes_bytes_max: config.indexes_bytes_max,
    snapshotsDir: join(directory, snapshotsDirectory),
    passwordWork: { cost: cheapPasswords },
  }
  let instance = await openInstance(config, openOptions)
  const { tenant, apiKey: admin } = await initialise(instance)
  let app = await createApp(instance, { ...settings, ...appOptions })
  let open = true

  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    await app.close()
    await instance.close()
  }
  t.after(close)

  const call: Locket['call'] = (method, path, { key = admin, ...rest } = {}) =>
    send(app, { method, path }, { key, ...rest })

  const person: Locket['person'] = async (handle, { role = 'user', spaceId } = {}) => {
    const make = async (path: string, body: object): Promise<Reply['body']> => {
      const made = await call('POST', path, { body })
      assert.equal(made.status, 201, `${path}: ${JSON.stringify(made.body)}`)
      return made.body
    }
    const { id: principalId } = await make('/v1/principals', { handle })
    await make('/v1/grants', { principalId, role, ...(spaceId && { spaceId }) })
    return { id: principalId, key: (await make('/v1/api-keys', { principalId })).key }
  }

  return {
    directory,
    config,
    data,
    sql: data.sql,
    tenant,
    admin,
    get instance() {
      return instance
    },
    get app() {
      return app
    },
    call,
    person,
    restart: async (between) => {
      await app.close()
      await instance.close()
      await between?.()
      instance = await openInstance(config, openOptions)
      app = await createApp(instance, { ...settings, ...appOptions })
    },
    close,
  }
}

/** Text that is no JSON is given as it is. */
function bodyOf(type: string | null, text: string): Reply['body'] {
  return type?.includes('json') ? JSON.parse(text) : text
}

/** One request through the app's whole contract. */
export async function send(
  app: App,
  { method, path }: { method: string; path: string },
  { key, body, headers, address }: Call,
): Promise<Reply> {
  const request = new Request(`http://127.0.0.1${path}`, {
    method,
    headers: {
      ...(key && { Authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const response = await app.fetch(request, { address: address ?? '127.0.0.1' })
  const isBytes = response.headers.get('content-type') === 'application/octet-stream'
  const text = isBytes
    ? Buffer.from(await response.arrayBuffer()).toString('base64')
    : await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text ? bodyOf(response.headers.get('content-type'), text) : null,
  }
}
