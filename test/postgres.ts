/**
 * Databases for tests on a throw-away PostgreSQL cluster, whose superuser's address is in
 * `LOCKET_TEST_POSTGRES_URL`. Locket connects to them as a role that owns nothing.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { DatabaseConfig } from '../src/config/config.ts'
import { openPostgres } from '../src/storage/postgres.ts'
import {
  configOf,
  createFrom,
  type DatabaseOptions,
  type DatabaseUrls,
  type NewDatabase,
  newDatabase,
  openSession,
  type Session,
} from './postgres-cluster.ts'
import { copyClusterFiles } from './postgres-files.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import type { Sql, TestData } from './test-data.ts'

const run = promisify(execFile)
/** A statement that leaves nothing but rows, and not in the table of the schema's history. */
const ordinary = /^\s*(select|with|insert|update|delete)\b(?!.*\bmigrations\b)/is
const reused_bytes_max = 4 * 1024 * 1024

export interface PostgresData extends TestData, DatabaseUrls {
  readonly config: DatabaseConfig
}

/** A database that was made, and whether it can be emptied and used again. */
interface Made {
  readonly database: NewDatabase
  readonly session: Session
  spoiled: boolean
}

const all: Made[] = []
/** Of tests that are over. To make a database takes 0.1 s, and to drop one up to seconds. */
const free: Made[] = []

// Not in a hook of the test: those run in the order they were set up, and what a test opens on its
// database, it closes after ours.
after(() =>
  Promise.all(
    all.map(async ({ database, session }) => {
      await session.end()
      await database.drop()
    }),
  ),
)

/** A database of its own for one test, gone when the tests of the file are over. */
export async function createDatabase(
  t: TestContext,
  { migrated = true }: DatabaseOptions = {},
): Promise<PostgresData> {
  const made = migrated ? ((await takeFree()) ?? (await make(true))) : await make(false)
  const { database, session } = made
  t.after(() => {
    if (migrated && !made.spoiled) free.push(made)
  })
  // What is given more than statements that change rows may leave anything behind.
  const spoil = <T>(value: T): T => {
    made.spoiled = true
    return value
  }
  const sql: Sql = (text, ...values) => {
    if (!ordinary.test(text)) spoil(text)
    return session.sql(text, ...values)
  }
  const config = configOf(database.url)
  return {
    config,
    url: database.url,
    get ownerUrl() {
      return spoil(database.ownerUrl)
    },
    get superUrl() {
      return spoil(database.superUrl)
    },
    open: async (log) => openPostgres({ target: config, log }),
    sql,
    ask: (questions) => session.ask(questions),
    bytesOf: (text) => `convert_to((${text})::text, 'UTF8')`,
    refuseInserts: (table) => refuseInserts(sql, table),
    backup: () => backup(t, spoil(made)),
    copyOutside: (to) => copyClusterFiles(session.sql, { url: database.superUrl, to }),
  }
}

async function make(migrated: boolean): Promise<Made> {
  const database = await newDatabase({ migrated })
  const made = { database, session: openSession(database.name), spoiled: false }
  all.push(made)
  return made
}

/** One that nobody is connected to any more and that did not grow, with no row in it. */
async function takeFree(): Promise<Made | undefined> {
  for (const made of free.splice(0)) {
    const [found] = await made.session.sql(
      `SELECT sum(pg_total_relation_size(oid)) AS bytes,
         string_agg(format('a%s AS (DELETE FROM %s)', oid, oid::regclass), ', ')
           FILTER (WHERE relname <> 'migrations') AS deletes,
         (SELECT count(*) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()) AS others
       FROM pg_class WHERE relnamespace = 'locket'::regnamespace AND relkind = 'r'`,
    )
    if (Number(found?.['bytes']) > reused_bytes_max) continue
    if (Number(found?.['others']) > 0) {
      free.push(made)
      continue
    }
    await made.session.sql(`WITH ${found?.['deletes']} SELECT 1`)
    return made
  }
  return undefined
}

async function backup(t: TestContext, { database, session }: Made): Promise<() => Promise<void>> {
  const file = join(temporaryDirectory(t), 'backup')
  await run('pg_dump', ['--format=custom', `--file=${file}`, database.superUrl])
  return async () => {
    await session.end()
    await database.drop()
    await createFrom('template0', database.name)
    await run('pg_restore', ['--exit-on-error', `--dbname=${database.superUrl}`, file])
  }
}

async function refuseInserts(sql: Sql, table: string): Promise<() => Promise<void>> {
  const refuse = "begin raise exception 'refused by the test'; end"
  await sql(`create function refuse() returns trigger language plpgsql as $$ ${refuse} $$`)
  await sql(
    `create trigger refuse before insert on ${table} for each row execute function refuse()`,
  )
  return async () => {
    await sql('drop function refuse cascade')
  }
}
