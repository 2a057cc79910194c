/** A space's rows put back to what they were, as whoever restores an older copy does it. */
import type { Cell, Sql } from './test-data.ts'

/** Keeps what is there now; the function that it gives puts it back. */
export async function keepRows(sql: Sql): Promise<() => Promise<void>> {
  const tables = ['memories', 'memory_versions']
  const kept = await Promise.all(tables.map((table) => sql(`select * from ${table}`)))
  const spaces = await sql('select space_id, seq, seq_floor, memories from spaces')
  return async () => {
    for (const [at, table] of tables.entries()) {
      await sql(`delete from ${table}`)
      await insertAll(sql, table, kept[at] ?? [])
    }
    for (const { space_id, seq, seq_floor, memories } of spaces as Record<string, Cell>[]) {
      const text = 'update spaces set seq = ?, seq_floor = ?, memories = ? where space_id = ?'
      await sql(text, ...([seq, seq_floor, memories, space_id] as Cell[]))
    }
  }
}

/** The audit as it is now, witnesses' cosignatures included; the function that it gives puts it back. */
export async function keepAudit(sql: Sql): Promise<() => Promise<void>> {
  const tables = ['audit_events', 'audit_logs', 'audit_tiles', 'audit_cosignatures']
  const kept = await Promise.all(tables.map((table) => sql(`select * from ${table}`)))
  return async () => {
    for (const [at, table] of tables.entries()) {
      await sql(`delete from ${table}`)
      await insertAll(sql, table, kept[at] ?? [])
    }
  }
}

async function insertAll(sql: Sql, table: string, rows: readonly object[]): Promise<void> {
  for (const row of rows) {
    const names = Object.keys(row)
    const slots = names.map(() => '?').join(', ')
    const text = `insert into ${table} (${names.join(', ')}) values (${slots})`
    await sql(text, ...(Object.values(row) as Cell[]))
  }
}
