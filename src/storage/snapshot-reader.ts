/**
 * Reads one sealed snapshot from its beginning to its end, and believes nothing of it that does not
 * open.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { fromUtf8 } from '../core/encoding.ts'
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import type { SealingKey } from '../crypto/aead.ts'
import {
  type FileIdentity,
  type FileOwner,
  frame_bytes,
  frameLength,
  headKeyVersion,
  headLength,
  length_bytes,
  openHead,
  openPiece,
  type PiecePlace,
  preamble_bytes,
} from '../crypto/sealed-file.ts'

/** Whose snapshot. The two ids are the name of its file. */
export interface SnapshotOwner {
  readonly tenant: Id<'ten'>
  readonly space: Id<'spc'>
}

/** What is sealed at the beginning of a file. */
export interface SnapshotHead extends FileIdentity {
  readonly body_bytes: number
  /** What the body is, for whoever made it. */
  readonly content: unknown
}

/** Why there is no answer. After `torn`, `altered` and `key` the file is gone. */
export type Refusal = 'missing' | 'torn' | 'altered' | 'key' | 'no-room' | 'unavailable'

export interface Bounds {
  /** Of all files together; the least recently used go first. */
  readonly total_bytes_max: number
  /** What must stay free on the disk. */
  readonly free_bytes_min: number
  /** How much of a body is sealed at once. */
  readonly piece_bytes: number
  /** Of one head. */
  readonly head_bytes_max: number
}

const purpose = 'index_snapshots'
// Windows has neither. A pipe of this name would keep who opens it waiting for ever.
const noLinkNorPipe = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** How many pieces a body is sealed in. */
export function pieceCount(body_bytes: number, piece_bytes: number): number {
  return Math.max(1, Math.ceil(body_bytes / piece_bytes))
}

/** One snapshot that is to be read. */
export interface SnapshotFile {
  readonly path: string
  readonly owner: SnapshotOwner
  readonly keys: readonly SealingKey[]
  readonly bounds: Bounds
}

/** What stands at its beginning. */
export function readSnapshotHead(file: SnapshotFile): SnapshotHead | Refusal {
  return reading(file, (reader) => reader.head())
}

/** All of it. */
export function readSnapshot(
  file: SnapshotFile,
): { head: SnapshotHead; body: ArrayBuffer } | Refusal {
  return reading(file, (reader) => {
    const head = reader.head()
    return { head, body: reader.body(head) }
  })
}

function reading<T>(file: SnapshotFile, work: (reader: Reader) => T): T | Refusal {
  try {
    const handle = openSync(file.path, constants.O_RDONLY | noLinkNorPipe)
    try {
      if (!fstatSync(handle).isFile()) throw new Wrong('altered')
      return work(new Reader(file, handle))
    } finally {
      closeSync(handle)
    }
  } catch (thrown) {
    const reason = reasonOf(thrown)
    if (reason === null) throw thrown
    return reason
  }
}

/** The file is not as one of ours is written. */
class Wrong extends Error {
  readonly reason: Refusal

  constructor(reason: Refusal) {
    super(reason)
    this.reason = reason
  }
}

function reasonOf(thrown: unknown): Refusal | null {
  if (thrown instanceof Wrong) return thrown.reason
  if (thrown instanceof LocketError && thrown.code === 'integrity_failed') return 'altered'
  const code = codeOf(thrown)
  if (code === 'ENOENT') return 'missing'
  // A link or a directory of this name is not what we wrote.
  return code === 'ELOOP' || code === 'EISDIR' ? 'altered' : null
}

class Reader {
  readonly #handle: number
  readonly #owner: FileOwner
  readonly #keys: readonly SealingKey[]
  readonly #bounds: Bounds
  #key: SealingKey | undefined

  constructor({ owner, keys, bounds }: SnapshotFile, handle: number) {
    this.#handle = handle
    this.#owner = ownerOf(owner)
    this.#keys = keys
    this.#bounds = bounds
  }

  head(): SnapshotHead {
    const preamble = this.#next(Buffer.allocUnsafeSlow(preamble_bytes))
    const length = headLength(preamble)
    if (length === null || length > this.#bounds.head_bytes_max) throw new Wrong('torn')
    const sealed = this.#next(Buffer.allocUnsafeSlow(length))
    const version = headKeyVersion(sealed)
    this.#key = this.#keys.find((key) => key.version === version)
    if (!this.#key) throw new Wrong('key')
    return JSON.parse(fromUtf8(openHead(this.#key, this.#owner, sealed))) as SnapshotHead
  }

  /** What the head says is ours, because it opened; so is the room that it asks for. */
  body(head: SnapshotHead): ArrayBuffer {
    const { body_bytes } = head
    if (body_bytes > fstatSync(this.#handle).size) throw new Wrong('torn')
    const body = new ArrayBuffer(body_bytes)
    const { piece_bytes } = this.#bounds
    const pieces = pieceCount(body_bytes, piece_bytes)
    const room = Buffer.allocUnsafeSlow(frame_bytes + Math.min(piece_bytes, body_bytes))
    for (let number = 0; number < pieces; number++) {
      const from = number * piece_bytes
      const size_bytes = Math.min(piece_bytes, body_bytes - from)
      const frame = this.#next(room.subarray(0, frame_bytes + size_bytes))
      const at = { ...identityOf(head), number, isLast: number === pieces - 1 }
      new Uint8Array(body, from, size_bytes).set(this.#open(frame, at))
    }
    if (readSync(this.#handle, room, 0, 1, null) > 0) throw new Wrong('altered')
    return body
  }

  #open(frame: Uint8Array, at: PiecePlace): Uint8Array {
    if (frameLength(frame) !== frame.length - length_bytes) throw new Wrong('altered')
    const bytes = frame.subarray(length_bytes)
    return openPiece(this.#key as SealingKey, { owner: this.#owner, at, bytes })
  }

  /** Fills `bytes` with what comes next in the file. */
  #next<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(this.#handle, bytes, at, bytes.length - at, null)
      if (count === 0) throw new Wrong('torn')
      at += count
    }
    return bytes
  }
}

export function identityOf({ id, version }: SnapshotHead): FileIdentity {
  return { id, version }
}

/** What a snapshot's seals are bound to. */
export function ownerOf({ tenant, space }: SnapshotOwner): FileOwner {
  return { tenant, space, purpose }
}

/** The code of an error of the file system. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined
}
