/**
 * What the checks look at. Each part is opened when the first check asks for it, once; where it
 * cannot be had, every check that needs it is told why.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config, DatabaseConfig, ServerSettings } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { DataKey } from '../crypto/data-key.ts'
import { createKeyCache } from '../crypto/keyring.ts'
import { readRootKey, rootKeyFromSecret } from '../crypto/root-key.ts'
import { inspectTombstones, type TombstoneFile } from '../crypto/tombstones.ts'
import { createSealCounts, type Keys } from '../storage/encryption-keys.ts'
import { isInitialised, rootKeyFits } from '../storage/instance.ts'
import type { Look } from '../storage/look.ts'
import { NewerSchemaError } from '../storage/migrations.ts'
import { inspectPostgres, type SchemaState } from '../storage/postgres-login.ts'
import { lookAtPostgres } from '../storage/postgres-look.ts'
import { lookAtSqlite } from '../storage/sqlite-look.ts'
import { CannotTell } from './finding.ts'

export interface Scene {
  readonly settings: ServerSettings
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  /** The root key. Throws what is wrong with it. */
  rootKey(): Promise<DataKey>
  /** The database, and how far its schema is. */
  database(): Promise<Found>
  /** What the login of PostgreSQL is. */
  login(): Promise<SchemaState>
  /** The data of an instance, opened with its own root key. */
  data(): Promise<Data>
  close(): Promise<void>
}

export interface Found {
  readonly look: Look
  /** Migrations that the next start runs. */
  readonly pending: readonly string[]
}

export interface Data {
  readonly look: Look
  readonly keys: Keys
  readonly tombstones: TombstoneFile
}

export interface SceneOptions {
  readonly settings: ServerSettings
  readonly clock: Clock
  readonly log: Log
}

/** A statement of the doctor's gives up before its check does. */
const statement_ms_max = limits.doctorCheck_timeout_ms / 2
const connections_max = 4

export function openScene({ settings, clock, log }: SceneOptions): Scene {
  const { config } = settings
  const opened: Look[] = []
  const rootKey = once(() => openRootKey(config))
  const database = once(() => find(config, log, (look) => opened.push(look)))
  const login = once(() => loginOf(config, log))
  return {
    settings,
    config,
    clock,
    log,
    rootKey,
    database,
    login,
    data: once(async () => openData(config, { found: await database(), rootKey, clock })),
    close: async () => {
      await Promise.all(opened.map((look) => look.close()))
    },
  }
}

/** What PostgreSQL is asked with; null for the embedded engine. */
export function targetOf({ database }: Config): DatabaseConfig | null {
  if (database === null) return null
  const bound_ms = Math.min(database.statement_ms_max, statement_ms_max)
  return { ...database, statement_ms_max: bound_ms, connections_max }
}

export function databaseFile({ dataDir }: Config): string {
  return join(dataDir, 'locket.db')
}

/** Remembers what came of it, also when that was a failure. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | { thrown: unknown } | undefined
  return () => {
    made ??= attempt(make)
    if ('thrown' in made) throw made.thrown
    return made.value
  }
}

function attempt<T>(make: () => T): { value: T } | { thrown: unknown } {
  try {
    return { value: make() }
  } catch (thrown) {
    return { thrown }
  }
}

async function openRootKey({ rootKey }: Config): Promise<DataKey> {
  if ('secret' in rootKey) return (await rootKeyFromSecret(rootKey.secret)).key
  return readRootKey(rootKey.file).key
}

async function find(config: Config, log: Log, opened: (look: Look) => void): Promise<Found> {
  const target = targetOf(config)
  const look = target === null ? openFile(config) : lookAtPostgres(target, log)
  opened(look)
  const pending = await look.pending()
  if (pending === null) throw nothingIn(config)
  return { look, pending }
}

function openFile(config: Config): Look {
  const file = databaseFile(config)
  if (!existsSync(file)) throw nothingIn(config)
  try {
    return lookAtSqlite(file)
  } catch (thrown) {
    if (process.getuid === undefined || statSync(file).uid === process.getuid()) throw thrown
    throw new CannotTell(
      'the database belongs to another user',
      'run doctor as the user that runs the server',
    )
  }
}

function nothingIn(config: Config): CannotTell {
  const place = config.database === null ? config.dataDir : 'the database'
  return new CannotTell(
    `there is no Locket in ${place}`,
    'run `locket init`, or name the data directory or database that the server has',
  )
}

async function loginOf(config: Config, log: Log): Promise<SchemaState> {
  const target = targetOf(config)
  if (target === null) throw new LocketError('internal', 'no database URL')
  return inspectPostgres(target, log)
}

interface Parts {
  readonly found: Found
  readonly rootKey: () => Promise<DataKey>
  readonly clock: Clock
}

async function openData(config: Config, { found, rootKey, clock }: Parts): Promise<Data> {
  const { look, pending } = found
  if (pending.length > 0) {
    throw new CannotTell(
      'the schema is not up to date',
      'start the server, or run `locket migrate`, first',
    )
  }
  if (!(await look.read(isInitialised))) throw nothingIn(config)
  const root = await openedKey(rootKey)
  if (!(await look.read((tx) => rootKeyFits(tx, root)))) {
    throw new CannotTell('the root key is not the one of this data', 'see root-key-fits')
  }
  const tombstones = inspectTombstones(config.tombstonesFile, root)
  return { look, tombstones, keys: keysOf(root, tombstones, clock) }
}

async function openedKey(rootKey: () => Promise<DataKey>): Promise<DataKey> {
  try {
    return await rootKey()
  } catch {
    throw new CannotTell('the root key cannot be had', 'see root-key-file')
  }
}

/** Keys that only open: nothing is ever appended to the tombstones from here. */
function keysOf(root: DataKey, tombstones: TombstoneFile, clock: Clock): Keys {
  return {
    root,
    clock,
    cache: createKeyCache({
      clock,
      life_ms: limits.keysCached_life_ms,
      max: limits.keysCached_max,
    }),
    tombstones: {
      size: tombstones.size ?? 0,
      has: tombstones.has,
      append: () => {
        throw new LocketError('internal', 'doctor only looks')
      },
    },
    seals: createSealCounts(),
  }
}

/** What an error may say in public, and what to do then. */
export function reasonOf(thrown: unknown): { reason: string; advice: string } {
  if (thrown instanceof CannotTell) return { reason: thrown.message, advice: thrown.advice }
  if (thrown instanceof NewerSchemaError) {
    return { reason: thrown.message, advice: 'use that version of doctor' }
  }
  const advice = 'mend what keeps doctor from looking, and run it again'
  const isPublic = thrown instanceof LocketError && thrown.detail !== undefined
  if (isPublic) return { reason: thrown.message, advice }
  const code = codeOf(thrown)
  return { reason: `looking failed${code === null ? '' : ` (${code})`}`, advice }
}

/** The code of an error that is not ours, such as `ECONNREFUSED`: it says why, and nothing else. */
function codeOf(thrown: unknown): string | null {
  if (!(thrown instanceof Error)) return null
  if (thrown instanceof LocketError) return codeOf(thrown.cause) ?? thrown.code
  const code = 'code' in thrown ? thrown.code : null
  return typeof code === 'string' && /^\w{1,60}$/.test(code) ? code : null
}
