/** The files of a data directory as somebody who has them sees them: rows, bytes, a copy. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { type TableName, tables } from '../src/storage/tables.ts'

/** Works on the database with a connection of its own, beside the server's. */
export function withDatabase<T>(directory: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(directory, 'locket.db'), { timeout: 5_000 })
  try {
    return work(db)
  } finally {
    db.close()
  }
}

type Cell = string | number | Uint8Array | null

/** The rows that a statement gives. */
export function rowsOf(
  directory: string,
  sql: string,
  values: readonly Cell[] = [],
): Record<string, Cell>[] {
  return withDatabase(directory, (db) => db.prepare(sql).all(...values)) as Record<string, Cell>[]
}

/** Changes rows as whoever can write to the database can. */
export function tamper(directory: string, sql: string, values: readonly Cell[] = []): void {
  const changed = withDatabase(directory, (db) => db.prepare(sql).run(...values)).changes
  if (Number(changed) === 0) throw new Error(`it changed nothing: ${sql}`)
}

/** Written beside every operation, and by jobs at their own time. */
const moving: readonly TableName[] = ['audit_events', 'api_key_uses']

/** One digest of all that the database holds, of one tenant or of all; the audit left out. */
export function stateOf(directory: string, tenant?: string): string {
  const hash = createHash('sha256')
  withDatabase(directory, (db) => {
    for (const [table, columns] of Object.entries(tables)) {
      if (moving.includes(table as TableName)) continue
      const one = tenant !== undefined && 'tenant_id' in columns
      const names = Object.keys(columns).filter((column) => column !== 'seals')
      const rows = db
        .prepare(`SELECT ${names.join(', ')} FROM ${table}${one ? ' WHERE tenant_id = ?' : ''}`)
        .all(...(one ? [tenant] : []))
      hash.update(JSON.stringify([table, rows]))
    }
  })
  return hash.digest('hex')
}

export interface EventRow {
  readonly id: string
  readonly tenant: string
  readonly class: string
  readonly action: string
  readonly outcome: string
  readonly actor: string | null
}

/** The audit events of all logs after one of them, oldest first. */
export function eventsAfter(directory: string, after: string): readonly EventRow[] {
  const sql = `SELECT event_id AS id, tenant_id AS tenant, class, action, outcome,
    actor_id AS actor
    FROM audit_events WHERE event_id > ? ORDER BY event_id`
  return rowsOf(directory, sql, [after]) as unknown as EventRow[]
}

/** A copy made by another process: reading the files here would drop SQLite's locks on them. */
export function copyOf(t: TestContext, directory: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'locket-copy-'))
  t.after(() => rmSync(copy, { recursive: true, force: true }))
  execFileSync('cp', ['-r', `${directory}/.`, copy])
  return copy
}
