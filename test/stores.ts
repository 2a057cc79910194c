/** Real stores on a real file for tests below the pipeline: keys, tenants and spaces, no server. */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Clock, systemClock, toTimestamp } from '../src/core/clock.ts'
import { toUtf8 } from '../src/core/encoding.ts'
import { LocketError } from '../src/core/errors.ts'
import { type Id, instanceTenant, newId } from '../src/core/ids.ts'
import { createLog } from '../src/core/log.ts'
import { dataKey, newKeyMaterial } from '../src/crypto/data-key.ts'
import { createKeyCache } from '../src/crypto/keyring.ts'
import { openTombstones } from '../src/crypto/tombstones.ts'
import { insertSpace } from '../src/features/spaces/store.ts'
import { insertTenant } from '../src/features/tenants/store.ts'
import type { Database } from '../src/storage/database.ts'
import { createSealCounts, type Keys } from '../src/storage/encryption-keys.ts'
import { type NewMemory, type SpaceStore, spaceStore } from '../src/storage/space-store.ts'
import type { KeyScope, PrincipalId } from '../src/storage/tables.ts'
import { type TenantStore, tenantStore } from '../src/storage/tenant-store.ts'
import { scrub } from './cleaning.ts'
import { testData } from './data.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import type { Sql, TestData } from './test-data.ts'

export type TenantId = Id<'ten'>
export type Work<T> = (store: TenantStore) => Promise<T>
export type SpaceRef = { id: Id<'spc'>; ownerId: PrincipalId | null }

export interface Stores {
  /** Where the tombstones are, and SQLite's file. */
  readonly directory: string
  readonly tenant: TenantId
  readonly keys: Keys
  readonly database: Database
  write<T>(work: Work<T>, tenant?: TenantId): Promise<T>
  read<T>(work: Work<T>, tenant?: TenantId): Promise<T>
  /** As `write`, with the view of one space. */
  change<T>(space: SpaceRef, work: (space: SpaceStore) => Promise<T>): Promise<T>
  /** As `read`, with the view of one space. */
  look<T>(space: SpaceRef, work: (space: SpaceStore) => Promise<T>): Promise<T>
  newTenant(slug: string): Promise<TenantId>
  space(handle: string, tenant?: TenantId): Promise<SpaceRef>
  /** What the server does after a space's key was overwritten. */
  keyDestroyed(scope: KeyScope): Promise<void>
  /** The database, past the stores. */
  readonly data: TestData
  readonly sql: Sql
  /** Closes the database; `between` may do things to it; opens it with nothing cached. */
  reopen(between?: () => Promise<unknown>): Promise<void>
}

export async function openStores(
  t: TestContext,
  { clock = systemClock }: { clock?: Clock } = {},
): Promise<Stores> {
  const directory = temporaryDirectory(t)
  const data = await testData(t, directory)
  const root = dataKey(newKeyMaterial(), 1)
  const open = () => data.open(createLog('silent'))
  const newKeys = (): Keys => ({
    root,
    cache: createKeyCache({ clock, life_ms: 60_000, max: 100 }),
    tombstones: openTombstones({ file: join(directory, 'tombstones'), rootKey: root }),
    clock,
    seals: createSealCounts(),
  })
  let database = await open()
  let keys = newKeys()
  t.after(() => database.close())

  const write = <T>(work: Work<T>, tenant: TenantId = first): Promise<T> =>
    database.write((tx) => work(tenantStore(tx, keys, tenant)), 'full')
  const read = <T>(work: Work<T>, tenant: TenantId = first): Promise<T> =>
    database.read((tx) => work(tenantStore(tx, keys, tenant)))
  const makeTenant = (tenant: TenantId, slug: string): Promise<void> =>
    database.write(async (tx) => {
      const instance = tenantStore(tx, keys, instanceTenant)
      const store = tenant === instanceTenant ? instance : tenantStore(tx, keys, tenant)
      await insertTenant(store, instance, { slug, name: slug, now: clock() })
    }, 'full')
  const newTenant = async (slug: string): Promise<TenantId> => {
    const tenant = newId('ten', clock)
    await makeTenant(tenant, slug)
    return tenant
  }

  await makeTenant(instanceTenant, 'instance')
  const first = await newTenant('first')
  return {
    directory,
    tenant: first,
    get keys() {
      return keys
    },
    get database() {
      return database
    },
    write,
    read,
    change: (space, work) => write((store) => work(spaceStore(store, space))),
    look: (space, work) => read((store) => work(spaceStore(store, space))),
    newTenant,
    space: async (handle, tenant) => {
      const row = await write((store) => insertSpace(store, handle, clock()), tenant)
      return { id: row.space_id, ownerId: row.owner_id }
    },
    keyDestroyed: async (scope) => {
      keys.tombstones.append({ tenant: first, scope, destroyedAt: toTimestamp(clock()) })
      keys.cache.forget(first, scope)
      await scrub(database)
    },
    data,
    sql: data.sql,
    reopen: async (between) => {
      await database.close()
      await between?.()
      database = await open()
      keys = newKeys()
    },
  }
}

/** A memory whose record is this text. */
export function memoryOf(text: string, about: Partial<NewMemory> = {}): NewMemory {
  const id = newId('mem', systemClock)
  return {
    id,
    version: 1,
    record: toUtf8(text),
    key: null,
    content: null,
    expiresAt_ms: null,
    ...about,
  }
}

/** For `assert.rejects`: a `LocketError` of this code. */
export function failsWith(code: LocketError['code']): (error: unknown) => boolean {
  return (error) => error instanceof LocketError && error.code === code
}
