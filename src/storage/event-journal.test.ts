import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import {
  addCredential,
  allEvents,
  beside,
  eventOf,
  head,
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
import type { Id } from '../core/ids.ts'
import type { Transaction } from './database.ts'
import { journalFile } from './event-journal.ts'
import { insertEvent } from './insert-event.ts'
import { query } from './query.ts'
import { openSqlite } from './sqlite.ts'
import { SqliteConnection } from './sqlite-connection.ts'

/** Counts the transactions that write. */
function transactions(t: TestContext): () => number {
  const run = t.mock.method(SqliteConnection.prototype, 'run')
  return () => run.mock.calls.filter((call) => call.arguments[0] === 'BEGIN IMMEDIATE').length
}

describe('events that are added by themselves', () => {
  test('are a line of a file of the owner’s, and no transaction', async (t) => {
    const { db, journal, linesOf } = await openJournaled(t)
    const begun = transactions(t)
    await db.write(note('a'), beside)
    await db.write(note('b', 'c'), beside)
    assert.equal(begun(), 0)
    assert.equal(linesOf().split('\n').length, 4)
    assert.equal(statSync(journal).mode & 0o777, 0o600)
  })

  test('are rows, as they were given, for who asks for events', async (t) => {
    const { db } = await openJournaled(t)
    await db.write(note('a'), beside)
    const [row] = await db.read((tx) => tx.all(allEvents, {}))
    const { body, commitment, proof, ...rest } = row ?? assert.fail('it is a row')
    const bytes = [body, commitment, proof].map((value) => Buffer.from(value ?? []))
    const { body: wantedBody, commitment: hash, proof: mac, ...wanted } = eventOf('a')
    assert.deepEqual(rest, { tenant_id: tenant, ...wanted, leaf: null, stretch: -1 })
    assert.deepEqual(bytes, [wantedBody, hash, mac])
  })

  test('are rows with the next change, which comes after them', async (t) => {
    const { db, linesOf } = await openJournaled(t)
    const begun = transactions(t)
    await db.write(note('a'), beside)
    const seen = await db.write(async (tx) => {
      await tx.run(addCredential, { id: 'k' })
      return tx.all(allEvents, {})
    }, 'full')
    assert.equal(seen.length, 1)
    assert.equal(begun(), 1)
    assert.equal(linesOf(), '')
  })

  test('are rows within a second, and sooner when they are many', async (t) => {
    const { db, file, linesOf } = await openJournaled(t)
    await db.write(note('a'), beside)
    await eventually(() => assert.deepEqual(rowsIn(t, file), ['a']), 3)
    for (let at = 0; at < 256; at += 1) await db.write(note(`b${at}`), beside)
    await eventually(() => assert.equal(rowsIn(t, file).length, 257), 0.5)
    await eventually(() => assert.equal(linesOf().length, 0), 3)
  })

  test('are not there when the work has failed', async (t) => {
    const { db, linesOf } = await openJournaled(t)
    const failing = async (tx: Transaction): Promise<void> => {
      await note('a')(tx)
      throw new Error('after the event')
    }
    await assert.rejects(db.write(failing, beside), /after the event/)
    await db.write(note('b'), beside)
    assert.equal(linesOf().split('\n').length, 2)
    assert.deepEqual(await idsIn(db), ['b'])
  })

  test('see what was committed, and nothing of a change that is under way', async (t) => {
    const { db } = await openJournaled(t)
    const credentials = query((builder, _arg: object) =>
      builder.selectFrom('credential_directory').select('public_id'),
    )
    const adding = db.write(async (tx) => {
      await tx.run(addCredential, { id: 'k' })
      throw new Error('undone')
    }, 'full')
    const seen = db.write((tx) => tx.all(credentials, {}), beside)
    await assert.rejects(adding, /undone/)
    assert.deepEqual(await seen, [])
  })
})

describe('what is left in the journal', () => {
  test('of more than it takes are rows, and no more', async (t) => {
    const { db, linesOf } = await openJournaled(t)
    const large = { ...eventOf('large'), body: sealed('x'.repeat(100_000)) }
    for (let at = 0; at < 20; at += 1) {
      const id = `evt_${String(at).padStart(2, '0')}` as Id<'evt'>
      const row = { tenant, ...large, event_id: id }
      await db.write((tx) => tx.as(tenant).run(insertEvent, row), beside)
      assert.ok(linesOf().length <= 1024 * 1024, `${linesOf().length} characters`)
    }
    assert.equal((await idsIn(db)).length, 20)
  })

  test('of a process that was killed has every event that it has told of', async (t) => {
    const file = join(temporaryDirectory(t), 'locket.db')
    const told = new Set<string>()
    for (let round = 0; round < 5; round += 1) {
      const program = join(import.meta.dirname, '../../test/programs/note-until-killed.ts')
      const child = spawn(process.execPath, [program, file, String(round)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let said = ''
      child.stdout.on('data', (piece) => {
        said += piece
        if (said.length > 2_000) child.kill('SIGKILL')
      })
      await once(child, 'close')
      for (const id of said.split('\n').slice(0, -1)) told.add(id)
    }
    const db = await openSqlite({ file, log })
    const found = new Set(await idsIn(db))
    await db.close()
    assert.ok(told.size > 500, `${told.size}`)
    for (const id of told) assert.ok(found.has(id), id)
    assert.equal(existsSync(journalFile(file)), false, 'an orderly end leaves none')
  })

  test('is rows within a second of the start', async (t) => {
    const { db, file, journal } = await openJournaled(t)
    await db.write(note('a', 'b'), beside)
    const kept = readFileSync(journal)
    await db.write(note(), 'full')
    const other = join(temporaryDirectory(t), 'locket.db')
    writeFileSync(journalFile(other), kept)
    const again = await openSqlite({ file: other, log })
    t.after(() => again.close())
    assert.deepEqual(rowsIn(t, other), [])
    await eventually(() => assert.deepEqual(rowsIn(t, other), ['a', 'b']), 3)
    assert.deepEqual(rowsIn(t, file), ['a', 'b'])
  })

  test('is passed over where a line is not whole, and what comes then is not', async (t) => {
    const { db, file, journal } = await openJournaled(t)
    await db.write(note('a'), beside)
    const kept = readFileSync(journal)
    await db.close()
    for (const [at, torn] of [
      '["ten_1","evt_torn"',
      '\0\0\0\0',
      '["ten_1"]\n',
      'null\n',
      `${JSON.stringify(Array(13).fill({}))}\n`,
    ].entries()) {
      writeFileSync(journal, kept)
      appendFileSync(journal, torn)
      const again = await openSqlite({ file, log })
      await again.write(note(`next${at}`), beside)
      const found = await idsIn(again)
      assert.deepEqual(found.slice(0, 1), ['a'])
      assert.ok(found.includes(`next${at}`))
      await again.close()
    }
  })

  test('is damaged: the file is put aside, and each other event is there', async (t) => {
    const { db, file, journal } = await openJournaled(t)
    await db.write(note('a', 'b', 'c'), beside)
    const [, a = '', b = '', c = ''] = readFileSync(journal, 'utf8').split('\n')
    await db.close()
    const damages: readonly ((line: string) => string)[] = [
      (line) => line.slice(1),
      (line) => line.replace('"allowed"', 'null'),
      (line) => line.replace('1800000000000', '18000000.5'),
      (line) => line.replace('"read"', '{}'),
    ]
    for (const [at, damage] of damages.entries()) {
      const content = `${head}${[a, damage(b), c].join('\n')}\n`
      const other = `${file}-${at}`
      writeFileSync(journalFile(other), content)
      const again = await openSqlite({ file: other, log })
      assert.deepEqual(await idsIn(again), ['a', 'c'])
      await again.close()
      assert.equal(readFileSync(`${journalFile(other)}.damaged`, 'utf8'), content)
    }
    writeFileSync(journal, '\0'.repeat(100))
    const again = await openSqlite({ file, log })
    assert.deepEqual(await idsIn(again), ['a', 'b', 'c'])
    await again.close()
  })

  test('is emptied only once its rows are on the disk', async (t) => {
    const { db, file, journal } = await openJournaled(t)
    await db.write(note('a'), beside)
    const kept = readFileSync(journal)
    await db.close()
    writeFileSync(journal, kept)
    const again = await openSqlite({ file, log })
    t.after(() => again.close())
    assert.deepEqual(await idsIn(again), ['a'])
    assert.deepEqual(readFileSync(journal), kept)
    await again.write((tx) => tx.run(addCredential, { id: 'k' }), 'full')
    assert.equal(readFileSync(journal, 'utf8'), head)
  })

  test('is no second event where it is a row already', async (t) => {
    const { db, file, journal } = await openJournaled(t)
    await db.write(note('a', 'b'), beside)
    const kept = readFileSync(journal)
    assert.equal((await idsIn(db)).length, 2)
    await db.close()
    writeFileSync(journal, kept)
    const again = await openSqlite({ file, log })
    assert.deepEqual(await idsIn(again), ['a', 'b'])
    await again.close()
  })

  test('by another version is not touched, and nothing starts', async (t) => {
    const { db, file, journal } = await openJournaled(t)
    await db.close()
    const other = 'locket/event-journal/v2\nwhatever\n'
    writeFileSync(journal, other)
    await assert.rejects(openSqlite({ file, log }), /written by another version/)
    assert.equal(readFileSync(journal, 'utf8'), other)
    writeFileSync(journal, Buffer.alloc(2 * 1024 * 1024, head))
    await assert.rejects(openSqlite({ file, log }), /too long/)
  })
})
