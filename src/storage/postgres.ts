/**
 * The engine for more than one machine. Any number of nodes share one database. A change takes its
 * turn before its snapshot: it holds a lock that all nodes heed, on its space or on the whole tenant,
 * so it sees all that was done before it and nothing is done beside it. (Serializable isolation
 * promises the same without locks; but stores into different spaces then undo each other, as their
 * rows share pages of the indexes: with 32 clients one was undone twelve times in a row.) What is left
 * to get in each other's way, across turns, ends with one of the two being run again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { assert } from '../core/assert.ts'
import { minute_ms, second_ms, stopwatch } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { idPattern } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { randomBytes } from '../crypto/random.ts'
import type { Database, Durability, Transaction, Turn, WriteOptions } from './database.ts'
import { appRole } from './migrations/postgres.ts'
import { Permits, PermitsByName } from './permits.ts'
import {
  connecting,
  isConflict,
  isDisconnection,
  isTaken,
  openPool,
  type Pool,
  type PoolClient,
  type PostgresTarget,
  translated,
} from './postgres-connection.ts'
import { writeKeysAnew } from './postgres-scrub.ts'
import { type Begin, PostgresStatements } from './postgres-statements.ts'
import { type Job, type Outcome, runGroup, TurnQueue } from './postgres-turns.ts'
import { StrictTransaction } from './transaction.ts'

const attempts_max = 12
const attempts_max_taken = 3
const reconnect_ms_max = 2 * second_ms
const pause_ms_first = 4
const pause_ms_max = 250

const reading = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'
const writing = 'BEGIN ISOLATION LEVEL REPEATABLE READ'
const turnId = idPattern('ten', 'spc', 'agt')
const relaxed = 'SET LOCAL synchronous_commit = off'
/** Nothing is changed beside one who must be alone, nor in data that was moved elsewhere. */
const entering = `SET LOCAL ROLE ${appRole}; SELECT locket.enter()`
/** Connections that no change takes, for reads and their events. */
const connections_forReads = 2
/** Changes end within moments, and what they kept can go then. */
const scrub_attempts_max = 10
const scrub_pause_ms = 100
/** So often a node may make everybody wait for a moment. */
const scrubs_perMinute_max = 20

export interface PostgresOptions {
  readonly target: PostgresTarget
  readonly log: Log
  /** Whether this process may change anything now; it may when nothing is said. */
  readonly mayChange?: () => boolean
  /** It is the one who must be alone: it does not keep itself out. */
  readonly alone?: boolean
}

type Work<T> = (tx: Transaction) => Promise<T>

/** A database whose schema is up to date; `postgres-migrations.ts` sees to that. */
export function openPostgres(options: PostgresOptions): Database {
  return new PostgresDatabase(openPool(options.target, options.log), options)
}

class PostgresDatabase implements Database {
  readonly engine = 'postgres'
  readonly damagedNotes = 0
  readonly #pool: Pool
  readonly #log: Log
  readonly #target: PostgresTarget
  readonly #mayChange: () => boolean
  readonly #alone: boolean
  /** Changes wait for locks with a connection in hand: some are left for others, and for reads. */
  readonly #changes: Permits
  readonly #changesOf: PermitsByName
  #scrubs_ms: readonly number[] = []
  readonly #queues = new Map<string, TurnQueue>()
  readonly #running = new Set<Promise<unknown>>()
  #reads = 0
  #writes = 0
  #closing: Promise<void> | undefined

  constructor(pool: Pool, { target, log, mayChange = () => true, alone = false }: PostgresOptions) {
    this.#pool = pool
    this.#log = log
    this.#target = target
    this.#mayChange = mayChange
    this.#alone = alone
    const changes = Math.max(1, target.connections_max - connections_forReads)
    this.#changes = new Permits(changes)
    this.#changesOf = new PermitsByName(Math.ceil(changes / 2))
  }

  get takesChanges(): boolean {
    return !this.#isClosing && this.#mayChange()
  }

  get queued(): Database['queued'] {
    return { writes: this.#writes, reads: this.#reads }
  }

  async read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    if (this.#isClosing || this.#reads >= limits.readQueue_max) throw new LocketError('unavailable')
    this.#reads += 1
    try {
      return await this.#track(this.#repeatedly(() => this.#look(work)))
    } finally {
      this.#reads -= 1
    }
  }

  async write<T>(
    work: (tx: Transaction) => Promise<T>,
    options: Durability | WriteOptions,
  ): Promise<T> {
    const { durability, turn } = typeof options === 'string' ? { durability: options } : options
    const isFull = this.#writes >= limits.writeQueue_max
    if (isFull || !this.takesChanges) throw new LocketError('unavailable')
    this.#writes += 1
    try {
      return await this.#track(
        turn === null
          ? this.#repeatedly(() => this.#change(work, this.#begin(durability, turn)))
          : this.#enqueue(work, { durability, ...(turn && { turn }) }),
      )
    } finally {
      this.#writes -= 1
    }
  }

