import assert from 'node:assert/strict'
import fs, { copyFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import {
  addCredential,
  beside,
  eventOf,
  idsIn,
  log,
  note,
  openJournaled,
  rowsIn,
  sealed,
  tenant,
} from '../../test/event-journal.ts'
import { eventually } from '../../test/eventually.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { insertEvent } from './insert-event.ts'
import { openSqlite } from './sqlite.ts'
import { SqliteConnection } from './sqlite-connection.ts'

describe('where the journal of events fails', () => {
  test('a file that takes nothing: the event is committed as a row', async (t) => {
    const { db, file, linesOf } = await openJournaled(t)
    await db.write(note('a'), beside)
    const write = t.mock.method(fs, 'writeSync', () => {
      throw new Error('no space left')
    })
    syncBuiltinESMExports()
    for (const id of ['b', 'c']) {
      await db.write(note(id), beside)
      assert.ok(rowsIn(t, file).includes(id), 'it does not wait')
    }
    write.mock.restore()
    syncBuiltinESMExports()
    assert.deepEqual(await idsIn(db), ['a', 'b', 'c'])
    await db.write((tx) => tx.run(addCredential, { id: 'k' }), 'full')
    await db.write(note('d'), beside)
    assert.match(linesOf(), /evt_d/, 'it is used again')
  })

  test('a commit that fails: nothing more is noted until one succeeds', async (t) => {
    const { db, linesOf } = await openJournaled(t)
    await db.write(note('a'), beside)
    const run = SqliteConnection.prototype.run
    const broken = t.mock.method(
      SqliteConnection.prototype,
      'run',
      function (this: SqliteConnection, sql: string, values?: readonly unknown[]) {
        if (sql === 'COMMIT') throw new Error('disk I/O error')
        return run.call(this, sql, values)
      },
    )
    await assert.rejects(idsIn(db), { code: 'unavailable' })
    await assert.rejects(db.write(note('b'), beside), /disk I\/O error/)
    broken.mock.restore()
    assert.deepEqual(await idsIn(db), ['a'])
    await db.write((tx) => tx.run(addCredential, { id: 'k' }), 'full')
    await db.write(note('c'), beside)
    assert.match(linesOf(), /evt_c/)
  })

  test('no room for what waits: a change goes on without it, alone or with others', async (t) => {
    const { db, file } = await openJournaled(t)
    await db.write(note('a'), beside)
    const run = SqliteConnection.prototype.run
    let hasEvents = false
    const full = t.mock.method(
      SqliteConnection.prototype,
      'run',
      function (this: SqliteConnection, sql: string, values?: readonly unknown[]) {
        if (/^BEGIN|^ROLLBACK$/.test(sql)) hasEvents = false
        if (/insert into "audit_events"/i.test(sql)) hasEvents = true
        if (sql === 'COMMIT' && hasEvents) throw new Error('database or disk is full')
        return run.call(this, sql, values)
      },
    )
    const add = (id: string) => db.write((tx) => tx.run(addCredential, { id }), 'full')
    await add('k')
    await Promise.all([add('l'), add('m')])
    await assert.rejects(idsIn(db), { code: 'unavailable' }, 'an event is missing')
    assert.deepEqual(rowsIn(t, file), [])
    // Until it was tried again without anybody asking.
    await setTimeout(1_200)
    full.mock.restore()
    await eventually(() => assert.deepEqual(rowsIn(t, file), ['a']), 3)
    const other = new SqliteConnection({ file, readOnly: true, guest: 'beside' })
    t.after(() => other.close())
    const kept = other.all('SELECT public_id AS id FROM credential_directory ORDER BY public_id')
    assert.deepEqual(
      kept.map((row) => (row as { id: string }).id),
      ['k', 'l', 'm'],
    )
  })

  test('a file that is nearly full: what there is room for is done, whatever waits', async (t) => {
    const { db, file } = await openJournaled(t)
    await db.close()
    const probe = new SqliteConnection({ file, readOnly: true, guest: 'beside' })
    const pages = Number(probe.pragma('page_count'))
    probe.close()
    const outcomes = async (room: number, waiting: boolean): Promise<string> => {
      const copy = join(temporaryDirectory(t), 'locket.db')
      copyFileSync(file, copy)
      const small = await openSqlite({ file: copy, log, pageCountMax: pages + room })
      t.after(() => small.close())
      const event = { tenant, ...eventOf('a'), body: sealed('x'.repeat(9_000)) }
      if (waiting) await small.write((tx) => tx.as(tenant).run(insertEvent, event), beside)
      const adding = small.write((tx) => tx.run(addCredential, { id: 'k'.repeat(9_000) }), 'full')
      return adding.then(
        () => 'done',
        (error) => error.code,
      )
    }
    const rooms = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    const alone = await Promise.all(rooms.map((room) => outcomes(room, false)))
    const withEvent = await Promise.all(rooms.map((room) => outcomes(room, true)))
    assert.ok(alone.includes('done') && alone.includes('storage_full'), `${alone}`)
    assert.deepEqual(withEvent, alone)
  })

  test('a table that takes nothing: changes go on, and who asks for events is refused', async (t) => {
    const { db, file } = await openJournaled(t)
    const other = new SqliteConnection({ file, readOnly: false, guest: 'beside' })
    t.after(() => other.close())
    await db.write(note('a'), beside)
    other.exec(
      "CREATE TRIGGER refuse BEFORE INSERT ON audit_events BEGIN SELECT raise(abort, 'no'); END",
    )
    await assert.rejects(idsIn(db), { code: 'unavailable' })
    await assert.rejects(db.write(note('b'), beside), /no/, 'nothing more is noted')
    await db.write((tx) => tx.run(addCredential, { id: 'k' }), 'full')
    other.exec('DROP TRIGGER refuse')
    assert.deepEqual(await idsIn(db), ['a'])
  })
})
