/**
 * The server's hold on the thread that keeps the snapshots: started when it is first needed, or
 * before, again when it has died, and ended with the server. What is asked of it is bounded in number and in time.
 */
import { extname } from 'node:path'
import { type Transferable, Worker } from 'node:worker_threads'
import { second_ms, stopwatch } from '../core/clock.ts'
import { Fault } from '../core/fault.ts'
import { limits } from '../core/limits.ts'
import type { Answered, Asked, Calls, ThreadData } from './snapshot-calls.ts'

export interface SnapshotWorker {
  /** Starts the thread before it is needed. */
  start(): void
  /** Throws when the thread fails, is too busy, or takes too long. */
  ask<Name extends keyof Calls>(
    name: Name,
    given: Calls[Name]['given'],
    transfer?: readonly Transferable[],
  ): Promise<Calls[Name]['gives']>
  /** Ends the thread. What was asked and is not answered fails. */
  close(): Promise<void>
}

interface Waiting {
  answered(answer: Answered): void
  failed(reason: Error): void
}

// A thread that dies at its start must not be started over and over.
const restart_ms = second_ms
const execArgv = ['--disable-warning=ExperimentalWarning']
const ownModule = new URL(`./snapshot-thread${extname(import.meta.filename)}`, import.meta.url)

export interface WorkerOptions {
  /** For each call. */
  readonly timeout_ms?: number
  /** What tests put in the place of the thread. */
  readonly module?: URL
}

/** Starts nothing yet. */
export function createSnapshotWorker(
  data: ThreadData,
  { timeout_ms = limits.snapshotCall_timeout_ms, module = ownModule }: WorkerOptions = {},
): SnapshotWorker {
  return new Hold(data, { timeout_ms, module })
}

class Hold implements SnapshotWorker {
  readonly #data: ThreadData
  readonly #options: Required<WorkerOptions>
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | null = null
  #died_ms = Number.NEGATIVE_INFINITY
  #asked = 0
  #closed = false
  /** It is being ended because it did not answer, and is not gone yet. */
  #stuck = false

  constructor(data: ThreadData, options: Required<WorkerOptions>) {
    this.#data = data
    this.#options = options
  }

  start(): void {
    this.#started()
  }

  async ask<Name extends keyof Calls>(
    name: Name,
    given: Calls[Name]['given'],
    transfer: readonly Transferable[] = [],
  ): Promise<Calls[Name]['gives']> {
    if (this.#waiting.size >= limits.snapshotCalls_max) throw new Fault('the thread is too busy')
    const worker = this.#started()
    const number = this.#asked++
    const { promise, resolve, reject } = Promise.withResolvers<Calls[Name]['gives']>()
    const late = setTimeout(() => this.#giveUp(), this.#options.timeout_ms)
    const settle = (outcome: () => void): void => {
      clearTimeout(late)
      outcome()
    }
    this.#waiting.set(number, {
      answered: (answer) =>
        settle(() => {
          if ('failure' in answer) reject(new Error(answer.failure))
          else resolve(answer.gives as Calls[Name]['gives'])
        }),
      failed: (reason) => settle(() => reject(reason)),
    })
    worker.ref()
    worker.postMessage({ number, name, given } as Asked, transfer)
    return promise
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#worker?.terminate()
  }

  #started(): Worker {
    if (this.#closed || this.#stuck) throw new Fault('the thread was ended')
    if (this.#worker) return this.#worker
    if (stopwatch() - this.#died_ms < restart_ms) throw new Fault('the thread has just died')
    // It needs nothing of the environment, where the root key may be, nor of how node was called.
    const worker = new Worker(this.#options.module, { workerData: this.#data, env: {}, execArgv })
    let failure: Error | null = null
    worker.on('message', (answer: Answered) => this.#settle(answer.number)?.answered(answer))
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error))
    })
    worker.on('exit', (code) => this.#ended(failure ?? new Fault(`the thread ended (${code})`)))
    this.#worker = worker
    worker.unref()
    return worker
  }

  #settle(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (this.#waiting.size === 0) this.#worker?.unref()
    return waiting
  }

  /** What is still to come would only pile up behind what it is stuck in. */
  #giveUp(): void {
    this.#stuck = true
    const reason = new Fault('the thread did not answer in time')
    for (const number of [...this.#waiting.keys()]) this.#settle(number)?.failed(reason)
    void this.#worker?.terminate()
  }

  #ended(reason: Error): void {
    this.#worker = null
    this.#stuck = false
    this.#died_ms = stopwatch()
    for (const number of [...this.#waiting.keys()]) this.#settle(number)?.failed(reason)
  }
}
