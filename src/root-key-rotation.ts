/**
 * A new root key for data that exists. What it protects is little: each tenant's own key is wrapped
 * again, and the tombstones are signed again. The order makes a crash harmless at every point:
 *
 * 1. the new key and the new tombstones are made beside the old ones, each at once and whole, named
 *    `….next`
 * 2. one transaction wraps the tenants' keys with the new root key
 * 3. the `….next` files take the place of the old ones
 * 4. what the old key wrapped is dropped from the database's files, where overwritten rows linger
 *
 * Until 2 has committed the old key fits the database, and the next start throws the `….next` files
 * away; from then on the new one fits, and the next start does 3. Every start does 4.
 */
import { existsSync, rmSync } from 'node:fs'
import type { Config } from './config/config.ts'
import { assert } from './core/assert.ts'
import { LocketError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { DataKey } from './crypto/data-key.ts'
import { removeUnfinished, replaceDurably } from './crypto/durable-file.ts'
import { generateRootKey, readRootKey } from './crypto/root-key.ts'
import { resignTombstones, tombstonesFit } from './crypto/tombstones.ts'
import { appendEvent } from './features/audit/append.ts'
import { jobEvent } from './features/audit/event.ts'
import { countUnmarked } from './features/spaces/reconcile.ts'
import type { Database } from './storage/database.ts'
import { type Keys, rewrapTenantKeys } from './storage/encryption-keys.ts'
import { instanceStore, tenantStore } from './storage/tenant-store.ts'

/** What is rotated: an open instance that nobody serves. */
export interface Rotated {
  readonly database: Database
  readonly keys: Keys
  readonly log: Log
  readonly rootKeyFile: string | null
}

export interface Rotation {
  /** How many tenants' keys were wrapped. */
  readonly keysWrapped: number
  /** False when what the old key wrapped is in the database's files until the next start. */
  readonly scrubbed: boolean
}

const nextOf = (file: string): string => `${file}.next`

/**
 * Rotates the root key of an instance that nobody serves. The instance must be closed afterwards:
 * what it holds is the old key.
 */
export async function rotateRootKey(instance: Rotated, config: Config): Promise<Rotation> {
  const { database, keys, rootKeyFile: file } = instance
  if (file === null) {
    throw new LocketError(
      'unavailable',
      'The root key comes from LOCKET_ROOT_KEY, where it cannot be replaced. Put it into a file ' +
        'of root-key-file to rotate it there.',
    )
  }
  const { tombstonesFile } = config
  await requireTombstones(instance, tombstonesFile)
  const next = generateRootKey(nextOf(file))
  assert(next.key.version !== keys.root.version, 'two root keys are told apart by their versions')
  resignTombstones(
    { file: tombstonesFile, rootKey: keys.root },
    { file: nextOf(tombstonesFile), rootKey: next.key },
  )
  const keysWrapped = await database.write(async (tx) => {
    const event = jobEvent(keys.clock(), 'root-key.rotated', {})
    await appendEvent(instanceStore(tx, keys), event, keys.clock)
    return rewrapTenantKeys(tx, { from: keys.root, to: next.key })
  }, 'full')
  takePlaces(file, tombstonesFile)
  return { keysWrapped, scrubbed: await tryToScrub(instance) }
}

/**
 * Tombstones that are not signed again here are worth nothing afterwards: the key that signed them
 * is gone. So a database that knows of more than the file at hand means that it is the wrong file.
 */
async function requireTombstones(instance: Rotated, file: string): Promise<void> {
  const { database, keys, log } = instance
  const missing = await countUnmarked({
    database,
    keys,
    log,
    open: (tx, tenant) => tenantStore(tx, keys, tenant),
  })
  if (missing === 0) return
  throw new LocketError(
    'unavailable',
    `${missing} destroyed spaces have no tombstone in ${file}. Name the tombstone file that the ` +
      'server uses; if this is the one, start and stop the server once.',
  )
}

/** The rotation has succeeded by then, and every start scrubs. */
async function tryToScrub({ database, log }: Rotated): Promise<boolean> {
  try {
    await database.scrub()
    return true
  } catch (thrown) {
    log.warn({ err: thrown }, 'what the old root key wrapped is dropped at the next start')
    return false
  }
}

/** Ends a rotation that a crash cut short, one way or the other. Called before a key is read. */
export async function settleRotation(
  config: Config,
  fitsKey: (root: DataKey) => Promise<boolean>,
): Promise<void> {
  if (!('file' in config.rootKey)) return
  const { file } = config.rootKey
  removeUnfinished(nextOf(file))
  if (!existsSync(nextOf(file))) return
  const fits = (name: string): Promise<boolean> => fitsKey(readRootKey(name).key)
  // While the old key fits, the other wraps nothing, whatever it is: it is not even read.
  if (existsSync(file) && (await fits(file))) rmSync(nextOf(file))
  else if (await fits(nextOf(file))) replaceDurably(nextOf(file), file)
}

/** The same for the tombstones, by the root key that is in force: only one of the files is its. */
export function settleTombstones(file: string, rootKey: DataKey): void {
  removeUnfinished(nextOf(file))
  if (!existsSync(nextOf(file))) return
  if (existsSync(file) && tombstonesFit(file, rootKey)) rmSync(nextOf(file))
  else if (tombstonesFit(nextOf(file), rootKey)) replaceDurably(nextOf(file), file)
}

function takePlaces(keyFile: string, tombstonesFile: string): void {
  if (existsSync(nextOf(tombstonesFile))) replaceDurably(nextOf(tombstonesFile), tombstonesFile)
  replaceDurably(nextOf(keyFile), keyFile)
}
