/**
 * Sealed snapshots of what a node has in RAM, as files of the node. They are a cache that nobody
 * trusts: one that does not open is discarded, and to lack one only costs time. Sealing and files are
 * the business of a thread (snapshot-worker.ts); here bytes are copied for it, in bounded steps.
 */
import { existsSync } from 'node:fs'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { SealingKey } from '../crypto/aead.ts'
import type { KeySet } from '../crypto/keyring.ts'
import { newFileId } from '../crypto/sealed-file.ts'
import {
  type Bounds,
  pieceCount,
  type Refusal,
  type SnapshotHead,
  type SnapshotOwner,
} from './snapshot-reader.ts'
import { createSnapshotWorker, type SnapshotWorker } from './snapshot-worker.ts'

export type { SnapshotHead, SnapshotOwner } from './snapshot-reader.ts'

/** Its name in the data directory. */
export const snapshotsDirectory = 'snapshots'

/** Views whose bytes follow on each other. */
export type Part = readonly ArrayBufferView[]

export interface WriteSnapshot {
  readonly owner: SnapshotOwner
  readonly key: SealingKey
  /** The `seq` of what is written; every seal is bound to it. */
  readonly version: number
  readonly content: unknown
  /** Read as `body`: one after another, each beginning at a multiple of 8. */
  readonly parts: readonly Part[]
  /** Whether the parts still hold what they held when this was asked for. */
  readonly isCurrent: () => boolean
}

/** Why nothing was written: `moved` when the parts changed while they were being copied. */
export type NotWritten = Exclude<Refusal, 'missing' | 'torn' | 'altered' | 'key'> | 'moved'

export interface Snapshots {
  /** Null when there is none that is as it was written. */
  read(
    owner: SnapshotOwner,
    keys: KeySet,
  ): Promise<{ head: SnapshotHead; body: ArrayBuffer } | null>
  /** Only what stands at the beginning. */
  readHead(owner: SnapshotOwner, keys: KeySet): Promise<SnapshotHead | null>
  /** Puts it in the place of what was there. Null when that was done. */
  write(snapshot: WriteSnapshot): Promise<NotWritten | null>
  /** Removes one and says why in the log; null: it is not wrong, it is not wanted any more. */
  discard(owner: SnapshotOwner, reason: string | null): Promise<void>
  /** The least recently used first. */
  list(): Promise<readonly SnapshotOwner[]>
  close(): Promise<void>
}

/** What tests make small. */
export type SnapshotBounds = Partial<Bounds & { readonly copy_bytes_max: number }>

/** How many values a snapshot with such parts seals. */
export function sealsOf(parts: readonly Part[], bounds: SnapshotBounds = {}): number {
  const { piece_bytes } = { ...standard, ...bounds }
  return 1 + pieceCount(bodyLength(parts), piece_bytes)
}

/** Where each part begins in the body. */
export function offsetsOf(lengths_bytes: readonly number[]): number[] {
  let at = 0
  return lengths_bytes.map((length_bytes) => {
    const begin = at
    at = aligned(begin + length_bytes)
    return begin
  })
}

/**
 * Opens the snapshots of a directory, which need not be there. Where there are some, the thread is
 * started for whoever asks first: to start it takes longer than to open a snapshot.
 */
export function openSnapshots(options: {
  directory: string
  log: Log
  bounds?: SnapshotBounds
}): Snapshots {
  const bounds = { ...standard, ...options.bounds }
  const worker = createSnapshotWorker({ directory: options.directory, bounds })
  if (existsSync(options.directory)) worker.start()
  return new Files(worker, { ...options, bounds })
}

const standard = {
  total_bytes_max: limits.snapshots_bytes_max,
  free_bytes_min: limits.diskFree_bytes_min,
  piece_bytes: limits.snapshotPiece_bytes,
  head_bytes_max: limits.snapshotHead_bytes_max,
  copy_bytes_max: limits.snapshotCopy_bytes_max,
} as const satisfies SnapshotBounds

class Files implements Snapshots {
  readonly #worker: SnapshotWorker
  readonly #directory: string
  readonly #log: Log
  readonly #bounds: Required<SnapshotBounds>
  #writing: Promise<unknown> = Promise.resolve()
  #writes = 0

  constructor(
    worker: SnapshotWorker,
    options: { directory: string; log: Log; bounds: Required<SnapshotBounds> },
  ) {
    this.#worker = worker
    this.#directory = options.directory
    this.#log = options.log
    this.#bounds = options.bounds
  }

  async read(
    owner: SnapshotOwner,
    keys: KeySet,
  ): Promise<{ head: SnapshotHead; body: ArrayBuffer } | null> {
    const read = await this.#try(owner, () => this.#worker.ask('read', reading(owner, keys)))
    return this.#found(owner, read)
  }

  async readHead(owner: SnapshotOwner, keys: KeySet): Promise<SnapshotHead | null> {
    const read = await this.#try(owner, () => this.#worker.ask('readHead', reading(owner, keys)))
    return this.#found(owner, read)
  }

