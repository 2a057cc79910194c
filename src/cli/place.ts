/** Where things are kept, as a person is told. */
import { statSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { day_ms } from '../core/clock.ts'
import { limits } from '../core/limits.ts'

/** How long the first key of an administrator lives. */
export const bootstrapLife = `${limits.bootstrapKey_life_ms / day_ms} days`

/** A path that is seen to be one: `./locket-data`. */
export function shownPath(path: string): string {
  return isAbsolute(path) || path.startsWith('.') ? path : `./${path}`
}

/** The place of the root key and who can read it; and what to do when it lies with the data. */
export function rootKeyPlace(config: Config): string {
  if ('text' in config.rootKey) return 'LOCKET_ROOT_KEY'
  const { file } = config.rootKey
  const mode = (statSync(file).mode & 0o777).toString(8).padStart(4, '0')
  const advice = isInside(file, config.dataDir)
    ? '; move it elsewhere before production: LOCKET_ROOT_KEY_FILE'
    : ''
  return `${shownPath(file)} (${mode}${advice})`
}

function isInside(file: string, directory: string): boolean {
  const way = relative(resolve(directory), resolve(file))
  return !way.startsWith('..') && !isAbsolute(way)
}
