/** Who can get at the files: those of the data, the settings, and other secrets. */
import type { Stats } from 'node:fs'
import { join } from 'node:path'
import { allows, octal, statsOf } from '../config/place.ts'
import { lockFile } from '../storage/directory-lock.ts'
import { journalFile } from '../storage/event-journal.ts'
import { snapshotsDirectory } from '../storage/snapshots.ts'
import type { Check } from './check.ts'
import { CannotTell, count, type Finding, fail, pass, unsafe, warn } from './finding.ts'
import { databaseFile, type Scene } from './scene.ts'

const group_others = 0o077
const others = 0o007
const write = 0o022
/** A group may read a TLS key, as Debian's `ssl-cert` has it, and not write it. */
const groupWrite_others = 0o027

interface Seen {
  readonly path: string
  readonly stats: Stats
}

export const dataFiles: Check = {
  id: 'data-files',
  about:
    'Modes and owners of the data directory, the database’s files, the lock, the tombstones, the snapshots.',
  warns:
    'Others can read one of them (the directory: only in development), or they have several owners.',
  fails: 'Others can write one of them, or, in production, get into the directory.',
  unknown: 'They are not there, or the system has no modes (Windows).',
  look: (scene) => {
    requireModes()
    const { config } = scene
    const directory = statsOf(config.dataDir)
    if (directory === null) {
      throw new CannotTell(`there is no directory ${config.dataDir}`, 'run `locket init`')
    }
    const files = dataFilesOf(scene)
    const all = [{ path: config.dataDir, stats: directory }, ...files]
    const writable = all.find(({ stats }) => allows(stats, write))
    if (writable) return fail(`others can write ${shown(writable)}`, mend(writable))
    if (allows(directory, others)) {
      const open = { path: config.dataDir, stats: directory }
      return unsafe(config, `others can get into ${shown(open)}`, mend(open))
    }
    const readable = files.find(({ stats }) => allows(stats, group_others))
    if (readable) return warn(`others can read ${shown(readable)}`, mend(readable))
    const stranger = files.find(({ stats }) => stats.uid !== directory.uid)
    if (stranger) return strange(stranger)
    return pass(`${config.dataDir} and ${count(files.length, 'file')} are their owner’s alone`)
  },
}

export const settingsFile: Check = {
  id: 'settings-file',
  about: 'Whether others could change the settings.',
  warns: 'Others can write the settings file (development).',
  fails: 'Others can write the settings file (production).',
  unknown: 'It cannot be looked at, or the system has no modes (Windows).',
  look: ({ config, settings }) => {
    const { file } = settings
    if (file === null) return pass('there is none')
    requireModes()
    const seen = seenAt(file)
    if (!seen) throw new CannotTell(`${file} cannot be looked at`, 'run doctor again')
    if (!allows(seen.stats, write)) return pass(`${shown(seen)} can be changed by its owner alone`)
    return unsafe(config, `others can write ${shown(seen)}`, `chmod go-w ${file}`)
  },
}

export const tlsKeyFile: Check = {
  id: 'secret-files',
  about: 'The mode of the file with the TLS key.',
  warns: null,
  fails: 'It is not there, or others can reach it.',
  unknown: 'The system has no modes (Windows).',
  look: ({ config: { tls } }) => {
    if (tls === null || tls.key !== null) return pass('there is none')
    requireModes()
    const seen = seenAt(tls.keyFile)
    if (!seen) return fail(`${tls.keyFile} is not there`, 'put it there, or change the setting')
    if (allows(seen.stats, groupWrite_others)) {
      return fail(`others can reach ${shown(seen)}`, mend(seen))
    }
    return pass(`${tls.keyFile}: nobody else can reach it`)
  },
}

export const secretReferences: Check = {
  id: 'secrets',
  about:
    'Whether each secret that a setting refers to can be had now, from the environment, a file, Vault or AWS.',
  warns: null,
  fails:
    'One cannot: a start is refused, and a server that runs goes on with what it read before. Also for ' +
    'a file that others can get at.',
  unknown: null,
  look: async ({ config }) => {
    const seen = await config.secrets.look('all')
    if (seen.length === 0) return pass('no setting refers to one')
    const missing = seen.flatMap(({ secret: { label, reference }, fault }) => {
      return fault === null ? [] : [`${label}: ${reference}: ${fault}`]
    })
    if (missing.length > 0) {
      return fail(missing.join('; '), 'put it there, or change the setting: docs/guides/secrets.md')
    }
    return pass(seen.map(({ secret }) => `${secret.label} from ${secret.reference}`).join(', '))
  },
}

function dataFilesOf({ config }: Scene): readonly Seen[] {
  const database = databaseFile(config)
  const paths = [
    ...(config.database === null
      ? [database, `${database}-wal`, `${database}-shm`, journalFile(database)]
      : []),
    join(config.dataDir, lockFile),
    config.tombstonesFile,
    join(config.dataDir, snapshotsDirectory),
  ]
  return paths.flatMap((path) => seenAt(path) ?? [])
}

function seenAt(path: string): Seen | null {
  const stats = statsOf(path)
  return stats && { path, stats }
}

function requireModes(): void {
  if (process.platform !== 'win32') return
  throw new CannotTell('this system has no such modes', 'look at the access lists of the files')
}

function strange({ path }: Seen): Finding {
  return warn(
    `${path} belongs to another user than its directory`,
    'give all of them to the user that runs the server (chown)',
  )
}

function shown({ path, stats }: Seen): string {
  return `${path} (mode ${octal(stats)})`
}

function mend({ path, stats }: Seen): string {
  return `chmod ${stats.isDirectory() ? '700' : '600'} ${path}`
}
