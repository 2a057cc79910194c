/**
 * When the snapshots of indexes are read and written. One is written when its index has moved far
 * from the last, when it leaves for want of room, and when the server stops; never because a request
 * waits for it.
 */
import { minute_ms, stopwatch } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../../core/log.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import type { SnapshotOwner } from '../../storage/snapshots.ts'
import type { IndexSnapshots } from './index-snapshots.ts'
import { type Entry, newEntry } from './shelf.ts'

export interface SnapshotKeeper {
  /** The index of a space as its snapshot has it; null when there is none that may be used. */
  load(space: PreparedSpace): Promise<Entry | null>
  /** Says that an entry was caught up: a snapshot from before a deletion does not stay. */
  followed(entry: Entry): void
  /** Writes an entry that leaves, if it is worth it. */
  leaving(entry: Entry): void
  /** Writes some of the entries that have moved far; tells how many. */
  saveSome(entries: readonly Entry[]): Promise<number>
  /** Removes the snapshot of a space. */
  forget(owner: SnapshotOwner): Promise<void>
  sweep(count: number): Promise<number>
  /** Writes what it can of the entries in the time that there is for it. */
  close(entries: readonly Entry[]): Promise<void>
}

// To read so many rows again takes about as long as to open a snapshot of ten thousand.
const leavingRows = 200
const movedRows = 1_000
const movedShare = 0.1
// A space out of which something is deleted again and again shall not be written each time.
const again_ms = minute_ms
const some = 4

export function createSnapshotKeeper(snapshots: IndexSnapshots, log: Log): SnapshotKeeper {
  return new Keeper(snapshots, log)
}

class Keeper implements SnapshotKeeper {
  readonly #snapshots: IndexSnapshots
  readonly #log: Log
  readonly #loading = new Map<Id<'spc'>, Promise<Entry | null>>()
  readonly #saving = new Map<Entry, Promise<boolean>>()
  /** Those of them whose snapshot was not wanted any more before it was there. */
  readonly #unwanted = new Set<Entry>()
  readonly #tried_ms = new WeakMap<Entry, number>()

  constructor(snapshots: IndexSnapshots, log: Log) {
    this.#snapshots = snapshots
    this.#log = log
  }

  /** Many may ask at once: one reads for all, and whoever asked first hears why it failed. */
  async load(space: PreparedSpace): Promise<Entry | null> {
    const underWay = this.#loading.get(space.id)
    if (underWay !== undefined) return underWay.catch(() => null)
    const loading = this.#load(space)
    this.#loading.set(space.id, loading)
    try {
      return await loading
    } finally {
      if (this.#loading.get(space.id) === loading) this.#loading.delete(space.id)
    }
  }

  followed(entry: Entry): void {
    if (entry.saved === null || entry.saved >= entry.deletedAt) return
    entry.saved = null
    void this.forget(entry.owner)
  }

  leaving(entry: Entry): void {
    if (isWorthIt(entry, entry.seq - (entry.saved ?? 0) >= leavingRows)) void this.#save(entry)
  }

  async saveSome(entries: readonly Entry[]): Promise<number> {
    const due = entries.filter((entry) => this.#isDue(entry)).slice(0, some)
    let saved = 0
    for (const entry of due) if (await this.#save(entry)) saved++
    return saved
  }

  async forget(owner: SnapshotOwner): Promise<void> {
    for (const entry of this.#saving.keys()) {
      if (entry.owner.space === owner.space) this.#unwanted.add(entry)
    }
    await this.#snapshots.forget(owner)
  }

  sweep(count: number): Promise<number> {
    return this.#snapshots.sweep(count)
  }

  async close(entries: readonly Entry[]): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limits.snapshotClose_timeout_ms)
    await Promise.race([late, this.#saveAll(entries)])
    clearTimeout(timer)
    await this.#snapshots.close()
  }

  async #load(space: PreparedSpace): Promise<Entry | null> {
    const loaded = await this.#snapshots.load(space)
    if (!loaded) return null
    const { owner, seq, index } = loaded
    return { ...newEntry(owner, index), seq, saved: seq, whole: true }
  }

  #isDue(entry: Entry): boolean {
    const moved = entry.seq - (entry.saved ?? 0)
    const isFar = moved >= movedRows && moved >= entry.index.size * movedShare
    const tried_ms = this.#tried_ms.get(entry) ?? Number.NEGATIVE_INFINITY
    return isWorthIt(entry, isFar) && stopwatch() - tried_ms >= again_ms
  }

  async #saveAll(entries: readonly Entry[]): Promise<void> {
    await Promise.all(this.#saving.values())
    for (const entry of entries) {
      const hasMoved = entry.seq - (entry.saved ?? 0) >= leavingRows
      if (isWorthIt(entry, hasMoved)) await this.#save(entry)
    }
  }

  /** Whether it was written. What fails is a cache: the log is told. */
  async #save(entry: Entry): Promise<boolean> {
    if (this.#saving.has(entry) || this.#saving.size >= limits.snapshotWrites_max) return false
    this.#tried_ms.set(entry, stopwatch())
    const saving = this.#write(entry).catch((thrown) => {
      this.#log.warn({ space: entry.owner.space, err: thrown }, 'index snapshot not written')
      return false
    })
    this.#saving.set(entry, saving)
    try {
      return await saving
    } finally {
      this.#saving.delete(entry)
      this.#unwanted.delete(entry)
    }
  }

  async #write(entry: Entry): Promise<boolean> {
    const seq = await this.#snapshots.save(entry.owner, entry)
    if (seq === null) return false
    entry.saved = seq
    if (seq >= entry.deletedAt && !this.#unwanted.has(entry)) return true
    // Something was deleted, or the space erased, while it was being written.
    entry.saved = null
    await this.#snapshots.forget(entry.owner)
    return false
  }
}

function isWorthIt({ index, saved, whole }: Entry, hasMoved: boolean): boolean {
  return whole && index.size >= limits.snapshot_rows_min && (saved === null || hasMoved)
}
