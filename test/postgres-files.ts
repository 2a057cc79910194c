/** What a PostgreSQL cluster has of one database in files, and what a dump of it says. */
import { execFile } from 'node:child_process'
import { copyFileSync, type Dirent, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Sql } from './test-data.ts'

const run = promisify(execFile)

export interface CopyOptions {
  /** The superuser's address of the database. */
  readonly url: string
  /** A directory that is there. */
  readonly to: string
}

/**
 * Copies a dump in each format and all files of the cluster but those of other databases. PostgreSQL
 * packs what is long where that makes it shorter, in rows and in its log: sealed bytes do not get
 * shorter, but plain text would, and its words could hide there; in the dumps nothing is packed.
 * Tells what could not be copied: the files, when the cluster is elsewhere or another user's.
 */
export async function copyClusterFiles(sql: Sql, { url, to }: CopyOptions): Promise<string | null> {
  await run('pg_dump', ['--format=plain', `--file=${join(to, 'dump.sql')}`, url])
  const unpacked = ['--format=custom', '--compress=0']
  await run('pg_dump', [...unpacked, `--file=${join(to, 'dump.custom')}`, url])
  await sql('checkpoint')
  const [cluster] = await sql(
    `select current_setting('data_directory') as directory, oid
     from pg_database where datname = current_database()`,
  )
  const from = String(cluster?.['directory'])
  const own = `base/${cluster?.['oid']}/`
  const made_ms = timeOf(join(from, own, 'PG_VERSION'))
  if (made_ms === null) return `${from} cannot be read`
  for (const file of filesIn(from)) {
    if (file.startsWith('base/') && !file.startsWith(own)) continue
    // Segments that nobody wrote to since the database is there; they are kept to be used again.
    const time_ms = timeOf(join(from, file)) ?? 0
    if (file.startsWith('pg_wal/') && time_ms < made_ms) continue
    copyIfThere(join(from, file), join(to, 'cluster', file))
  }
  return null
}

function timeOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? null
}

/** All files below; the cluster goes on working meanwhile, and may remove any. */
function filesIn(root: string, folder = ''): readonly string[] {
  return entriesIn(join(root, folder)).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return filesIn(root, path)
    return entry.isFile() ? [path] : []
  })
}

function entriesIn(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (!existsSync(folder)) return []
    throw error
  }
}

function copyIfThere(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  try {
    copyFileSync(from, to)
  } catch (error) {
    if (!existsSync(from)) return
    throw error
  }
}
