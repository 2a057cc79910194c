/** Which engine keeps the data, and what is known of it before a root key is read. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config/config.ts'
import { LocketError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { DataKey } from './crypto/data-key.ts'
import type { Database } from './storage/database.ts'
import { rootKeyFits, rootKeyOfFileFits, stateOf } from './storage/instance.ts'
import { preparePostgres } from './storage/postgres-prepare.ts'
import { holdPresence, type Presence } from './storage/postgres-presence.ts'
import { openSqlite } from './storage/sqlite.ts'

/** The data of an instance, not yet written to. */
export interface Engine {
  /** Whether there is a Locket. */
  readonly exists: boolean
  /** Whether the instance's key was wrapped with this root key; a new database fits every key. */
  fits(root: DataKey): Promise<boolean>
  /** Opens the database for use with this root key, and brings the schema up to date. */
  open(root: DataKey): Promise<Database>
  /** Ends what `open` and the looking began. */
  close(): Promise<void>
}

export interface EngineOptions {
  readonly log: Log
  /** Refuse a database that another process uses, and keep others out. */
  readonly alone: boolean
  /** For tests of a full disk: how many pages the database may have. */
  readonly pageCountMax?: number
}

/** Finds the data. Throws `unavailable` for a database that may not be used, or not now. */
export async function findEngine(config: Config, options: EngineOptions): Promise<Engine> {
  return config.database === null ? sqlite(config, options) : postgres(config, options)
}

/** Asked before anything is touched: a directory in which there is no Locket stays as it is. */
export function mayHoldData({ database, dataDir }: Config): boolean {
  return database !== null || existsSync(join(dataDir, 'locket.db'))
}

/** The lock on the data directory keeps others out, and is held before this is asked. */
function sqlite(config: Config, { log, pageCountMax }: EngineOptions): Engine {
  const file = join(config.dataDir, 'locket.db')
  let database: Database | undefined
  return {
    exists: existsSync(file),
    fits: async (root) => !existsSync(file) || rootKeyOfFileFits(file, root),
    open: async () => {
      database = await openSqlite({ file, log, ...(pageCountMax && { pageCountMax }) })
      return database
    },
    close: async () => database?.close(),
  }
}

async function postgres(config: Config, { log, alone }: EngineOptions): Promise<Engine> {
  const { database: target, mode } = config
  if (target === null) throw new LocketError('internal', 'no database URL')
  let presence: Presence | undefined
  let root: DataKey | undefined
  const database = await preparePostgres({
    target,
    log,
    strict: mode === 'production',
    alone,
    mayChange: () => presence?.held ?? false,
  })
  try {
    presence = await holdPresence({
      target,
      log,
      alone,
      isUsable: () =>
        database.read(
          async (tx) =>
            (await stateOf(tx)) !== 'departed' && (!root || (await rootKeyFits(tx, root))),
        ),
    })
    const exists = (await database.read(stateOf)) !== 'empty'
    return {
      exists,
      fits: (one) => database.read((tx) => rootKeyFits(tx, one)),
      open: async (used) => {
        root = used
        return database
      },
      close: async () => {
        await database.close()
        await presence?.end()
      },
    }
  } catch (thrown) {
    await database.close()
    await presence?.end()
    throw thrown
  }
}