  /** One after another, since there is one unfinished file. */
  async write(snapshot: WriteSnapshot): Promise<NotWritten | null> {
    if (this.#writes >= limits.snapshotWrites_max) return 'unavailable'
    this.#writes++
    const before = this.#writing
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#writing = promise
    await before
    try {
      const written = await this.#try(snapshot.owner, () => this.#write(snapshot))
      return written as NotWritten | null
    } finally {
      this.#writes--
      resolve()
    }
  }

  async discard(owner: SnapshotOwner, reason: string | null): Promise<void> {
    if (reason !== null) this.#tell(owner, reason)
    if (!this.#mayHave()) return
    await this.#try(owner, () => this.#worker.ask('remove', owner))
  }

  async list(): Promise<readonly SnapshotOwner[]> {
    return this.#mayHave() ? this.#worker.ask('list', null) : []
  }

  /** A node that has no snapshots shall not start a thread to find that out. */
  #mayHave(): boolean {
    return existsSync(this.#directory)
  }

  close(): Promise<void> {
    return this.#worker.close()
  }

  async #write(snapshot: WriteSnapshot): Promise<Refusal | 'moved' | null> {
    const { owner, parts, isCurrent, content, version } = snapshot
    const { piece_bytes, copy_bytes_max } = this.#bounds
    const body_bytes = bodyLength(parts)
    const pieces = piecesOf(parts, body_bytes, piece_bytes)
    if (!isCurrent()) return 'moved'
    // What is copied at once cannot change meanwhile.
    const isSmall = body_bytes <= copy_bytes_max
    const copied = isSmall ? [...pieces] : pieces
    const head = { id: newFileId(), version, body_bytes, content }
    const refused = await this.#worker.ask('begin', { owner, head, key: posted(snapshot.key) })
    if (refused !== null) return refused
    let sent: Promise<Refusal | null> = Promise.resolve(null)
    for (const piece of copied) {
      if (!isSmall && !isCurrent()) return this.#abandon(sent)
      const next = this.#worker.ask('write', piece, [piece.buffer])
      // When the one before fails nobody waits for this one, whose failure is the same.
      next.catch(() => undefined)
      // One is copied while the one before is being sealed.
      const answer = await sent
      sent = next
      if (answer !== null) return this.#refuse(answer, next)
    }
    return sent
  }

  async #abandon(sent: Promise<Refusal | null>): Promise<'moved'> {
    await sent
    await this.#worker.ask('abandon', null)
    return 'moved'
  }

  /** The piece after the one that was refused has no file to go to any more. */
  async #refuse(refusal: Refusal, next: Promise<Refusal | null>): Promise<Refusal> {
    await next
    return refusal
  }

  #found<T>(owner: SnapshotOwner, read: T | Refusal): T | null {
    if (typeof read !== 'string') return read as T
    if (read !== 'missing' && read !== 'unavailable') this.#tell(owner, read)
    return null
  }

  #tell({ space }: SnapshotOwner, reason: string): void {
    this.#log.warn({ space, reason }, 'index snapshot discarded')
  }

  /** What fails here is a cache: the log is told, and the caller does without. */
  async #try<T>(owner: SnapshotOwner, work: () => Promise<T>): Promise<T | 'unavailable'> {
    try {
      return await work()
    } catch (thrown) {
      this.#log.warn({ space: owner.space, err: thrown }, 'index snapshot not available')
      return 'unavailable'
    }
  }
}

function reading(owner: SnapshotOwner, keys: KeySet) {
  return { owner, keys: keys.versions.map((version) => posted(keys.version(version).sealing)) }
}

/** A buffer that is a part of a larger one would take all of it along. */
function posted(key: SealingKey): SealingKey {
  return { ...key, commitment: Buffer.from(new Uint8Array(key.commitment).buffer) }
}

export function partLength(part: Part): number {
  return part.reduce((sum, { byteLength }) => sum + byteLength, 0)
}

function bodyLength(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => aligned(sum) + partLength(part), 0)
}

function aligned(at: number): number {
  return Math.ceil(at / 8) * 8
}

interface Placed {
  readonly view: ArrayBufferView
  /** Where it begins in the body. */
  readonly begin: number
}

function placedIn(parts: readonly Part[]): Placed[] {
  const offsets = offsetsOf(parts.map(partLength))
  return parts.flatMap((part, at) => {
    let begin = offsets[at] as number
    return part.map((view) => {
      const placed = { view, begin }
      begin += view.byteLength
      return placed
    })
  })
}

/** Copies of the body, piece by piece; the parts are read when a piece is asked for. */
function* piecesOf(
  parts: readonly Part[],
  body_bytes: number,
  piece_bytes: number,
): Generator<Uint8Array<ArrayBuffer>> {
  const placed = placedIn(parts)
  let first = 0
  for (let from = 0; from === 0 || from < body_bytes; from += piece_bytes) {
    const piece = new Uint8Array(Math.min(piece_bytes, body_bytes - from))
    const end = from + piece.length
    for (let at = first; at < placed.length; at++) {
      const { view, begin } = placed[at] as Placed
      if (begin >= end) break
      copyOverlap(piece, from, { view, begin })
      if (begin + view.byteLength <= end) first = at + 1
    }
    yield piece
  }
}

/** Copies into a piece, which begins at `from` in the body, what it has of one view. */
function copyOverlap(piece: Uint8Array, from: number, { view, begin }: Placed): void {
  const start = Math.max(begin, from)
  const end = Math.min(begin + view.byteLength, from + piece.length)
  if (end <= start) return
  const bytes = new Uint8Array(view.buffer, view.byteOffset + (start - begin), end - start)
  piece.set(bytes, start - from)
}
