import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { add } from '../../test/contract/database.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { createLog } from '../core/log.ts'
import type { Transaction } from './database.ts'
import { journalFile, openEventJournal } from './event-journal.ts'
import { GroupCommit } from './group-commit.ts'
import { migrate, migrations } from './migrations.ts'
import { SqliteConnection } from './sqlite-connection.ts'

/** A connection that remembers what was done to its transactions, and can fail to commit. */
class Observed extends SqliteConnection {
  readonly happened: string[] = []
  failingCommits = 0
  failingRollbacks = 0

  override exec(sql: string): void {
    this.happened.push(sql)
    super.exec(sql)
  }

  override run(sql: string, values?: readonly unknown[]): number {
    if (/^(BEGIN|COMMIT|ROLLBACK$|SAVEPOINT)/.test(sql)) this.happened.push(sql)
    if (sql === 'COMMIT' && this.failingCommits > 0) {
      this.failingCommits -= 1
      throw new Error('disk I/O error')
    }
    if (sql === 'ROLLBACK' && this.failingRollbacks > 0) {
      this.failingRollbacks -= 1
      throw new Error('cannot roll back')
    }
    return super.run(sql, values)
  }
}

function start(t: TestContext) {
  const file = join(temporaryDirectory(t), 'locket.db')
  const connection = new Observed({ file, readOnly: false })
  migrate(connection, migrations)
  connection.happened.length = 0
  t.after(() => connection.close())
  const log = createLog('silent')
  const journal = openEventJournal({ file: journalFile(file), log })
  t.after(() => journal.close())
  return { connection, journal, commits: new GroupCommit({ connection, journal, log }) }
}

type Work = (tx: Transaction) => Promise<unknown>

const transaction = ['BEGIN IMMEDIATE', 'COMMIT']
const flush = ['PRAGMA synchronous = FULL', 'BEGIN IMMEDIATE', 'PRAGMA user_version = 1', 'COMMIT']

const stored = (connection: SqliteConnection) =>
  connection
    .all('SELECT public_id FROM credential_directory ORDER BY public_id')
    .map((row) => (row as { public_id: string }).public_id)

/** Lets everything that was scheduled for the end of this round of the event loop happen. */
const round = () => new Promise<void>((resolve) => void setImmediate(() => setImmediate(resolve)))

test('relaxed commits are flushed by a full one within a second, and once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { connection, commits } = start(t)
  await commits.write(add('a'), 'relaxed')
  await commits.write(add('b'), 'relaxed')
  const before = ['PRAGMA synchronous = NORMAL', ...transaction, ...transaction]
  assert.deepEqual(connection.happened, before)
  t.mock.timers.tick(1_000)
  await round()
  assert.deepEqual(connection.happened, [...before, ...flush])
  t.mock.timers.tick(10_000)
  await round()
  assert.deepEqual(connection.happened, [...before, ...flush], 'nothing is left to flush')
})

test('each relaxed commit is followed by a flush, and a flush that failed by another', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { connection, commits } = start(t)
  const flushes = async () => {
    t.mock.timers.tick(1_000)
    await round()
    return connection.pragma('user_version')
  }
  await commits.write(add('a'), 'relaxed')
  assert.equal(await flushes(), 1)
  await commits.write(add('b'), 'relaxed')
  connection.failingCommits = 1
  assert.equal(await flushes(), 1)
  assert.equal(await flushes(), 2)
})

test('close flushes relaxed commits', async (t) => {
  const { connection, commits } = start(t)
  const written = commits.write(add('a'), 'relaxed')
  await commits.close()
  await written
  const expected = ['PRAGMA synchronous = NORMAL', ...transaction, ...flush]
  assert.deepEqual(connection.happened, expected)
})

test('full commits need no flush', async (t) => {
  const { connection, commits } = start(t)
  await commits.write(add('a'), 'full')
  await commits.close()
  assert.deepEqual(connection.happened, transaction)
})

test('when a commit fails each write is tried alone', async (t) => {
  const { connection, commits } = start(t)
  connection.failingCommits = 2
  const outcomes = await Promise.allSettled(
    ['a', 'b', 'c'].map((id) => commits.write(add(id), 'full')),
  )
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['rejected', 'fulfilled', 'fulfilled'],
  )
  assert.deepEqual(stored(connection), ['b', 'c'])
})

test('nobody hears anything before the commit, not even of a failure', async (t) => {
  const { connection, commits } = start(t)
  connection.failingCommits = 2
  const first = commits.write(add('same'), 'full')
  const second = commits.write(add('same'), 'full')
  await assert.rejects(first, /disk I\/O error/)
  await second
  assert.deepEqual(stored(connection), ['same'], 'the second was run again, and nothing was there')
})

test('a group that cannot begin is refused, and the next one goes on', async (t) => {
  const { connection, commits } = start(t)
  const begin = t.mock.method(connection, 'run', () => {
    throw new Error('cannot begin')
  })
  await assert.rejects(commits.write(add('a'), 'full'), /cannot begin/)
  begin.mock.restore()
  await commits.write(add('b'), 'full')
  assert.deepEqual(stored(connection), ['b'])
})

test('a transaction that could not be undone does not stay in the way', async (t) => {
  const { connection, commits } = start(t)
  connection.failingCommits = 1
  connection.failingRollbacks = 1
  await assert.rejects(commits.write(add('a'), 'full'), /cannot roll back/)
  await commits.write(add('b'), 'full')
  assert.deepEqual(stored(connection), ['b'])
})

test('a group is bounded', async (t) => {
  const { connection, commits } = start(t)
  await Promise.all(
    Array.from({ length: 65 }, (_, index) => commits.write(add(`${index}`), 'full')),
  )
  assert.deepEqual(connection.happened, [...transaction, ...transaction])
})

test('works need no savepoints while none that changed something fails', async (t) => {
  const { connection, commits } = start(t)
  const refused = async () => {
    throw new Error('refused before anything was changed')
  }
  const works: Work[] = [add('a'), refused, add('b')]
  const outcomes = await Promise.allSettled(works.map((work) => commits.write(work, 'full')))
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(connection.happened, transaction)
  assert.deepEqual(stored(connection), ['a', 'b'])
})

test('what a work changed before it failed is undone, and that of the others is kept', async (t) => {
  const { connection, commits } = start(t)
  const failing = async (tx: Transaction) => {
    await add('half')(tx)
    throw new Error('failed half-way')
  }
  const swallowing = async (tx: Transaction) => {
    await add('other half')(tx)
    await add('a')(tx).catch(() => undefined)
  }
  const works: Work[] = [add('a'), failing, swallowing, add('b')]
  const outcomes = await Promise.allSettled(works.map((work) => commits.write(work, 'full')))
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  )
  const apart = works.map(() => 'SAVEPOINT step')
  assert.deepEqual(connection.happened, [
    ...['BEGIN IMMEDIATE', 'ROLLBACK', 'BEGIN IMMEDIATE'],
    ...apart,
    'COMMIT',
  ])
  assert.deepEqual(stored(connection), ['a', 'b'])
})
