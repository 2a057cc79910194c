/**
 * The directory of sealed snapshots, as the thread sees it that reads and writes them. All of it is
 * a cache: whatever is wrong with a file, the file goes and the caller does without. One file at a
 * time is being written; others may be read and removed meanwhile.
 */
import { readdirSync, rmSync, statfsSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { second_ms, systemClock } from '../core/clock.ts'
import { toUtf8 } from '../core/encoding.ts'
import { isId } from '../core/ids.ts'
import type { SealingKey } from '../crypto/aead.ts'
import {
  beginDurably,
  finishedName,
  makeDirectoryDurably,
  type UnfinishedFile,
} from '../crypto/durable-file.ts'
import { frame_bytes, sealHead, sealPiece } from '../crypto/sealed-file.ts'
import {
  type Bounds,
  codeOf,
  identityOf,
  ownerOf,
  pieceCount,
  type Refusal,
  readSnapshot,
  readSnapshotHead,
  type SnapshotFile,
  type SnapshotHead,
  type SnapshotOwner,
} from './snapshot-reader.ts'

export interface NewSnapshot {
  readonly owner: SnapshotOwner
  readonly key: SealingKey
  readonly head: SnapshotHead
}

export interface SnapshotFiles {
  /** Begins a file; what was begun before and not ended is abandoned. */
  begin(snapshot: NewSnapshot): Refusal | null
  /** The next piece of the body. With the last one the file takes its place. */
  write(bytes: Uint8Array): Refusal | null
  abandon(): void
  readHead(owner: SnapshotOwner, keys: readonly SealingKey[]): SnapshotHead | Refusal
  read(
    owner: SnapshotOwner,
    keys: readonly SealingKey[],
  ): { head: SnapshotHead; body: ArrayBuffer } | Refusal
  remove(owner: SnapshotOwner): void
  /** The least recently used first. */
  list(): SnapshotOwner[]
}

/** Opens the directory, which need not be there, and removes what a crash left unfinished. */
export function openSnapshotFiles(directory: string, bounds: Bounds): SnapshotFiles {
  return new Directory(directory, bounds)
}

interface Unfinished extends NewSnapshot {
  readonly name: string
  readonly file: UnfinishedFile
  readonly pieces: number
  written: number
}

class Directory implements SnapshotFiles {
  readonly #directory: string
  readonly #bounds: Bounds
  /** Bytes of each file, the least recently used first. */
  readonly #files = new Map<string, number>()
  #total_bytes = 0
  #unfinished: Unfinished | null = null

  constructor(directory: string, bounds: Bounds) {
    this.#directory = directory
    this.#bounds = bounds
    removeUnfinished(directory)
    this.#look()
  }

  begin(snapshot: NewSnapshot): Refusal | null {
    this.abandon()
    const { owner, head, key } = snapshot
    const sealed = sealHead(key, ownerOf(owner), toUtf8(JSON.stringify(head)))
    const pieces = pieceCount(head.body_bytes, this.#bounds.piece_bytes)
    if (sealed.length > this.#bounds.head_bytes_max) return 'no-room'
    if (!this.#makeRoom(sealed.length + head.body_bytes + pieces * frame_bytes)) return 'no-room'
    makeDirectoryDurably(this.#directory)
    const name = nameOf(owner)
    const file = beginDurably(this.#pathOf(name))
    this.#unfinished = { ...snapshot, name, file, pieces, written: 0 }
    return this.#whileThereIsRoom(() => file.write(sealed))
  }

  write(bytes: Uint8Array): Refusal | null {
    const unfinished = this.#unfinished
    if (!unfinished) return 'unavailable'
    const { owner, key, head, file, name, pieces } = unfinished
    const number = unfinished.written++
    const at = { ...identityOf(head), number, isLast: number === pieces - 1 }
    return this.#whileThereIsRoom(() => {
      file.write(sealPiece(key, { owner: ownerOf(owner), at, bytes }))
      if (!at.isLast) return
      file.finish()
      this.#unfinished = null
      this.#count(name, statSync(this.#pathOf(name)).size)
    })
  }

  abandon(): void {
    this.#unfinished?.file.abandon()
    this.#unfinished = null
  }

  readHead(owner: SnapshotOwner, keys: readonly SealingKey[]): SnapshotHead | Refusal {
    return this.#kept(owner, readSnapshotHead(this.#fileOf(owner, keys)))
  }

  read(
    owner: SnapshotOwner,
    keys: readonly SealingKey[],
  ): { head: SnapshotHead; body: ArrayBuffer } | Refusal {
    const read = this.#kept(owner, readSnapshot(this.#fileOf(owner, keys)))
    if (typeof read !== 'string') this.#use(nameOf(owner))
    return read
  }

  remove(owner: SnapshotOwner): void {
    if (this.#unfinished?.name === nameOf(owner)) this.abandon()
    this.#remove(nameOf(owner))
  }

  list(): SnapshotOwner[] {
    this.#look()
    return [...this.#files.keys()].map(fromName).filter((owner) => owner !== null)
  }

  /** One that could not be read goes. */
  #kept<T>(owner: SnapshotOwner, read: T | Refusal): T | Refusal {
    if (typeof read === 'string') this.#remove(nameOf(owner))
    return read
  }

  #fileOf(owner: SnapshotOwner, keys: readonly SealingKey[]): SnapshotFile {
    return { path: this.#pathOf(nameOf(owner)), owner, keys, bounds: this.#bounds }
  }

  /** Others may put files there, or take them away. What was not known was not used here. */
  #look(): void {
    const known = [...this.#files.keys()]
    const there = new Map(
      filesIn(this.#directory).map(({ name, size_bytes }) => [name, size_bytes]),
    )
    this.#files.clear()
    this.#total_bytes = 0
    for (const [name, size_bytes] of there) this.#count(name, size_bytes)
    for (const name of known) {
      const size_bytes = there.get(name)
      if (size_bytes !== undefined) this.#count(name, size_bytes)
    }
  }

  #remove(name: string): void {
    rmSync(this.#pathOf(name), { force: true, recursive: true })
    this.#total_bytes -= this.#files.get(name) ?? 0
    this.#files.delete(name)
  }

  #count(name: string, size_bytes: number): void {
    this.#total_bytes += size_bytes - (this.#files.get(name) ?? 0)
    this.#files.delete(name)
    this.#files.set(name, size_bytes)
  }

  /** The order of use survives a restart as the times of the files. */
  #use(name: string): void {
    const now_s = systemClock() / second_ms
    utimesSync(this.#pathOf(name), now_s, now_s)
    this.#count(name, this.#files.get(name) ?? statSync(this.#pathOf(name)).size)
  }

  #makeRoom(size_bytes: number): boolean {
    const { total_bytes_max, free_bytes_min } = this.#bounds
    if (size_bytes > total_bytes_max) return false
    for (const name of this.#files.keys()) {
      if (this.#total_bytes + size_bytes <= total_bytes_max) break
      this.#remove(name)
    }
    return freeBytes(this.#directory) - size_bytes >= free_bytes_min
  }

  #whileThereIsRoom(work: () => void): Refusal | null {
    try {
      work()
      return null
    } catch (thrown) {
      this.abandon()
      if (isDiskFull(thrown)) return 'no-room'
      throw thrown
    }
  }

  #pathOf(name: string): string {
    return join(this.#directory, name)
  }
}

function nameOf({ tenant, space }: SnapshotOwner): string {
  return `${tenant}.${space}`
}

function fromName(name: string): SnapshotOwner | null {
  const [tenant = '', space = '', ...more] = name.split('.')
  if (more.length > 0 || !isId('ten', tenant) || !isId('spc', space)) return null
  return { tenant, space }
}

/** Our files, the least recently used first. What else is there is none of our business. */
function filesIn(directory: string): { name: string; size_bytes: number }[] {
  const files: { name: string; size_bytes: number; usedAt_ms: number }[] = []
  for (const name of namesIn(directory)) {
    if (!fromName(name)) continue
    const stats = statSync(join(directory, name), { throwIfNoEntry: false })
    if (!stats) continue
    files.push({ name, size_bytes: stats.size, usedAt_ms: stats.mtimeMs })
  }
  return files.sort((a, b) => a.usedAt_ms - b.usedAt_ms)
}

/** Removes what a crash left. */
function removeUnfinished(directory: string): void {
  for (const name of namesIn(directory)) {
    const finished = finishedName(name)
    if (finished !== null && fromName(finished)) rmSync(join(directory, name), { force: true })
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return []
    throw thrown
  }
}

function freeBytes(directory: string): number {
  makeDirectoryDurably(directory)
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

function isDiskFull(thrown: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(thrown) ?? '')
}
