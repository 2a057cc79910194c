/**
 * SQLite has one writer, and a commit costs a flush of the disk. So works that wait are committed
 * together, a savepoint each, and one flush serves them all. The rules:
 *
 * - No caller hears anything before the COMMIT, not even of a failure: what a work saw of another
 *   in its group is true only then.
 * - A work that throws undoes what it did; the others go on. Savepoints cost a copy of every page that
 *   a work touches, so there are none until a work throws that had changed something: then all of it
 *   is undone, and the group is run again with a savepoint each.
 * - A work that costs the group its transaction (a full disk, a failing one) is rejected, and the
 *   others are run again without it. When the COMMIT itself fails, each is tried alone.
 * - `full` and `relaxed` works never share a group: how a commit is flushed cannot change within
 *   a transaction. Within a second of a relaxed commit a full one follows.
 * - Works that add nothing but events are no part of this (event-notes.ts). What they have added waits in the journal
 *   for the next transaction, which makes rows of it before all else. Where that fails, or leaves no room for the
 *   works or for the COMMIT, these go on without, and no more is taken into the journal until it succeeds.
 */
import { second_ms } from '../core/clock.ts'
import { apart, withErrand } from '../core/errand.ts'
import { LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { Durability, Touched, Transaction, WriteOptions } from './database.ts'
import type { EventJournal } from './event-journal.ts'
import { EventNotes, type Note } from './event-notes.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { onlyAddsEvents, onlyTouchesAudit, sqliteStatements } from './sqlite-statements.ts'
import { type Statements, StrictTransaction } from './transaction.ts'
import { Turns } from './turns.ts'

interface Job extends Note {
  readonly touches: Touched
}

/** How one work ended, which its caller hears after the commit. */
interface Ending {
  readonly job: Job
  readonly failed: boolean
  /** What it gave or what it threw. */
  readonly value: unknown
}

/** How a group is tried. */
interface Trying {
  /** A savepoint for each work. */
  readonly apart: boolean
  /** Without the events that wait. */
  readonly bare: boolean
}

/** The flush comes a little before the second is over, because committing takes time as well. */
const flush_ms = 0.8 * second_ms

const synchronous: Readonly<Record<Durability, string>> = { full: 'FULL', relaxed: 'NORMAL' }

export interface GroupCommitOptions {
  readonly connection: SqliteConnection
  readonly journal: EventJournal
  readonly log: Log
  /** Is told before each commit whether it is of nothing but the audit. */
  readonly committing?: (onlyAudit: boolean) => void
}

export class GroupCommit {
  readonly #connection: SqliteConnection
  readonly #journal: EventJournal
  readonly #statements: Readonly<Record<Touched, Statements>>
  readonly #log: Log
  readonly #committing: (onlyAudit: boolean) => void
  readonly #turns = new Turns()
  readonly #notes: EventNotes
  readonly #queues: Readonly<Record<Durability, Job[]>> = { full: [], relaxed: [] }
  #durability: Durability = 'full'
  #scheduled = false
  #closing = false
  #settling: Promise<void> | undefined
  /** Set while a relaxed commit may not have reached the disk. */
  #flushTimer: NodeJS.Timeout | undefined

  constructor({ connection, journal, log, committing = () => undefined }: GroupCommitOptions) {
    this.#connection = connection
    this.#journal = journal
    this.#committing = committing
    this.#statements = {
      all: sqliteStatements(connection),
      audit: sqliteStatements(connection, onlyTouchesAudit),
      events: sqliteStatements(connection, onlyAddsEvents),
    }
    this.#log = log
    this.#notes = new EventNotes({
      connection,
      journal,
      turns: this.#turns,
      noted: () => this.#noted(),
      otherwise: (note) => this.#queue({ ...note, touches: 'events' }, 'relaxed'),
    })
    if (journal.waiting > 0) this.#flushSoon()
  }

  write<T>(work: (tx: Transaction) => Promise<T>, options: Durability | WriteOptions): Promise<T> {
    if (this.#closing || this.waiting >= limits.writeQueue_max) {
      return Promise.reject(new LocketError('unavailable'))
    }
    const asked = typeof options === 'string' ? { durability: options } : options
    const isNoted = asked.durability === 'relaxed' && asked.touches === 'events'
    return isNoted ? this.#notes.add(work) : this.#enqueue(work, asked)
  }

  /** Makes rows of the events that wait. Throws where that cannot be done. */
  async settle(): Promise<void> {
    if (this.#journal.waiting === 0) return
    this.#settling ??= this.#settle()
    return this.#settling
  }

  /** Whoever asks until its transaction has begun is served by it. */
  async #settle(): Promise<void> {
    const begun = (): void => {
      this.#settling = undefined
    }
    const nothing: WriteOptions = { durability: 'relaxed', touches: 'events' }
    const thrown = await this.#enqueue(async () => begun(), nothing).then(
      () => null,
      (error: unknown) => error,
    )
    begun()
    const reason = thrown ?? this.#journal.failure
    if (reason === null) return
    if (reason instanceof LocketError) throw reason
    throw new LocketError('unavailable', undefined, { cause: reason })
  }

  /** Runs `task` while no transaction is open. */
  async between<T>(task: () => T): Promise<T> {
    return this.#turns.take(async () => task())
  }

  /** Commits what is queued, makes it durable and takes nothing more. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#notes.drain()
    await this.#drain()
    if (this.#flushTimer === undefined) return
    const flushed = this.#flush()
    await this.#drain()
    await flushed
  }

  /** How many changes wait for their commit, or for the journal. */
  get waiting(): number {
    return this.#queued + this.#notes.waiting
  }

  get #queued(): number {
    return this.#queues.full.length + this.#queues.relaxed.length
  }

  /** Every transaction settles; one that is about to come will do. */
  #noted(): void {
    this.#flushSoon()
    if (!this.#journal.isLong || this.#scheduled) return
    this.settle().catch((error) => this.#log.error({ err: error }, 'events wait in the journal'))
  }

  #enqueue<T>(
    work: (tx: Transaction) => Promise<T>,
    { durability, touches = 'all' }: WriteOptions,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const heard = resolve as Job['resolve']
      this.#queue({ touches, work: withErrand(work), resolve: heard, reject }, durability)
    })
  }

  #queue(job: Job, durability: Durability): void {
    this.#queues[durability].push(job)
    this.#schedule()
  }

  /** Waits for the end of the event loop's round, so that all requests of the round share a group. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    apart(() => setImmediate(() => this.#begin()))
  }

  #begin(): void {
    this.#scheduled = false
    void this.#turns.take(() => this.#commitNext())
  }

  async #drain(): Promise<void> {
    // What is under way may leave something in the queue.
    await this.#turns.take(async () => undefined)
    while (this.#queued > 0) await this.#turns.take(() => this.#commitNext())
    await this.#turns.take(async () => undefined)
  }

  async #commitNext(): Promise<void> {
    const durability = this.#nextDurability()
    const group = this.#queues[durability].splice(0, limits.writeGroup_max)
    if (group.length === 0) return
    if (durability === 'relaxed') this.#flushSoon()
    try {
      this.#synchronise(durability)
      await this.#commit(group)
    } catch (error) {
      this.#log.error({ err: error, works: group.length }, 'a group of writes failed')
      for (const job of group) job.reject(error)
    }
    if (this.#queued > 0) this.#schedule()
  }

  /** Full and relaxed groups take turns, so that neither starves the other. */
  #nextDurability(): Durability {
    const other = this.#durability === 'full' ? 'relaxed' : 'full'
    return this.#queues[other].length > 0 ? other : this.#durability
  }

  #synchronise(durability: Durability): void {
    if (durability === this.#durability) return
    this.#connection.exec(`PRAGMA synchronous = ${synchronous[durability]}`)
    this.#durability = durability
  }

  /** Commits a group in one transaction; without its culprits, if it has any. */
  async #commit(group: readonly Job[], how: Trying = { apart: false, bare: false }): Promise<void> {
    let rest = group
    while (rest.length > 0) {
      const culprit = await this.#tryTogether(rest, how)
      if (culprit === undefined) return
      rest = rest.filter((job) => job !== culprit)
    }
  }

  /** Gives back the work that cost all of them the transaction, already rejected; or nothing. */
  async #tryTogether(group: readonly Job[], how: Trying): Promise<Job | undefined> {
    this.#beginTransaction(how.bare)
    const endings: Ending[] = []
    for (const job of group) {
      const tx = new StrictTransaction(this.#statements[job.touches], true)
      const ending = await (how.apart ? endApart(job, tx) : endOf(job, tx))
      const again = this.#againAfter(tx, ending, how)
      if (again) return this.#tryTogether(group, again)
      if (how.apart && tx.failure) return this.#blame(job, tx.failure.error)
      if (ending) endings.push(ending)
    }
    return this.#commitAll(group, endings, how)
  }

  /** Ends the transaction of a group, and tells each how it ended. */
  async #commitAll(
    group: readonly Job[],
    endings: readonly Ending[],
    how: Trying,
  ): Promise<undefined> {
    this.#committing(group.every(({ touches }) => touches !== 'all'))
    try {
      this.#connection.run('COMMIT')
    } catch (error) {
      const canDoWithout = !how.bare && this.#journal.waiting > 0
      this.#journal.failed(error)
      return this.#tryAlone(group, { error, canDoWithout })
    }
    this.#journal.settled(this.#durability)
    if (this.#journal.waiting > 0 && !this.#closing) this.#flushSoon()
    for (const { job, failed, value } of endings) {
      if (failed) job.reject(value)
      else job.resolve(value)
    }
  }

  /** How all of them are tried once more, after what became of one; null: they go on. */
  #againAfter(tx: StrictTransaction, ending: Ending | null, how: Trying): Trying | null {
    const problem = tx.failure?.error ?? (ending?.failed ? ending.value : null)
    if (!how.bare && this.#journal.waiting > 0 && isOfRoom(problem)) {
      this.#journal.failed(problem)
      return { apart: true, bare: true }
    }
    return ending === null ? { ...how, apart: true } : null
  }

  /** With the events that wait as rows in it; without them where they cannot be, or are not to be. */
  #beginTransaction(bare: boolean): void {
    this.#undoAll()
    this.#connection.run('BEGIN IMMEDIATE')
    if (bare || this.#journal.makeRows(this.#connection)) return
    this.#undoAll()
    this.#connection.run('BEGIN IMMEDIATE')
  }

  #blame(job: Job, error: unknown): Job {
    this.#undoAll()
    this.#log.warn({ err: error }, 'a write cost its group the transaction')
    job.reject(error)
    return job
  }

  /** After a COMMIT failed: without the events that waited, for which there may be no room. */
  async #tryAlone(
    group: readonly Job[],
    { error, canDoWithout }: { error: unknown; canDoWithout: boolean },
  ): Promise<undefined> {
    this.#undoAll()
    this.#log.warn({ err: error, works: group.length }, 'a commit failed')
    const [first, ...others] = group
    if (others.length === 0 && !canDoWithout) first?.reject(error)
    else for (const job of group) await this.#commit([job], { apart: false, bare: true })
  }

  #undoAll(): void {
    if (this.#connection.isTransaction) this.#connection.run('ROLLBACK')
  }

  /** The process may end before: a crash of it alone loses nothing, and `close` flushes. */
  #flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => void this.#flush(), flush_ms).unref()
  }

  /**
   * A full commit flushes those before it, if it writes anything at all. Bumping a number in the
   * file's header always does.
   */
  async #flush(): Promise<void> {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    try {
      await this.#enqueue(async () => this.#bump(), { durability: 'full', touches: 'events' })
    } catch (error) {
      this.#log.error({ err: error }, 'relaxed commits could not be flushed to disk')
      if (!this.#closing) this.#flushSoon()
    }
  }

  #bump(): void {
    const ticks = Number(this.#connection.pragma('user_version'))
    this.#connection.exec(`PRAGMA user_version = ${(ticks + 1) % 2 ** 31}`)
  }
}

function isOfRoom(problem: unknown): boolean {
  return problem instanceof LocketError && problem.code === 'storage_full'
}

/** Runs one work. Null: what it did has to be undone. */
async function endOf(job: Job, tx: StrictTransaction): Promise<Ending | null> {
  try {
    const value = await job.work(tx.view())
    tx.settle()
    return { job, failed: false, value }
  } catch (error) {
    return tx.changed || tx.failure?.final ? null : { job, failed: true, value: error }
  } finally {
    tx.end()
  }
}

/** Runs one work in a savepoint of its own. */
async function endApart(job: Job, tx: StrictTransaction): Promise<Ending> {
  try {
    return { job, failed: false, value: await tx.savepoint(() => job.work(tx.view())) }
  } catch (error) {
    return { job, failed: true, value: error }
  } finally {
    tx.end()
  }
}
