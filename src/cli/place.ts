/** Where things are kept, as a person is told. */
import { statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { Config } from '../config/config.ts'
import { isInside, octal } from '../config/place.ts'
import { day_ms } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Secret } from '../secrets/secret.ts'

/** How long the first key of an administrator lives. */
export const bootstrapLife = `${limits.bootstrapKey_life_ms / day_ms} days`

/** A path that is seen to be one: `./locket-data`. */
export function shownPath(path: string): string {
  return isAbsolute(path) || path.startsWith('.') ? path : `./${path}`
}

/** Where the data is: no user and no password. */
export function dataPlace({ database, dataDir }: Config): string {
  if (database === null) return `${shownPath(dataDir)} (SQLite)`
  const { host, pathname } = new URL(database.url)
  return `${decodeURIComponent(`${host}${pathname}`)} (PostgreSQL)`
}

/** The place of the root key and who can read it; and what to do when it lies with the data. */
export function rootKeyPlace(config: Config): string {
  if ('secret' in config.rootKey) return keySource(config.rootKey.secret)
  const { file } = config.rootKey
  const advice = isInside(file, config.dataDir)
    ? '; move it elsewhere before production: LOCKET_ROOT_KEY_FILE'
    : ''
  return `${shownPath(file)} (${octal(statSync(file))}${advice})`
}

/** A reference, or the setting that holds the key itself. */
export function keySource({ label, reference }: Secret): string {
  return reference === `env:${label}` ? label : reference
}
