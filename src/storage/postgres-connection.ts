/** How PostgreSQL is reached: a bounded pool, verified TLS, and errors in the words of Locket. */
import { readFileSync } from 'node:fs'
import { type ClientConfig, DatabaseError, Pool, type PoolClient, types } from 'pg'
import { second_ms } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { Fault } from '../core/fault.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { Secret } from '../secrets/secret.ts'
import { notNow } from './migrations/postgres.ts'

/** Where a PostgreSQL is and how it may be used. */
export interface PostgresTarget {
  /** `postgres://user[:password]@host[:port]/database`; a host of `%2F…` is a directory of sockets. */
  readonly url: string
  /** The password when the URL has none; read for each new connection. */
  readonly password: Secret | null
  /** The authority that signed the server's certificate; null: those that Node trusts. */
  readonly caFile: string | null
  /** `verify`: TLS with the certificate and the host name verified. There is nothing between. */
  readonly tls: 'verify' | 'off'
  readonly connections_max: number
  /** A statement that takes longer is cancelled by the server; 0: none is, as migrations need it. */
  readonly statement_ms_max: number
}

/** The wait for a statement's answer outlasts the server's own bound, for a server that is gone. */
const answer_grace_ms = 5 * second_ms
const lock_ms_max = 10 * second_ms
/** A connection is made anew once in a while, so that a changed address or role is noticed. */
const connection_life_s = 3600

const int8 = 20
const bytea = 17

/** Integers are numbers up to 2^53, as in the other engine; beyond that they would lose digits. */
function toNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Fault('an integer in the database is too large')
  return value
}

/** From PostgreSQL's hex form, `\\x` and two digits for each byte. */
function toBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text.slice(2), 'hex')
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function parserOf(oid: number): (text: string) => unknown {
  if (oid === int8) return toNumber
  return oid === bytea ? toBytes : types.getTypeParser(oid, 'text')
}

const parsers: ClientConfig['types'] = { getTypeParser: parserOf as typeof types.getTypeParser }

/** Opens the pool; connections are made when they are first needed. */
export function openPool(target: PostgresTarget, log: Log): Pool {
  const pool = new Pool({
    ...clientOptions(target),
    max: target.connections_max,
    idleTimeoutMillis: 30 * second_ms,
    maxLifetimeSeconds: connection_life_s,
  })
  // The pool drops it and makes another when one is needed.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection failed'))
  return pool
}

/** What every connection is made with. */
export function clientOptions(target: PostgresTarget): ClientConfig {
  return {
    ...addressOf(target),
    ssl: tlsOf(target),
    connectionTimeoutMillis: limits.databaseConnect_ms_max,
    keepAlive: true,
    pipeline: true,
    ...boundsOf(target),
    types: parsers,
  }
}

function boundsOf({ statement_ms_max }: PostgresTarget): ClientConfig {
  if (statement_ms_max === 0) return {}
  return {
    statement_timeout: statement_ms_max,
    query_timeout: statement_ms_max + answer_grace_ms,
    lock_timeout: Math.min(lock_ms_max, statement_ms_max),
    idle_in_transaction_session_timeout: 2 * statement_ms_max,
  }
}

function addressOf(target: PostgresTarget): ClientConfig {
  const url = new URL(target.url)
  const part = (text: string): string | undefined => decodeURIComponent(text) || undefined
  const host = part(url.hostname.replace(/^\[(.*)\]$/, '$1'))
  const user = part(url.username)
  const password = passwordOf(url, target.password)
  const database = part(url.pathname.slice(1))
  return {
    host: host ?? '127.0.0.1',
    port: Number(url.port || 5432),
    ...(user && { user }),
    ...(password && { password }),
    ...(database && { database }),
    application_name: url.searchParams.get('application_name') ?? 'locket',
  }
}

function passwordOf(url: URL, secret: Secret | null): string | (() => Promise<string>) | undefined {
  if (url.password) return decodeURIComponent(url.password)
  return secret === null ? undefined : () => secret.read()
}

/** Connects; and once more when the password was refused: it may be another since it was read. */
export async function connecting<T>(
  { password }: PostgresTarget,
  connect: () => Promise<T>,
): Promise<T> {
  try {
    return await connect()
  } catch (error) {
    if (password === null || codeOf(error) !== invalidPassword) throw error
    await password.renew()
    return connect()
  }
}

function tlsOf({ tls, caFile }: PostgresTarget): ClientConfig['ssl'] {
  if (tls === 'off') return false
  const ca = caFile === null ? {} : { ca: readFileSync(caFile, 'utf8') }
  return { ...ca, minVersion: 'TLSv1.2', rejectUnauthorized: true }
}

/** SQLSTATE codes: PostgreSQL, appendix A. */
const serializationFailure = '40001'
const deadlock = '40P01'
const uniqueViolation = '23505'
const duplicateObject = '42710'
const insufficientPrivilege = '42501'
const invalidPassword = '28P01'

/** Whether another transaction got in the way of one that was not committed. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === serializationFailure || code === deadlock
}

/**
 * Whether a unique key was taken, by another since the snapshot perhaps: then the work, which looked
 * first, goes differently the next time.
 */
export function isTaken(error: unknown): boolean {
  const code = codeOf(error)
  return code === uniqueViolation || code === duplicateObject
}

/** Whether this login may not do that. */
export function isDenied(error: unknown): boolean {
  return codeOf(error) === insufficientPrivilege
}

/** The server or the way to it failed, not the statement. */
export function isDisconnection(error: unknown): boolean {
  const code = codeOf(error)
  if (code === undefined) return error instanceof Error && lost.test(error.message)
  return gone.test(code) || systemErrors.has(code)
}

/** Connection exceptions, a server that stops or starts, no connection left. */
const gone = /^(?:08|57P0|53300$)/
const systemErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])
/** The driver's own errors have no codes. */
const lost =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (?:was closed|has encountered))/

/** A cancelled statement, a lock that was not to be had, an idle transaction that was ended, a standby. */
const passing = new Set(['57014', '55P03', '25P03', '25P04', '25006', notNow])
const diskFull = '53100'

/** What the caller of the database is told: a code of ours where there is one. */
export function translated(error: unknown): unknown {
  const code = codeOf(error)
  if (code === diskFull) return new LocketError('storage_full', undefined, { cause: error })
  const passes = isDisconnection(error) || isConflict(error) || passing.has(code ?? '')
  return passes ? new LocketError('unavailable', undefined, { cause: error }) : error
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof DatabaseError) return error.code
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** What is wrong, for who starts a program: the driver's and the server's own words have no secrets. */
function unusable(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const reason = reasons[codeOf(error) ?? ''] ?? error.message
  return new LocketError('unavailable', `The database cannot be used: ${reason}.`, { cause: error })
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOENT: 'there is no such socket',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its host name could not be looked up',
  ETIMEDOUT: 'it does not answer',
}

/** One connection of its own, which ends with the work and takes its locks along. */
export async function withClient<T>(
  target: PostgresTarget,
  log: Log,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const pool = openPool({ ...target, connections_max: 1 }, log)
  try {
    const client = await connecting(target, () => pool.connect()).catch((error: unknown) => {
      throw unusable(error)
    })
    client.on('error', (error) => log.warn({ err: error }, 'a database connection failed'))
    try {
      return await work(client)
    } finally {
      client.release(true)
    }
  } catch (error) {
    throw error instanceof DatabaseError ? unusable(error) : error
  } finally {
    await pool.end()
  }
}

export type { Pool, PoolClient }
