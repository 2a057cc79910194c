/** A Locket on its data: the lock, the root key, the database; and how a new one begins. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from './config/config.ts'
import { type Clock, systemClock } from './core/clock.ts'
import { LocketError } from './core/errors.ts'
import { type Id, instanceTenant, newId } from './core/ids.ts'
import { limits } from './core/limits.ts'
import type { Log } from './core/log.ts'
import type { DataKey } from './crypto/data-key.ts'
import { makeDirectoryDurably, removeUnfinished } from './crypto/durable-file.ts'
import { createKeyCache } from './crypto/keyring.ts'
import { generateRootKey, type RootKey, readRootKey, rootKeyFromSecret } from './crypto/root-key.ts'
import { openTombstones, prepareTombstones } from './crypto/tombstones.ts'
import { type Engine, findEngine, mayHoldData } from './engine.ts'
import { appointAdministrator } from './features/api-keys/appoint.ts'
import { appendEvent } from './features/audit/append.ts'
import { jobEvent } from './features/audit/event.ts'
import { insertTenant, ownTenant, tenantIds } from './features/tenants/store.ts'
import { settleRotation, settleTombstones } from './root-key-rotation.ts'
import type { Database } from './storage/database.ts'
import { lockDirectory } from './storage/directory-lock.ts'
import { createSealCounts, type Keys } from './storage/encryption-keys.ts'
import { type InstanceState, insertInstance, stateOf } from './storage/instance.ts'
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
  /** Keep every other process out of the database, on whatever machine. */
  readonly alone?: boolean
  /**
   * For a move: data that has departed or not wholly arrived is opened, too, and beside a database on
   * a server the data directory is left alone, since it may be the other side of the move.
   */
  readonly moving?: boolean
  /** For tests of a full disk: how many pages the database may have. */
  readonly pageCountMax?: number
}

/**
 * Takes the data directory for this process. Refuses a directory that another Locket uses, data that
 * is not initialised (unless `create`), and a root key that is not its own; then nothing is written.
 */
export async function openInstance(config: Config, options: OpenOptions): Promise<Instance> {
  const lock =
    options.moving && config.database ? { release: () => undefined } : lockData(config, options)
  let engine: Engine | undefined
  try {
    engine = await findEngine(config, { alone: false, ...options })
    return await openData(config, { ...options, engine, release: lock.release })
  } catch (thrown) {
    await engine?.close()
    lock.release()
    throw thrown
  }
}

function lockData(config: Config, options: OpenOptions): { release(): void } {
  if (!options.create && !mayHoldData(config)) throw notInitialised(config)
  // Also on a machine that is new to a shared database: the directory holds its tombstones.
  if (!existsSync(config.dataDir)) makeDirectoryDurably(config.dataDir)
  return lockDirectory(config.dataDir)
}

/** A root key is only ever made for data that does not exist yet. */
async function openRootKey(config: Config, exists: boolean): Promise<RootKey> {
  if ('secret' in config.rootKey) return rootKeyFromSecret(config.rootKey.secret)
  const { file } = config.rootKey
  removeUnfinished(file)
  if (existsSync(file)) return readRootKey(file)
  if (exists) throw new LocketError('unavailable', `The root key file ${file} is not there.`)
  makeDirectoryDurably(dirname(file))
  return generateRootKey(file)
}

interface DataOptions extends OpenOptions {
  readonly engine: Engine
  readonly release: () => void
}

async function openData(config: Config, options: DataOptions): Promise<Instance> {
  const { engine, log, clock = systemClock } = options
  if (!engine.exists && !options.create) throw notInitialised(config)
  if (engine.exists) await settleRotation(config, engine.fits)
  const rootKey = await openRootKey(config, engine.exists)
  if (!(await engine.fits(rootKey.key))) {
    throw new LocketError('unavailable', `This root key is not the one of ${placeOf(config)}.`)
  }
  settleTombstones(config.tombstonesFile, rootKey.key)
  prepareTombstones(config.tombstonesFile)
  const database = await engine.open(rootKey.key)
  const keys = openKeys(config, rootKey.key, clock)
  const state = await database.read(stateOf)
  if (!options.moving) refuseMoved(state)
  if (state === 'empty' && !options.create) throw notInitialised(config)
  const place = { database, keys, clock }
  if (database.damagedNotes > 0 && state === 'initialised') await tellDamage(place)
  return {
    initialised: state === 'initialised',
    ...place,
    log,
    rootKeyFile: rootKey.file,
    close: async () => {
      await engine.close()
      options.release()
    },
  }
}

/** Events that were answered for are missing, and nobody else can say so. */
async function tellDamage({ database, keys, clock }: Damaged): Promise<void> {
  const about = { outcome: 'failed', code: 'integrity_failed', resourceId: instanceTenant } as const
  const details = { count: database.damagedNotes }
  await database.write(async (tx) => {
    const event = jobEvent(clock(), 'audit-journal.damaged', { ...about, details })
    await appendEvent(instanceStore(tx, keys), { ...event, class: 'security' }, clock)
  }, 'full')
}

type Damaged = Pick<Instance, 'database' | 'keys' | 'clock'>

function openKeys(config: Config, root: DataKey, clock: Clock): Keys {
  return {
    root,
    cache: createKeyCache({
      clock,
      life_ms: limits.keysCached_life_ms,
      max: limits.keysCached_max,
    }),
    tombstones: openTombstones({ file: config.tombstonesFile, rootKey: root }),
    clock,
    seals: createSealCounts(),
  }
}

function refuseMoved(state: InstanceState): void {
  if (state === 'departed') {
    throw new LocketError(
      'unavailable',
      'This Locket was moved: serve it where it is now. What is here is what it was before.',
    )
  }
  if (state !== 'arriving') return
  throw new LocketError(
    'unavailable',
    'A move to here has not come to its end: run `locket move` again, or throw away what is here.',
  )
}

function placeOf({ database, dataDir }: Config): string {
  return database === null ? 'this data directory' : `this database (and ${dataDir})`
}

function notInitialised({ database, dataDir }: Config): LocketError {
  const place = database === null ? dataDir : 'this database'
  return new LocketError('unavailable', `There is no Locket in ${place}: run \`locket init\`.`)
}

export interface Bootstrap {
  readonly tenant: Id<'ten'>
  readonly apiKey: string
}

/** Makes the instance, its first tenant and its first administrator, or nothing of it. */
export async function initialise(instance: Instance): Promise<Bootstrap> {
  const { database, keys, clock } = instance
  return database.write(async (tx) => {
    if ((await stateOf(tx)) !== 'empty') throw new LocketError('already_exists', 'data directory')
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
