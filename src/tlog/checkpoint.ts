/** Checkpoints (C2SP tlog-checkpoint): the size and root of a log, in a note that the log signed. */

import { assert } from '../core/assert.ts'
import { fromBase64, toUtf8 } from '../core/encoding.ts'
import type { SigningKey } from '../crypto/signing-key.ts'
import type { TreeHead } from './check-proof.ts'
import { hash_bytes } from './merkle.ts'
import {
  checkNote,
  cosignedText,
  type Note,
  type NoteKey,
  type NoteSignature,
  noteKey,
  readNote,
  signatureKinds,
  writeNote,
} from './signed-note.ts'

export interface Checkpoint extends TreeHead {
  /** Which log it is. */
  readonly origin: string
}

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`
}

/** Null for what is no checkpoint. Lines of others after the third are allowed, and not looked at. */
export function readCheckpointText(text: string): Checkpoint | null {
  const [origin, size, encoded, ...more] = text.split('\n')
  const last = more.pop()
  if (!origin || size === undefined || encoded === undefined) return null
  if (last !== '' || more.includes('') || !/^(0|[1-9]\d{0,15})$/.test(size)) return null
  const root = fromBase64(encoded)
  const count = Number(size)
  if (root?.length !== hash_bytes || !Number.isSafeInteger(count)) return null
  return { origin, size: count, root }
}

/** The key that a log of that origin signs its checkpoints with, as others check it. */
export function logKey(origin: string, publicKey: Uint8Array): NoteKey {
  const key = noteKey(origin, signatureKinds.ed25519, publicKey)
  assert(key !== null, 'an origin of ours is the name of a key')
  return key
}

/** The note of a checkpoint, signed by its log. */
export function signCheckpoint(checkpoint: Checkpoint, key: SigningKey): string {
  const text = checkpointText(checkpoint)
  const { name, id } = logKey(checkpoint.origin, key.publicKey)
  const bytes = key.sign(toUtf8(text))
  return writeNote({ text, signatures: [{ name, keyId: id, bytes }] })
}

/** What a witness adds to the note. */
export function cosign(
  text: string,
  witness: { name: string; key: SigningKey; now_ms: number },
): NoteSignature {
  const { name, key, now_ms } = witness
  const own = noteKey(name, signatureKinds.cosignature, key.publicKey)
  assert(own !== null, 'the name of a witness was looked at with the settings')
  const time_s = Math.floor(now_ms / 1000)
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(time_s))
  const bytes = Buffer.concat([time, key.sign(cosignedText(text, time_s))])
  return { name, keyId: own.id, bytes }
}

export interface OpenedCheckpoint extends Checkpoint {
  readonly note: Note
}

/** The checkpoint that the key's log signed; null for anything else. */
export function openCheckpoint(bytes: Uint8Array, key: NoteKey): OpenedCheckpoint | null {
  const note = readNote(bytes)
  const checkpoint = note && readCheckpointText(note.text)
  if (!note || checkpoint?.origin !== key.name) return null
  return checkNote(note, key) === 'signed' ? { ...checkpoint, note } : null
}
