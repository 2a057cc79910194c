/** PostgreSQL stops, is full of connections, is slow; a migration is cut short, or run by two. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { DatabaseConfig } from '../src/config/config.ts'
import { LocketError } from '../src/core/errors.ts'
import { createLog } from '../src/core/log.ts'
import type { Database } from '../src/storage/database.ts'
import { type Migration, migrations } from '../src/storage/migrations.ts'
import { openPostgres } from '../src/storage/postgres.ts'
import { inspectPostgres } from '../src/storage/postgres-login.ts'
import { migratePostgres } from '../src/storage/postgres-migrations.ts'
import { preparePostgres } from '../src/storage/postgres-prepare.ts'
import { add, ids } from './contract/database.ts'
import { onlyOn } from './engine.ts'
import { createDatabase, type PostgresData } from './postgres.ts'
import { openProxy, type TcpProxy } from './tcp-proxy.ts'

const log = createLog('silent')
const isUnavailable = (error: unknown) =>
  error instanceof LocketError && error.code === 'unavailable'

/** A database that is reached over a way that can be cut. */
async function behindProxy(
  t: TestContext,
  settings: Partial<DatabaseConfig> = {},
): Promise<{ data: PostgresData; database: Database; proxy: TcpProxy }> {
  const data = await createDatabase(t)
  const url = new URL(data.url)
  const proxy = await openProxy({ host: url.hostname, port: Number(url.port) })
  url.host = `127.0.0.1:${proxy.port}`
  const target = { ...data.config, url: url.href, ...settings }
  const database = openPostgres({ target, log })
  t.after(async () => {
    await database.close()
    await proxy.close()
  })
  return { data, database, proxy }
}

/** Writes one row after another until told to stop; tells what was acknowledged and what was not. */
function keepWriting(database: Database, name: string) {
  const acknowledged: string[] = []
  const failures: unknown[] = []
  let stopped = false
  const done = (async () => {
    for (let turn = 0; !stopped; turn += 1) {
      const id = `${name}-${String(turn).padStart(6, '0')}`
      await database.write(add(id), { durability: 'full', turn: null }).then(
        () => acknowledged.push(id),
        (error: unknown) => failures.push(error),
      )
    }
  })()
  const stop = async () => {
    stopped = true
    await done
    return { acknowledged, failures }
  }
  return { acknowledged, stop }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(10)
}

describe('PostgreSQL', onlyOn('postgres', 'the embedded engine has no server'), () => {
  test('stops and comes back under load: nothing acknowledged is lost, and it goes on', async (t) => {
    const { database, proxy, data } = await behindProxy(t)
    const writers = ['a', 'b', 'c', 'd'].map((name) => keepWriting(database, name))
    for (let round = 1; round <= 3; round += 1) {
      await until(() => writers.every((writer) => writer.acknowledged.length >= 10 * round))
      await proxy.cut()
      await pause(300)
      const before = writers.map((writer) => writer.acknowledged.length)
      await proxy.mend()
      await until(() => writers.every((one, at) => one.acknowledged.length > (before[at] ?? 0)))
    }
    const ended = await Promise.all(writers.map((writer) => writer.stop()))
    const failures = ended.flatMap((one) => one.failures)
    assert.ok(failures.every(isUnavailable), String(failures.find((one) => !isUnavailable(one))))
    const found = new Set(await ids(database))
    const lost = ended.flatMap((one) => one.acknowledged).filter((id) => !found.has(id))
    assert.deepEqual(lost, [])
    const [row] = await data.sql('select count(*) as n from credential_directory')
    assert.equal(row?.['n'], found.size)
  })

  test('that is not there is told in one sentence, not waited for', async (t) => {
    const { database, proxy } = await behindProxy(t)
    await proxy.cut()
    await assert.rejects(database.write(add('a'), 'full'), isUnavailable)
    await assert.rejects(ids(database), isUnavailable)
    await proxy.mend()
    await database.write(add('b'), 'full')
    assert.deepEqual(await ids(database), ['b'])
  })

  test('a server process that is ended costs nobody a write', async (t) => {
    const { database, data } = await behindProxy(t)
    await Promise.all(Array.from({ length: 20 }, (_, n) => database.write(add(`a${n}`), 'full')))
    await data.sql(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        database.write(add(`b${n}`), { durability: 'full', turn: null }),
      ),
    )
    assert.equal((await ids(database)).length, 40)
  })

  test('out of connections: what must wait is done or refused, and the server stays up', async (t) => {
    const { database, data } = await behindProxy(t, { connections_max: 10 })
    const name = new URL(data.url).pathname.slice(1)
    await data.sql(`alter database ${name} connection limit 2`)
    const written = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) =>
        database.write(add(`a${n}`), { durability: 'full', turn: null }),
      ),
    )
    const refused = written.filter((one) => one.status === 'rejected')
    assert.ok(refused.every((one) => isUnavailable(one.reason)))
    assert.equal((await ids(database)).length, written.length - refused.length)
    await data.sql(`alter database ${name} connection limit -1`)
    await database.write(add('after'), 'full')
  })

  test('a statement that takes too long is ended, and others go on', async (t) => {
    const { database, data } = await behindProxy(t, { statement_ms_max: 300 })
    await database.write(add('before'), 'full')
    await data.sql('begin')
    await data.sql('lock table credential_directory in access exclusive mode')
    await assert.rejects(database.write(add('late'), 'full'), isUnavailable)
    await data.sql('rollback')
    await database.write(add('after'), 'full')
    assert.deepEqual(await ids(database), ['after', 'before'])
  })

  test('a slow way there is slow and loses nothing', async (t) => {
    const { database, proxy } = await behindProxy(t)
    proxy.delay(40)
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        database.write(add(`a${n}`), { durability: 'full', turn: null }),
      ),
    )
    assert.equal((await ids(database)).length, 30)
  })

  test('an answer that never comes is not waited for for ever', async (t) => {
    const { database, proxy } = await behindProxy(t, { statement_ms_max: 100 })
    await database.write(add('before'), 'full')
    proxy.delay(60_000)
    await assert.rejects(database.write(add('late'), 'full'), isUnavailable)
    proxy.delay(0)
    await database.write(add('after'), 'full')
    assert.ok((await ids(database)).includes('after'))
  })
})

