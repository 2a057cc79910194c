/**
 * What a PostgreSQL connection does in a transaction. The transaction begins with its first
 * statement, and every statement runs in the seat it was meant for: in the application's role with
 * the tenant that row security compares with, or in the role of the jobs. Both end with the
 * transaction. What opens the transaction or changes the seat travels with the statement that needs
 * it, so it costs no journey of its own.
 */
import { assert } from '../core/assert.ts'
import { isId } from '../core/ids.ts'
import { appRole, systemRole } from './migrations/postgres.ts'
import { isConflict, isDisconnection, type PoolClient } from './postgres-connection.ts'
import type { Seat, Statement, Statements } from './transaction.ts'

const set = 'SAVEPOINT step'
const freed = 'RELEASE SAVEPOINT step'
const undone = 'ROLLBACK TO SAVEPOINT step'

/** Prepared statements have names; a query's text is a constant, so there are only so many. */
const names = new Map<string, string>()

/** How a transaction begins. */
export interface Begin {
  /** `BEGIN …` and settings for all of it. */
  readonly opening: string
  /** Takes locks that outlast a failing transaction, and are freed after its end. */
  readonly locks: string | null
}

export class PostgresStatements implements Statements {
  readonly engine = 'postgres'
  readonly #client: PoolClient
  readonly #begin: Begin
  #begun = false
  /** Undefined where nobody knows: undoing a savepoint takes the settings made since along. */
  #seat: Seat | undefined
  /** Savepoints that are set and freed with the next statement, which they travel with. */
  #steps: string[] = []
  #last: Promise<unknown> = Promise.resolve()
  #alive = true
  #over = false
  #unopened: unknown

  constructor(client: PoolClient, begin: Begin) {
    this.#client = client
    this.#begin = begin
  }

  /** Whether it has begun and its end, which frees its locks, was not seen. */
  get open(): boolean {
    return this.#begun && !this.#over
  }

  /** Why it could not be begun as it should: a lock was not to be had in time. */
  get unopened(): unknown {
    return this.#unopened
  }

  get alive(): boolean {
    return this.#alive
  }

  async all({ sql, values, seat }: Statement): Promise<unknown[]> {
    return (await this.#query({ sql, values, seat })).rows
  }

  async first(statement: Statement): Promise<unknown> {
    return (await this.all(statement))[0]
  }

  async run(statement: Statement): Promise<number> {
    return (await this.#query(statement)).rowCount
  }

  /** One that nothing was done in since it was set needs neither be freed nor undone. */
  async savepoint(step: 'set' | 'release' | 'undo'): Promise<void> {
    if (step === 'set') this.#steps.push(set)
    else if (this.#steps.at(-1) === set) this.#steps.pop()
    else if (step === 'release') this.#steps.push(freed)
    else {
      this.#seat = undefined
      await this.#inTurn(() => this.#send([...this.#takeSteps(), undone, freed].join('; ')))
    }
  }

  /** PostgreSQL answers the commit of a failed transaction with a rollback and no error. */
  async commit(): Promise<void> {
    if (!this.#begun) return
    assert((await this.#end('COMMIT')) === 'COMMIT', 'a transaction that failed is not committed')
  }

  /** Never throws: a transaction whose connection is lost is undone by the server. */
  async rollback(): Promise<void> {
    if (!this.#begun) return
    await this.#end('ROLLBACK').catch(() => undefined)
  }

  /** Locks are freed after the end: whoever waits for them sees what was done. */
  async #end(how: 'COMMIT' | 'ROLLBACK'): Promise<string> {
    const free = this.#begin.locks === null ? '' : '; SELECT pg_advisory_unlock_all()'
    const answers = await this.#inTurn(() => this.#client.query(`${how}${free}`))
    this.#over = true
    // The driver gives one answer alone, and several in a list.
    return [answers].flat()[0]?.command ?? ''
  }

  #query({ sql, values, seat }: Statement): Promise<Result> {
    return this.#inTurn(() => {
      const before = [...(this.#begun ? [] : [this.#open()]), ...this.#prepare(seat)]
      const answer = this.#client.query({ name: nameOf(sql), text: sql, values: [...values] })
      return last(before, answer as Promise<Result>)
    })
  }

  /** Statements wait for each other: the next one may depend on how the last one ended. */
  async #inTurn<T>(send: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(send)
    this.#last = turn.catch(() => undefined)
    try {
      return await turn
    } catch (error) {
      if (isDisconnection(error) || isConflict(error)) this.#alive = false
      throw error
    }
  }

  async #send(sql: string): Promise<void> {
    await this.#client.query(sql)
  }

  /** Savepoints first: what is set after one is undone with it. */
  #prepare(seat: Seat): Promise<void>[] {
    const changes = this.#takeSteps()
    if (this.#seat !== seat) {
      const keepsRole = this.#seat !== undefined && this.#seat !== 'system' && seat !== 'system'
      changes.push(...(keepsRole ? [] : [roleOf(seat)]), tenantOf(seat))
      this.#seat = seat
    }
    return changes.length === 0 ? [] : [this.#send(changes.join('; '))]
  }

  #takeSteps(): string[] {
    const steps = this.#steps
    this.#steps = []
    return steps
  }

  /** The snapshot is taken after the locks, so what their last holders did is in it. */
  async #open(): Promise<void> {
    this.#begun = true
    const { opening, locks } = this.#begin
    const locked = locks === null ? [] : [this.#send(locks)]
    try {
      await last(locked, this.#send(opening))
    } catch (error) {
      // It may have begun without its locks: nothing of it may ever be committed.
      this.#unopened = error
      this.#alive = false
      throw error
    }
  }
}

interface Result {
  readonly rows: unknown[]
  readonly rowCount: number
}

/** What was sent together is waited for together; the first failure explains the others. */
async function last<T>(before: readonly Promise<void>[], answer: Promise<T>): Promise<T> {
  const settled = await Promise.allSettled([...before, answer])
  const failed = settled.find((one) => one.status === 'rejected')
  if (failed) throw failed.reason
  return answer
}

function roleOf(seat: Seat): string {
  return `SET LOCAL ROLE ${seat === 'system' ? systemRole : appRole}`
}

/** Ids have no character that means anything in SQL; it is checked where it is relied on. */
function tenantOf(seat: Seat): string {
  const tenant = seat === null || seat === 'system' ? '' : seat
  assert(tenant === '' || isId('ten', tenant), 'a tenant is named by its id')
  return `SELECT set_config('locket.tenant', '${tenant}', true)`
}

function nameOf(sql: string): string {
  const known = names.get(sql)
  if (known !== undefined) return known
  const name = `locket_${names.size}`
  names.set(sql, name)
  return name
}