  #enqueue<T>(work: Work<T>, { durability, turn }: WriteOptions): Promise<T> {
    const name = nameOf(turn)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const queue = this.#queues.get(name) ?? this.#newQueue(name, turn)
    queue.add({ durability, work, resolve: (value) => resolve(value as T), reject })
    return promise
  }

  #newQueue(name: string, turn: Turn | null | undefined): TurnQueue {
    const queue = new TurnQueue(
      (group) => this.#commit(group, turn),
      () => this.#queues.delete(name),
    )
    this.#queues.set(name, queue)
    return queue
  }

  /** Commits a group in one transaction; without its culprits, if it has any. Tells all of them. */
  async #commit(group: readonly Job[], turn: Turn | null | undefined): Promise<void> {
    let rest = group
    try {
      while (rest.length > 0) {
        const jobs = rest
        const { culprit, alone } = await this.#repeatedly(() => this.#together(jobs, turn))
        for (const job of alone) await this.#commit([job], turn)
        rest = culprit ? jobs.filter((job) => job !== culprit) : []
      }
    } catch (error) {
      for (const job of rest) job.reject(error)
    }
  }

  async #together(group: readonly Job[], turn: Turn | null | undefined): Promise<Outcome> {
    const [first, ...others] = group
    assert(first, 'a group has works')
    const begin = this.#begin(first.durability, turn)
    return this.#admitted(turn, async () => {
      if (others.length > 0) return this.#changeAll(group, begin)
      const value = await this.#change(first.work, begin)
      first.resolve(value)
      return { answers: [], alone: [], culprit: null }
    })
  }

  /** One tenant's changes, all waiting for a lock that another node holds, leave the half to others. */
  #admitted<T>(turn: Turn | null | undefined, change: () => Promise<T>): Promise<T> {
    return this.#changesOf.take(turn?.tenant ?? '', () => this.#changes.take(change))
  }

  #begin(durability: Durability, turn: Turn | null | undefined): Begin {
    const opening = [
      writing,
      ...(durability === 'relaxed' ? [relaxed] : []),
      ...(this.#alone ? [] : [entering]),
    ]
    return { opening: opening.join('; '), locks: turn ? locksOf(turn) : null }
  }

  async #changeAll(group: readonly Job[], begin: Begin): Promise<Outcome> {
    const client = await this.#connect()
    const statements = new PostgresStatements(client, begin)
    try {
      const outcome = await runGroup(group, statements)
      if (outcome.culprit === null) await commit(statements)
      for (const answer of outcome.answers) answer()
      return outcome
    } finally {
      release(client, statements)
    }
  }

  /**
   * The rows of overwritten keys go with the file of their table. What the server's log and its
   * backups hold of them lives until they expire. Everybody waits for who waits for a table, so this
   * waits a moment only, and is not done again and again; then it throws `unavailable`, and so it does
   * while a transaction that began before keeps the rows.
   */
  async scrub(): Promise<void> {
    if (this.#isClosing) throw new LocketError('unavailable')
    const now_ms = stopwatch()
    const recent = this.#scrubs_ms.filter((each_ms) => now_ms - each_ms < minute_ms)
    if (recent.length >= scrubs_perMinute_max) throw new LocketError('unavailable', 'done just now')
    this.#scrubs_ms = [...recent, now_ms]
    await this.#track(this.#cleanKeys())
  }

  async #cleanKeys(): Promise<void> {
    for (let attempt = 1; attempt <= scrub_attempts_max; attempt += 1) {
      if ((await this.#repeatedly(() => this.#writeKeysAnew())) === 0) return
      await pause(scrub_pause_ms)
    }
    throw new LocketError('unavailable', 'An open transaction keeps overwritten keys.')
  }

  async #writeKeysAnew(): Promise<number> {
    const client = await this.#connect()
    try {
      return await writeKeysAnew(client)
    } finally {
      release(client)
    }
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined
  }

  async close(): Promise<void> {
    this.#closing ??= this.#shut()
    return this.#closing
  }

  async #shut(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
    await this.#pool.end()
  }

  async #track<T>(task: Promise<T>): Promise<T> {
    this.#running.add(task)
    try {
      return await task
    } finally {
      this.#running.delete(task)
    }
  }

  /** Runs `attempt` again when another transaction or a lost connection undid it. */
  async #repeatedly<T>(attempt: () => Promise<T>): Promise<T> {
    const began = stopwatch()
    for (let count = 1; ; count += 1) {
      try {
        return await attempt()
      } catch (error) {
        if (!mayRepeat(error, { count, ms: stopwatch() - began })) throw translated(error)
        this.#log.debug({ err: error, count }, 'a transaction is run again')
        await pause(backoff(count))
      }
    }
  }

  /** Throws what undid it, or an `unavailable` when nobody knows whether the commit went through. */
  async #change<T>(work: Work<T>, begin: Begin): Promise<T> {
    const client = await this.#connect()
    const statements = new PostgresStatements(client, begin)
    try {
      const value = await runWork(work, statements, true)
      await commit(statements)
      return value
    } finally {
      release(client, statements)
    }
  }

  /** The answer does not wait for the end of the transaction, which cannot change it. */
  async #look<T>(work: Work<T>): Promise<T> {
    const client = await this.#connect()
    const statements = new PostgresStatements(client, { opening: reading, locks: null })
    const end = (): Promise<void> =>
      this.#track(statements.commit()).then(
        () => release(client, statements),
        () => release(client, statements),
      )
    try {
      const value = await runWork(work, statements, false)
      void end()
      return value
    } catch (error) {
      release(client, statements)
      throw error
    }
  }

  /** The driver tells of a connection that breaks between two statements by an event. */
  async #connect(): Promise<PoolClient> {
    const client = await connecting(this.#target, () => this.#pool.connect())
    client.removeAllListeners('error')
    client.on('error', (error) => this.#log.warn({ err: error }, 'a database connection failed'))
    return client
  }
}

