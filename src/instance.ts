/** A Locket on its data: the lock, the root key, the database; and how a new one begins. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from './config.ts'
import { type Clock, systemClock } from './core/clock.ts'
import { LocketError } from './core/errors.ts'
import { type Id, instanceTenant, newId } from './core/ids.ts'
import { limits } from './core/limits.ts'
import type { Log } from './core/log.ts'
import { makeDirectoryDurably, removeUnfinished } from './crypto/durable-file.ts'
import { createKeyCache } from './crypto/keyring.ts'
import { generateRootKey, type RootKey, readRootKey, rootKeyFromText } from './crypto/root-key.ts'
import { openTombstones, prepareTombstones } from './crypto/tombstones.ts'
import { appointAdministrator } from './features/api-keys/appoint.ts'
import { appendEvent } from './features/audit/append.ts'
import { jobEvent } from './features/audit/event.ts'
import { insertTenant, ownTenant, tenantIds } from './features/tenants/store.ts'
import { settleRotation, settleTombstones } from './root-key-rotation.ts'
import type { Database } from './storage/database.ts'
import { lockDirectory } from './storage/directory-lock.ts'
import { createSealCounts, type Keys } from './storage/encryption-keys.ts'
import { insertInstance, isInitialised, rootKeyFits } from './storage/instance.ts'
import { openSqlite } from './storage/sqlite.ts'
import { instanceStore, tenantStore } from './storage/tenant-store.ts'

export interface Instance {
  readonly initialised: boolean
  readonly database: Database
  readonly keys: Keys
  readonly clock: Clock
  readonly log: Log
  /** Null when the root key came as text. */
  readonly rootKeyFile: string | null
  close(): Promise<void>
}

export interface OpenOptions {
  readonly log: Log
  readonly clock?: Clock
  /** Make the directory, the root key and the database where they are not there. */
  readonly create: boolean
  /** For tests of a full disk: how many pages the database may have. */
  readonly pageCountMax?: number
}

/**
 * Takes the data directory for this process. Refuses a directory that another Locket uses, one that
 * is not initialised (unless `create`), and a root key that is not its own; then nothing is written.
 */
export async function openInstance(config: Config, options: OpenOptions): Promise<Instance> {
  const file = join(config.dataDir, 'locket.db')
  const exists = existsSync(file)
  if (!exists && !options.create) throw notInitialised(config.dataDir)
  if (!exists) makeDirectoryDurably(config.dataDir)
  const lock = lockDirectory(config.dataDir)
  try {
    if (exists) settleRotation(config, file)
    const rootKey = openRootKey(config, exists)
    return await openData(config, { ...options, file, rootKey, release: lock.release })
  } catch (thrown) {
    lock.release()
    throw thrown
  }
}

/** A root key is only ever made for data that does not exist yet. */
function openRootKey(config: Config, exists: boolean): RootKey {
  if ('text' in config.rootKey) return rootKeyFromText(config.rootKey.text, 'LOCKET_ROOT_KEY')
  const { file } = config.rootKey
  removeUnfinished(file)
  if (existsSync(file)) return readRootKey(file)
  if (exists) throw new LocketError('unavailable', `The root key file ${file} is not there.`)
  makeDirectoryDurably(dirname(file))
  return generateRootKey(file)
}

interface DataOptions extends OpenOptions {
  readonly file: string
  readonly rootKey: RootKey
  readonly release: () => void
}

async function openData(config: Config, options: DataOptions): Promise<Instance> {
  const { file, rootKey, log, pageCountMax, clock = systemClock } = options
  const root = rootKey.key
  if (existsSync(file) && !rootKeyFits(file, root)) {
    throw new LocketError('unavailable', 'This root key is not the one of this data directory.')
  }
  settleTombstones(config.tombstonesFile, root)
  prepareTombstones(config.tombstonesFile)
  const tombstones = openTombstones({ file: config.tombstonesFile, rootKey: root })
  const database = await openSqlite({ file, log, ...(pageCountMax && { pageCountMax }) })
  const keys: Keys = {
    root,
    cache: createKeyCache({
      clock,
      life_ms: limits.keysCached_life_ms,
      max: limits.keysCached_max,
    }),
    tombstones,
    clock,
    seals: createSealCounts(),
  }
  const initialised = await database.read(isInitialised)
  if (!initialised && !options.create) {
    await database.close()
    throw notInitialised(config.dataDir)
  }
  return {
    initialised,
    database,
    keys,
    clock,
    log,
    rootKeyFile: rootKey.file,
    close: async () => {
      await database.close()
      options.release()
    },
  }
}

function notInitialised(directory: string): LocketError {
  return new LocketError('unavailable', `There is no Locket in ${directory}: run \`locket init\`.`)
}

export interface Bootstrap {
  readonly tenant: Id<'ten'>
  readonly apiKey: string
}

/** Makes the instance, its first tenant and its first administrator, or nothing of it. */
export async function initialise(instance: Instance): Promise<Bootstrap> {
  const { database, keys, clock } = instance
  return database.write(async (tx) => {
    if (await isInitialised(tx)) throw new LocketError('already_exists', 'data directory')
    const now = clock()
    await insertInstance(tx, now)
    const own = instanceStore(tx, keys)
    await insertTenant(own, own, { slug: 'instance', name: 'Instance', now })
    const store = tenantStore(tx, keys, newId('ten', clock))
    await insertTenant(store, own, { slug: 'default', name: 'Default', now })
    const apiKey = await appointAdministrator(store, { now, instance: true })
    const event = jobEvent(now, 'instance.initialised', { resourceId: store.tenant })
    await appendEvent(own, event, clock)
    return { tenant: store.tenant, apiKey }
  }, 'full')
}

/**
 * A new administrator key for one tenant (the first by default), for who holds the root key and the
 * data. Both logs tell of it. Throws `not_found`.
 */
export async function recoverAdministrator(
  instance: Instance,
  options: { tenant?: string } = {},
): Promise<Bootstrap> {
  const { database, keys, clock } = instance
  return database.write(async (tx) => {
    const own = instanceStore(tx, keys)
    const [first] = await tenantIds(own, { after: '', limit: 1 })
    const tenant = (options.tenant as Id<'ten'> | undefined) ?? first
    if (!tenant || tenant === instanceTenant) throw new LocketError('not_found', 'tenant')
    const store = tenantStore(tx, keys, tenant)
    await ownTenant(store)
    const now = clock()
    const apiKey = await appointAdministrator(store, { now, instance: tenant === first })
    const event = jobEvent(now, 'api-key.recovered', { resourceId: tenant })
    await appendEvent(own, event, clock)
    await appendEvent(store, event, clock)
    return { tenant, apiKey }
  }, 'full')
}
