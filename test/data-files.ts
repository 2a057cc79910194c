/** The data of a Locket as somebody who has come by it sees it: rows, bytes, a copy. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { primaryKeys } from '../src/storage/primary-keys.ts'
import { type TableName, tables } from '../src/storage/tables.ts'
import { type Haystack, haystacks } from './byte-search.ts'
import type { Cell, Sql, TestData } from './test-data.ts'

interface HasSql {
  readonly sql: Sql
}

/** Changes rows as whoever can write to the database can. */
export async function tamper({ sql }: HasSql, text: string, ...values: readonly Cell[]) {
  const changed = await sql(`${text} RETURNING 1 AS one`, ...values)
  if (changed.length === 0) throw new Error(`it changed nothing: ${text}`)
}

/** Written beside every operation, by jobs at their own time, or by what stands whatever follows. */
const moving: readonly TableName[] = [
  'audit_events',
  'audit_logs',
  'audit_tiles',
  'audit_sinks',
  'audit_cosignatures',
  'api_key_uses',
  'api_key_budgets',
  'provider_sign_ins',
]

/** When a sign-in was last seen stands under its MAC. */
function isMoving(table: TableName, column: string): boolean {
  return column === 'seals' || (table === 'sign_ins' && /^(?:seen_at|mac)$/.test(column))
}

/** One digest of all that the database holds, of one tenant or of all; the audit left out. */
export async function stateOf({ sql }: HasSql, tenant?: string): Promise<string> {
  const hash = createHash('sha256')
  for (const [table, columns] of Object.entries(tables)) {
    const name = table as TableName
    if (moving.includes(name)) continue
    const one = tenant !== undefined && 'tenant_id' in columns
    const shown = Object.keys(columns).filter((column) => !isMoving(name, column))
    const where = one ? ' WHERE tenant_id = ?' : ''
    const order = primaryKeys[name].join(', ')
    const text = `SELECT ${shown.join(', ')} FROM ${table}${where} ORDER BY ${order}`
    const rows = await sql(text, ...(one ? [tenant] : []))
    hash.update(JSON.stringify([table, rows]))
  }
  return hash.digest('hex')
}

export interface EventRow {
  readonly id: string
  readonly tenant: string
  readonly class: string
  readonly action: string
  readonly outcome: string
  readonly actor: string | null
  readonly resource: string | null
}

/** The audit events of all logs after one of them, oldest first. */
export async function eventsAfter({ sql }: HasSql, after: string): Promise<readonly EventRow[]> {
  const text = `SELECT event_id AS id, tenant_id AS tenant, class, action, outcome,
    actor_id AS actor, resource_id AS resource
    FROM audit_events WHERE event_id > ? ORDER BY event_id`
  return (await sql(text, after)) as unknown as EventRow[]
}

interface HasFiles {
  readonly directory: string
  readonly data: TestData
}

/**
 * A copy of all files that hold something of a Locket. Another process makes it: to read SQLite's
 * files in this one would drop the locks that it holds on them.
 */
export async function copyOf(t: TestContext, { directory, data }: HasFiles): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'locket-copy-'))
  t.after(() => rmSync(copy, { recursive: true, force: true }))
  execFileSync('cp', ['-r', `${directory}/.`, copy])
  const missing = await data.copyOutside(copy)
  if (missing !== null) t.diagnostic(`not searched: ${missing}`)
  return copy
}

/**
 * What `copyOf` has, but for PostgreSQL's log: it keeps what was overwritten until its files are used
 * again, and Locket cannot clean it.
 */
export async function cleanableFiles(t: TestContext, of: HasFiles): Promise<readonly Haystack[]> {
  const files = haystacks(await copyOf(t, of))
  return files.filter(({ file }) => !file.startsWith('cluster/pg_wal/'))
}
