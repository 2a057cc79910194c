/**
 * A new root key for data that exists. What it protects is little: each tenant's own key is wrapped
 * again, and the tombstones are signed again. The order makes a crash harmless at every point:
 *
 * 1. the new key and the new tombstones are written beside the old ones, named `….next`
 * 2. one transaction wraps the tenants' keys with the new root key
 * 3. the `….next` files take the place of the old ones
 *
 * Until 2 has committed the old key fits the database, and the next start throws the `….next` files
 * away; from then on the new one fits, and the next start does 3.
 */
import { existsSync, rmSync } from 'node:fs'
import type { Config } from './config.ts'
import { LocketError } from './core/errors.ts'
import { replaceDurably } from './crypto/durable-file.ts'
import { generateRootKey, readRootKey } from './crypto/root-key.ts'
import { resignTombstones } from './crypto/tombstones.ts'
import { appendEvent } from './features/audit/append.ts'
import { jobEvent } from './features/audit/event.ts'
import type { Database } from './storage/database.ts'
import { type Keys, rewrapTenantKeys } from './storage/encryption-keys.ts'
import { rootKeyFits } from './storage/instance.ts'
import { instanceStore } from './storage/tenant-store.ts'

/** What is rotated: an open instance that nobody serves. */
export interface Rotated {
  readonly database: Database
  readonly keys: Keys
  readonly rootKeyFile: string | null
}

const nextOf = (file: string): string => `${file}.next`

/**
 * Rotates the root key of an instance that nobody serves, and tells how many tenants' keys it
 * wrapped. The instance must be closed afterwards: what it holds is the old key.
 */
export async function rotateRootKey(instance: Rotated, config: Config): Promise<number> {
  const { database, keys, rootKeyFile: file } = instance
  if (file === null) {
    throw new LocketError(
      'unavailable',
      'The root key comes from LOCKET_ROOT_KEY. Put it into a file to rotate it there.',
    )
  }
  const next = generateRootKey(nextOf(file))
  const { tombstonesFile } = config
  resignTombstones(
    { file: tombstonesFile, rootKey: keys.root },
    { file: nextOf(tombstonesFile), rootKey: next.key },
  )
  const wrapped = await database.write(async (tx) => {
    const event = jobEvent(keys.clock(), 'root-key.rotated', {})
    await appendEvent(instanceStore(tx, keys), event, keys.clock)
    return rewrapTenantKeys(tx, { from: keys.root, to: next.key })
  }, 'full')
  takePlaces(file, tombstonesFile)
  await database.scrub()
  return wrapped
}

/** Ends a rotation that a crash cut short, one way or the other. Called before a key is read. */
export function settleRotation(config: Config, databaseFile: string): void {
  if (!('file' in config.rootKey)) return
  const { file } = config.rootKey
  const { tombstonesFile } = config
  if (!existsSync(nextOf(file))) return
  if (rootKeyFits(databaseFile, readRootKey(nextOf(file)).key)) {
    takePlaces(file, tombstonesFile)
    return
  }
  rmSync(nextOf(tombstonesFile), { force: true })
  rmSync(nextOf(file))
}

/** The key comes last: as long as it has its `.next` name, this can be done again. */
function takePlaces(keyFile: string, tombstonesFile: string): void {
  if (existsSync(nextOf(tombstonesFile))) replaceDurably(nextOf(tombstonesFile), tombstonesFile)
  replaceDurably(nextOf(keyFile), keyFile)
}
