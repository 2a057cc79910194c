/**
 * Works that wait for the same turn are committed together, a savepoint each: one lock, one snapshot
 * and one flush of the disk serve them all. As with the embedded engine nobody hears anything before
 * the commit, and a work that throws undoes itself alone.
 */
import { apart, withErrand } from '../core/errand.ts'
import { limits } from '../core/limits.ts'
import type { Durability, Transaction } from './database.ts'
import { isConflict, isDisconnection, isTaken, translated } from './postgres-connection.ts'
import type { PostgresStatements } from './postgres-statements.ts'
import { StrictTransaction } from './transaction.ts'

/** A work and who waits for it. */
export interface Job {
  readonly durability: Durability
  readonly work: (tx: Transaction) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** The works of one turn, in the order they came. What comes while some are committed goes next. */
export class TurnQueue {
  readonly #commit: (group: readonly Job[]) => Promise<void>
  readonly #jobs: Job[] = []
  readonly #ended: () => void
  #running = false

  /** `commit` does not throw: it tells those who wait. `ended`: nothing waits any more. */
  constructor(commit: (group: readonly Job[]) => Promise<void>, ended: () => void) {
    this.#commit = commit
    this.#ended = ended
  }

  add(job: Job): void {
    this.#jobs.push({ ...job, work: withErrand(job.work) })
    // What is done for all of them is done on nobody's errand.
    if (!this.#running) void apart(() => this.#run())
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#jobs.length > 0) await this.#commit(this.#nextGroup())
    this.#running = false
    this.#ended()
  }

  /** As many as wait and are to be flushed alike. */
  #nextGroup(): Job[] {
    const durability = this.#jobs[0]?.durability
    const end = this.#jobs.findIndex((job) => job.durability !== durability)
    const count = Math.min(end === -1 ? this.#jobs.length : end, limits.writeGroup_max)
    return this.#jobs.splice(0, count)
  }
}

/** How a group went, before its commit. */
export interface Outcome {
  /** Tells those whose work is settled, once it is committed. */
  readonly answers: readonly (() => void)[]
  /** To be done alone: a key that was taken may have been taken by another of the group. */
  readonly alone: readonly Job[]
  /** The work that cost all of them the transaction, already told; nothing is to be committed. */
  readonly culprit: Job | null
}

/** Runs the works one after another. Throws what undid them all and may go well the next time. */
export async function runGroup(
  jobs: readonly Job[],
  statements: PostgresStatements,
): Promise<Outcome> {
  const answers: (() => void)[] = []
  const alone: Job[] = []
  for (const job of jobs) {
    const tx = new StrictTransaction(statements, true)
    const { answer, taken } = await answerOf(job, tx)
    if (tx.failure) return { answers: [], alone: [], culprit: await blame(job, tx, statements) }
    if (taken) alone.push(job)
    else answers.push(answer)
  }
  return { answers, alone, culprit: null }
}

async function answerOf(
  job: Job,
  tx: StrictTransaction,
): Promise<{ answer: () => void; taken: boolean }> {
  try {
    const value = await tx.savepoint(() => job.work(tx.view()))
    return { answer: () => job.resolve(value), taken: false }
  } catch (error) {
    return { answer: () => job.reject(translated(error)), taken: isTaken(error) }
  } finally {
    tx.end()
  }
}

async function blame(
  job: Job,
  { failure }: StrictTransaction,
  statements: PostgresStatements,
): Promise<Job> {
  await statements.rollback()
  const error = failure?.error
  // Whoever comes first in a group is not to blame that it could not be begun: that holds for all.
  if (statements.unopened || isConflict(error) || isDisconnection(error)) throw error
  job.reject(translated(error))
  return job
}
