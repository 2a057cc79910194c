/** Requests with a pause between them, each timed from when it was to come: what is late counts as waiting. */
import { setTimeout as sleep } from 'node:timers/promises'

export type Kind = 'recall' | 'store'

export interface Timed {
  readonly wall_ms: number
  /**
   * What this process used of the processors meanwhile: what the wait is where nobody else wants them, but
   * for the disk. Never more than the wait.
   */
  readonly own_ms: number
}

/** From when a request was to come until it was answered. */
export interface Wait extends Timed {
  readonly kind: Kind
}

export type Send = (kind: Kind) => Promise<unknown>

const pace_ms = 5
/** Every so many requests one is a store. */
const stores_every = 10
const looks_max = 10_000

export class Pace {
  readonly beside: Wait[] = []
  readonly without: Wait[] = []
  readonly #send: Send
  /** When it was looked, and what this process had used until then. */
  readonly #looks: { readonly at: number; readonly used_ms: number }[] = []
  #isPurging = false
  /** When it was last purged. */
  #purged = 0
  #ends = false
  #coming: Promise<void> | null = null

  constructor(send: Send) {
    this.#send = send
  }

  /** What comes first has the indexes opened and the code compiled, and is not counted. */
  async start(warmUp_ms: number): Promise<void> {
    this.#look()
    this.#coming = this.#come()
    await sleep(warmUp_ms)
    this.without.length = 0
  }

  set purges(now: boolean) {
    this.#isPurging = now
    this.#purged = performance.now()
  }

  async end(): Promise<void> {
    this.#ends = true
    await this.#coming
  }

  /** One after another: requests that pile up would tell how fast the machine is, and not how long one waits. */
  async #come(): Promise<void> {
    let due = performance.now()
    for (let came = 1; !this.#ends; came += 1) {
      await sleep(Math.max(0, due - performance.now()))
      await this.#time(came % stores_every === 0 ? 'store' : 'recall', due)
      due = performance.now() + pace_ms
      this.#look()
    }
  }

  async #time(kind: Kind, due: number): Promise<void> {
    const isBeside = this.#isPurging || due < this.#purged
    await this.#send(kind)
    const wall_ms = performance.now() - due
    const own_ms = Math.min(wall_ms, this.#usedSince(due))
    const waits = isBeside || this.#isPurging ? this.beside : this.without
    waits.push({ kind, wall_ms, own_ms })
  }

  #look(): void {
    this.#looks.push({ at: performance.now(), used_ms: used_ms() })
    if (this.#looks.length > looks_max) this.#looks.splice(0, looks_max / 2)
  }

  /** Counted from the last look before that moment: never less than it was. */
  #usedSince(moment: number): number {
    const look = this.#looks.findLast(({ at }) => at <= moment)
    return used_ms() - (look?.used_ms ?? 0)
  }
}

/** What this process has used of the processors. */
export function used_ms(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