/** Runs a work to its end, and undoes all of it when it fails. */
async function runWork<T>(
  work: Work<T>,
  statements: PostgresStatements,
  writable: boolean,
): Promise<T> {
  const tx = new StrictTransaction(statements, writable)
  try {
    const value = await work(tx.view())
    if (tx.failure) throw tx.failure.error
    return value
  } catch (error) {
    await statements.rollback()
    throw error
  } finally {
    tx.end()
  }
}

/** A commit whose answer is lost may have been done, so the work must not be run again. */
async function commit(statements: PostgresStatements): Promise<void> {
  try {
    await statements.commit()
  } catch (error) {
    if (!isDisconnection(error)) throw error
    throw new LocketError('unavailable', undefined, { cause: error })
  }
}

/** A connection whose transaction did not end, or that may hold locks, is not used again. */
function release(client: PoolClient, statements?: PostgresStatements): void {
  client.removeAllListeners('error')
  client.release(client.getTransactionStatus() !== 'I' || statements?.open === true)
}

/** Keeps the locks of logs apart from those of the tenants whose they are. */
const logSeed = 1

/** Of one space, or of several or of the tenant itself. */
function nameOf(turn: Turn | null | undefined): string {
  if (!turn) return ''
  const { tenant, spaces = [], agent, also, log, heeds } = turn
  if (log) return heeds ? `log by ${tenant}` : `log ${tenant}`
  if (spaces.length > 0) return [...spaces, ...(agent ? [agent] : [])].join()
  return [tenant, ...(also ? [also] : [])].join()
}

/**
 * In one order for all, so that nobody waits in a circle. A space's change shares the tenant with
 * those of other spaces; a change of the tenant shares it with nobody.
 */
function locksOf({ tenant, spaces = [], agent, also, log, heeds }: Turn): string {
  const lock = (name: string, id: string, seed = 0): string => {
    assert(turnId.test(id), 'a turn is named by ids')
    return `${name}(hashtextextended('${id}', ${seed}))`
  }
  const ofLog = lock('pg_advisory_lock', tenant, logSeed)
  if (log) {
    return heeds ? `SELECT ${lock('pg_advisory_lock_shared', tenant)}, ${ofLog}` : `SELECT ${ofLog}`
  }
  if (spaces.length === 0) {
    const tenants = [...new Set([tenant, also ?? tenant])].sort()
    return `SELECT ${tenants.map((one) => lock('pg_advisory_lock', one)).join(', ')}`
  }
  const own = [...spaces, ...(agent ? [agent] : [])]
    .sort()
    .map((space) => lock('pg_advisory_lock', space))
  return `SELECT ${[lock('pg_advisory_lock_shared', tenant), ...own].join(', ')}`
}

/** A server that is gone is not waited for; one that is back, or another behind its name, is found. */
function mayRepeat(error: unknown, { count, ms }: { count: number; ms: number }): boolean {
  if (isDisconnection(error)) return ms < reconnect_ms_max && count < attempts_max
  if (isConflict(error)) return count < attempts_max
  return isTaken(error) && count < attempts_max_taken
}

/** Twice as long each time, and never the same for two that got in each other's way. */
function backoff(count: number): number {
  const longest_ms = Math.min(pause_ms_max, pause_ms_first * 2 ** (count - 1))
  return longest_ms * (0.5 + randomBytes(1).readUInt8() / 512)
}
