/**
 * The throw-away PostgreSQL cluster that tests are given: its addresses, its roles, a template that
 * was migrated once, and sessions of its superuser, whom no row-level security holds back.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, type QueryResult, types } from 'pg'
import type { DatabaseConfig } from '../src/config/config.ts'
import { createLog } from '../src/core/log.ts'
import { migratePostgres } from '../src/storage/postgres-migrations.ts'
import type { Cell, Row, Sql } from './test-data.ts'

declare module 'pg' {
  /** Its types do not have them. */
  interface Client {
    ref(): void
    unref(): void
  }
}

/** Login roles of the cluster: who owns the databases, and whom Locket serves as. */
const owner = 'locket_owner'
const application = 'locket'
const roles = {
  [owner]: `LOGIN CREATEROLE PASSWORD '${owner}'`,
  [application]: `LOGIN NOINHERIT PASSWORD '${application}'`,
}

/** Who prepares the cluster holds this lock; any number will do that nobody else takes. */
const preparing = 760_417

/** Whether there is one. */
export function clusterIsGiven(): boolean {
  return Boolean(process.env['LOCKET_TEST_POSTGRES_URL'])
}

/** The address of a database; the superuser's unless a role is named, whose password is its name. */
function addressOf(database: string, role?: string): string {
  const given = process.env['LOCKET_TEST_POSTGRES_URL']
  if (!given) throw new Error('LOCKET_TEST_POSTGRES_URL is not set.')
  const url = new URL(given)
  url.pathname = `/${database}`
  if (role) {
    url.username = role
    url.password = role
  }
  return url.href
}

/** Runs a statement as the superuser, outside any database of Locket's. */
function administer(statement: string): Promise<void> {
  return withAdministrator(async (client) => {
    await client.query(statement)
  })
}

let administrator: Promise<Client> | undefined
const administering = turns()

/**
 * One connection for all of a process, for making one costs the server more than what it is used for. It
 * keeps no process from its end.
 */
function withAdministrator<T>(work: (client: Client) => Promise<T>): Promise<T> {
  return administering(async () => {
    administrator ??= connect(addressOf('postgres'), () => {
      administrator = undefined
    })
    const client = await administrator
    client.ref()
    try {
      return await work(client)
    } finally {
      client.unref()
    }
  })
}

/** One piece of work after the other, whoever asks at once. */
function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
}

/** The settings of a database at this address. */
export function configOf(url: string): DatabaseConfig {
  const reached = { url, password: null, caFile: null, tls: 'off' } as const
  return { ...reached, connections_max: 10, statement_ms_max: 30_000 }
}

let template: Promise<string> | undefined

/**
 * A database to copy, and the roles. Test files are processes of their own and ask at the same time:
 * the first of them makes it, under another name until it is whole. Nobody can connect to it, for a
 * database that somebody is connected to cannot be copied.
 */
function migratedTemplate(): Promise<string> {
  template ??= withAdministrator(async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [preparing])
    const name = `locket_template_${migrationsDigest()}`
    const known = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
    if (known.rowCount === 0) await makeTemplate(client, name)
    await client.query('SELECT pg_advisory_unlock($1)', [preparing])
    return name
  })
  return template
}

async function makeTemplate(client: Client, name: string): Promise<void> {
  for (const [role, options] of Object.entries(roles)) {
    const known = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
    if (known.rowCount === 0) await client.query(`CREATE ROLE ${role} ${options}`)
  }
  const draft = `locket_draft_${randomBytes(8).toString('hex')}`
  await client.query(`CREATE DATABASE ${draft} OWNER ${owner}`)
  const login = { owner: configOf(addressOf(draft, owner)), login: application }
  await migratePostgres({ ...login, log: createLog('silent') })
  await client.query(`ALTER DATABASE ${draft} ALLOW_CONNECTIONS false`)
  await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`)
}

/** Of the sources that the schema comes from: when one changes, so does the template. */
function migrationsDigest(): string {
  const storage = join(import.meta.dirname, '../src/storage')
  const files = readdirSync(storage, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^(migrations|postgres|tables)[^.]*\.ts$/.test(file))
    .sort()
  const hash = createHash('sha256')
  for (const file of files) hash.update(file).update(readFileSync(join(storage, file)))
  return hash.digest('hex').slice(0, 16)
}

/** Addresses: as Locket connects; as who migrates; as who may do anything. */
export interface DatabaseUrls {
  readonly url: string
  readonly ownerUrl: string
  readonly superUrl: string
}

export interface DatabaseOptions {
  /** False: not even the schema is there. */
  readonly migrated?: boolean
}

export interface NewDatabase extends DatabaseUrls {
  readonly name: string
  /** Also while somebody is connected to it. */
  drop(): Promise<void>
}

/** A database that is there until it is dropped. */
export async function newDatabase({ migrated = true }: DatabaseOptions = {}): Promise<NewDatabase> {
  const template = await migratedTemplate()
  const name = `locket_test_${randomBytes(8).toString('hex')}`
  await createFrom(migrated ? template : 'template0', name)
  return {
    name,
    url: addressOf(name, application),
    ownerUrl: addressOf(name, owner),
    superUrl: addressOf(name),
    drop: () => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  }
}

export function createFrom(template: string, name: string): Promise<void> {
  return administer(`CREATE DATABASE ${name} OWNER ${owner} TEMPLATE ${template}`)
}

export interface Session {
  readonly sql: Sql
  /** Many questions in one journey, and in one transaction, as the server takes them. */
  ask(questions: readonly string[]): Promise<readonly Row[][]>
  end(): Promise<void>
}

/** A connection of the superuser to one database, made when it is first needed. */
export function openSession(database: string): Session {
  let client: Promise<Client> | undefined
  const inTurn = turns()
  return {
    sql: (text, ...values) =>
      inTurn(async () => {
        client ??= connect(addressOf(database))
        return rowsOf(await (await client).query(numbered(text), [...values]))
      }),
    ask: (questions) =>
      inTurn(async () => {
        client ??= connect(addressOf(database))
        const text = ['BEGIN ISOLATION LEVEL REPEATABLE READ', ...questions, 'COMMIT'].join(';')
        // One that has many statements is answered with many results, which the types do not say.
        const results = (await (await client).query(text)) as unknown as QueryResult<Row>[]
        return results.slice(1, -1).map(rowsOf)
      }),
    end: () =>
      inTurn(async () => {
        const ending = client
        client = undefined
        await (await ending)?.end()
      }),
  }
}

async function connect(url: string, ended: () => void = () => undefined): Promise<Client> {
  const client = new Client({ connectionString: url, options: '-c search_path=locket' })
  // What breaks a connection fails the query that runs on it, and is told by that.
  client.on('error', () => undefined)
  client.on('end', ended)
  await client.connect()
  return client
}

/** PostgreSQL numbers its parameters. */
function numbered(text: string): string {
  let count = 0
  return text.replaceAll('?', () => `$${++count}`)
}

const { INT8, NUMERIC } = types.builtins

/** As SQLite gives them: numbers where the driver has texts, plain bytes where it has buffers. */
function rowsOf({ rows, fields }: QueryResult<Row>): Row[] {
  return rows.map((row) => {
    const cells = fields.map(
      ({ name, dataTypeID }) => [name, plain(row[name] ?? null, dataTypeID)] as const,
    )
    return Object.fromEntries(cells)
  })
}

function plain(cell: Cell, type: number): Cell {
  if (cell instanceof Uint8Array) return new Uint8Array(cell)
  return cell !== null && (type === INT8 || type === NUMERIC) ? Number(cell) : cell
}
