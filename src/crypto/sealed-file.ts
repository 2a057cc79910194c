/**
 * Files of a space that are sealed under its own key, in pieces, so that a large one need not be
 * held twice in memory:
 *
 *   magic (7) | format (1) | frame of the head | frames of the pieces
 *   frame: length (4, big-endian) | sealed value
 *
 * Each frame is a sealed value (aead.ts) of a place of its own: owner and purpose, and for a piece
 * the file's identity, which stands in the sealed head, its number, and whether it is the last. So a
 * file that was cut, lengthened, put together of two, or moved to another owner does not open. It is
 * the idea of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its
 * Nonce-Reuse Misuse-Resistance, CRYPTO 2015), with random nonces in place of its counter.
 */
import {
  open,
  overhead_bytes,
  type Place,
  type SealingKey,
  seal,
  sealedKeyVersion,
} from './aead.ts'
import { randomBytes } from './random.ts'

/** Whose file it is and what for. */
export interface FileOwner {
  readonly tenant: string
  readonly space: string
  readonly purpose: string
}

/** One file of an owner, told from its others. */
export interface FileIdentity {
  /** Random; see `newFileId`. */
  readonly id: string
  readonly version: number
}

/** Where a piece stands in its file. */
export interface PiecePlace extends FileIdentity {
  readonly number: number
  readonly isLast: boolean
}

const magic = Buffer.from('LOCKETF\x01', 'latin1')

/** The length that each frame begins with. */
export const length_bytes = 4

/** Bytes before the sealed head. */
export const preamble_bytes = magic.length + length_bytes

/** What a frame adds to the bytes that it seals. */
export const frame_bytes = length_bytes + overhead_bytes

export function newFileId(): string {
  return randomBytes(16).toString('hex')
}

/** The beginning of a file. */
export function sealHead(key: SealingKey, owner: FileOwner, head: Uint8Array): Uint8Array {
  return Buffer.concat([magic, toFrame(seal(key, headPlace(owner), head))])
}

/** How long the sealed head is that follows this preamble; null when it is none of ours. */
export function headLength(preamble: Uint8Array): number | null {
  const isOurs = magic.equals(preamble.subarray(0, magic.length))
  return isOurs ? frameLength(preamble.subarray(magic.length)) : null
}

/** Throws `integrity_failed`. */
export function openHead(key: SealingKey, owner: FileOwner, sealed: Uint8Array): Uint8Array {
  return open(key, headPlace(owner), sealed)
}

/** The version of the key that sealed a head, and with it the file. Throws `integrity_failed`. */
export function headKeyVersion(sealed: Uint8Array): number {
  return sealedKeyVersion(sealed)
}

export interface Piece {
  readonly owner: FileOwner
  readonly at: PiecePlace
  readonly bytes: Uint8Array
}

/** The frame of one piece. */
export function sealPiece(key: SealingKey, { owner, at, bytes }: Piece): Uint8Array {
  return toFrame(seal(key, piecePlace(owner, at), bytes))
}

/** What a frame sealed, its length left out. Throws `integrity_failed`. */
export function openPiece(key: SealingKey, { owner, at, bytes }: Piece): Uint8Array {
  return open(key, piecePlace(owner, at), bytes)
}

/** How long the sealed value of a frame is. */
export function frameLength(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset, length_bytes).getUint32(0)
}

function toFrame(sealed: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(length_bytes + sealed.length)
  frame.writeUInt32BE(sealed.length, 0)
  frame.set(sealed, length_bytes)
  return frame
}

function headPlace({ tenant, space, purpose }: FileOwner): Place {
  return { tenant, space, table: purpose, row: space, column: 'head', version: 0 }
}

function piecePlace({ tenant, space, purpose }: FileOwner, at: PiecePlace): Place {
  const column = `${at.isLast ? 'last' : 'piece'} ${at.number}`
  return { tenant, space, table: purpose, row: at.id, column, version: at.version }
}
