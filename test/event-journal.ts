/** Events that are noted in a journal, for its tests. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Id } from '../src/core/ids.ts'
import { createLog } from '../src/core/log.ts'
import type { Sealed } from '../src/crypto/aead.ts'
import type { Database, Transaction, WriteOptions } from '../src/storage/database.ts'
import { journalFile } from '../src/storage/event-journal.ts'
import { insertEvent } from '../src/storage/insert-event.ts'
import { query } from '../src/storage/query.ts'
import { openSqlite } from '../src/storage/sqlite.ts'
import { SqliteConnection } from '../src/storage/sqlite-connection.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export const log = createLog('silent')
export const tenant: Id<'ten'> = 'ten_1'
export const beside: WriteOptions = { durability: 'relaxed', turn: null, touches: 'events' }
export const head = 'locket/event-journal/v1\n'

export const allEvents = query((db, _arg: object) =>
  db.selectFrom('audit_events').selectAll().orderBy('event_id'),
)
export const addCredential = query((db, arg: { id: string }) =>
  db.insertInto('credential_directory').values({ public_id: arg.id, tenant_id: tenant }),
)

export const sealed = (text: string): Sealed => Buffer.from(text) as Uint8Array as Sealed

/** With each kind of value that an event has. */
export function eventOf(id: string) {
  return {
    event_id: `evt_${id}` as Id<'evt'>,
    time: 1_800_000_000_000,
    class: 'read',
    action: 'memory.recalled',
    outcome: 'allowed',
    actor_id: null,
    resource_id: 'a “name”\nin two lines',
    scope: 'tenant',
    commitment: Buffer.alloc(32, 0xfe),
    origin: null,
    body: sealed(`\0\xff body of ${id}`),
    proof: Buffer.alloc(36, 7),
  } as const
}

export const note =
  (...ids: readonly string[]) =>
  async (tx: Transaction): Promise<void> => {
    for (const id of ids) await tx.as(tenant).run(insertEvent, { tenant, ...eventOf(id) })
  }

export async function idsIn(db: Database): Promise<readonly string[]> {
  const rows = await db.read((tx) => tx.all(allEvents, {}))
  return rows.map(({ event_id }) => event_id.slice('evt_'.length))
}

export async function openJournaled(t: TestContext) {
  const file = join(temporaryDirectory(t), 'locket.db')
  const db = await openSqlite({ file, log })
  t.after(() => db.close())
  const journal = journalFile(file)
  return { db, file, journal, linesOf: () => readFileSync(journal, 'utf8').slice(head.length) }
}

/** What is in the table for another program. */
export function rowsIn(t: TestContext, file: string): readonly string[] {
  const other = new SqliteConnection({ file, readOnly: true, guest: 'beside' })
  t.after(() => other.close())
  const rows = other.all('SELECT substr(event_id, 5) AS id FROM audit_events ORDER BY event_id')
  return rows.map((row) => (row as { id: string }).id)
}