const owner = (data: PostgresData): DatabaseConfig => ({ ...data.config, url: data.ownerUrl })
const pending = (data: PostgresData) =>
  inspectPostgres(owner(data), log).then((state) => state.pending)

describe(
  'migrations of PostgreSQL',
  onlyOn('postgres', 'those of SQLite have their own tests'),
  () => {
    test('two nodes that migrate at once: one does it, the other finds it done', async (t) => {
      const data = await createDatabase(t, { migrated: false })
      const migrate = () => migratePostgres({ owner: owner(data), login: 'locket', log })
      const ran = await Promise.all([migrate(), migrate(), migrate()])
      const names = migrations.map((one) => one.name)
      assert.deepEqual(ran.flat(), names)
      assert.deepEqual(await migrate(), [])
      const database = await data.open(log)
      t.after(() => database.close())
      await database.write(add('a'), 'full')
    })

    test('one that is interrupted leaves nothing of itself, and is done the next time', async (t) => {
      const data = await createDatabase(t)
      const slow: Migration = {
        name: '999-slow',
        sqlite: [],
        postgres: ['CREATE TABLE locket.slow (id text)', 'SELECT pg_sleep(60)'],
      }
      const known = [...migrations, slow]
      const options = { owner: owner(data), login: null, log }
      const running = migratePostgres({ ...options, migrations: known })
      const outcome = assert.rejects(running)
      const isSleeping = async () => {
        const rows = await data.sql(
          "select pid from pg_stat_activity where query = 'SELECT pg_sleep(60)'",
        )
        return rows[0]?.['pid']
      }
      let pid = await isSleeping()
      while (pid === undefined) pid = await isSleeping()
      await data.sql('select pg_terminate_backend(?::int)', pid)
      await outcome
      assert.deepEqual(await data.sql("select to_regclass('locket.slow') as found"), [
        { found: null },
      ])
      const fast = { ...slow, postgres: ['CREATE TABLE locket.slow (id text)'] }
      assert.deepEqual(await migratePostgres({ ...options, migrations: [...migrations, fast] }), [
        slow.name,
      ])
    })

    test('a database that a newer Locket wrote is refused and not touched', async (t) => {
      const data = await createDatabase(t)
      await data.sql("insert into migrations values ('999-later')")
      await assert.rejects(pending(data), /newer Locket \(migration 999-later\)/)
      await assert.rejects(
        preparePostgres({ target: data.config, log, strict: false }),
        /newer Locket/,
      )
    })

    test('a login that may not migrate says what to run', async (t) => {
      const data = await createDatabase(t, { migrated: false })
      const opening = preparePostgres({ target: data.config, log, strict: false })
      await assert.rejects(opening, /Run `locket migrate --database-url OWNER_URL --login locket`/)
    })
  },
)

describe('a login that serves', onlyOn('postgres', 'a file has no logins'), () => {
  const strictly = (data: PostgresData, url: string) =>
    preparePostgres({ target: { ...data.config, url }, log, strict: true })

  test('in production is held by row security and cannot switch it off [V13.2.2]', async (t) => {
    const data = await createDatabase(t)
    await assert.rejects(strictly(data, data.superUrl), /is a superuser/)
    await assert.rejects(strictly(data, data.ownerUrl), /owns the schema.*may make roles/)
    const faulty = {
      'bypassrls noinherit': /may bypass row security/,
      'replication noinherit': /past the tables/,
      inherit: /NOINHERIT/,
      'noinherit in role postgres': /is a superuser, or may act as one/,
      'noinherit in role pg_read_all_data': /past the tables/,
    }
    for (const [options, why] of Object.entries(faulty)) {
      const login = `faulty_${process.pid}`
      await data.sql(`create role ${login} login password 'x' ${options}`)
      await data.sql(`grant locket_app, locket_system to ${login}`)
      const url = new URL(data.url)
      url.username = login
      url.password = 'x'
      await assert.rejects(strictly(data, url.href), why, options)
      await data.sql(`drop role ${login}`)
    }
    const database = await strictly(data, data.url)
    await database.close()
  })

  test('in development may be anybody, who then migrates by himself', async (t) => {
    const data = await createDatabase(t, { migrated: false })
    const target = { ...data.config, url: data.ownerUrl }
    const database = await preparePostgres({ target, log, strict: false })
    t.after(() => database.close())
    await database.write(add('a'), 'full')
    assert.deepEqual(await ids(database), ['a'])
  })
})
