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
import type { Locket } from './harness.ts'
import type { Cell, Sql, TestData } from './test-data.ts'

interface HasSql {
  readonly sql: Sql
}

interface HasData {
  readonly data: TestData
}

/** Changes rows as whoever can write to the database can. */
export async function tamper({ sql }: HasSql, text: string, ...values: readonly Cell[]) {
  const changed = await sql(`${text} RETURNING 1 AS one`, ...values)
  if (changed.length === 0) throw new Error(`it changed nothing: ${text}`)
}

/**
 * Lets no event be written any more, until what is returned is called. One engine notes those of reads beside the
 * table first: that this leads nowhere it knows from the first that is to be a row.
 */
export async function refuseEvents(locket: Locket): Promise<() => Promise<void>> {
  const mend = await locket.data.refuseInserts('audit_events')
  await locket.call('GET', '/v1/whoami')
  await locket.sql('SELECT 1 AS one')
  return mend
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
export async function stateOf({ data }: HasData, tenant?: string): Promise<string> {
  const hash = createHash('sha256')
  const answers = await data.ask(standing.map(({ question }) => question(tenant)))
  for (const [at, { table }] of standing.entries()) {
    const rows = answers[at]?.map((row) => Object.values(row).map(toText))
    hash.update(JSON.stringify([table, rows]))
  }
  return hash.digest('hex')
}

/** Each table whose rows stay as they are while nothing is done, and how all of it is asked for. */
const standing = Object.entries(tables)
  .map(([table, columns]) => ({ table: table as TableName, columns: Object.keys(columns) }))
  .filter(({ table }) => !moving.includes(table))
  .map(({ table, columns }) => {
    const shown = columns.filter((column) => !isMoving(table, column)).join(', ')
    const order = primaryKeys[table].join(', ')
    const question = (tenant?: string): string => {
      const narrow = tenant !== undefined && columns.includes('tenant_id')
      const where = narrow ? `WHERE tenant_id = '${tenant}'` : ''
      return `SELECT ${shown} FROM ${table} ${where} ORDER BY ${order}`
    }
    return { table, question }
  })

/** A cell, so that none looks like another in JSON. */
function toText(cell: Cell): unknown {
  return cell instanceof Uint8Array ? [Buffer.from(cell).toString('base64')] : cell
}

/** The tenants that have events, each found by one look into the primary key: who asks after each call asks often. */
const logs = `WITH RECURSIVE logs (id) AS (
  SELECT min(tenant_id) FROM audit_events
  UNION ALL
  SELECT (SELECT min(tenant_id) FROM audit_events WHERE tenant_id > logs.id) FROM logs WHERE id IS NOT NULL)`

/** Which event is the newest; empty: there is none. */
export async function lastEvent({ sql }: HasSql): Promise<string> {
  const newest = 'SELECT max(event_id) FROM audit_events WHERE tenant_id = logs.id'
  const [row] = await sql(`${logs} SELECT max((${newest})) AS id FROM logs`)
  return String(row?.['id'] ?? '')
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
  const text = `${logs} SELECT event_id AS id, tenant_id AS tenant, class, action, outcome,
    actor_id AS actor, resource_id AS resource
    FROM logs JOIN audit_events ON tenant_id = logs.id AND event_id > ? ORDER BY event_id`
  return (await sql(text, after)) as unknown as EventRow[]
}

interface HasFiles extends HasData {
  readonly directory: string
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
