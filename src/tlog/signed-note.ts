/**
 * Signed notes (C2SP signed-note): a text and who signed it. Ours are signed by Ed25519 alone, and of
 * what others signed no more is believed: a signature of an unknown key is left aside, a wrong one of
 * a known key condemns the note.
 */
import { fromBase64, textOf, toUtf8 } from '../core/encoding.ts'
import { sha256 } from '../crypto/digest.ts'
import { type VerifyingKey, verifyingKey } from '../crypto/signing-key.ts'

/** The kinds of signature that we know, by the byte that stands for them. */
export const signatureKinds = { ed25519: 0x01, cosignature: 0x04 } as const
type SignatureKind = (typeof signatureKinds)[keyof typeof signatureKinds]

const note_bytes_max = 1024 * 1024
const signatures_max = 64
const keyId_bytes = 4
const nameShape = /^[^\s+\p{Z}\p{Cc}]{1,255}$/u

/** A key that signatures are checked with, and the name it goes by. */
export interface NoteKey {
  readonly name: string
  readonly kind: SignatureKind
  readonly id: number
  readonly publicKey: Uint8Array
}

export interface NoteSignature {
  readonly name: string
  readonly keyId: number
  /** What stands behind the key's id. */
  readonly bytes: Uint8Array
}

export interface Note {
  /** With its last line end. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** Null for a name that cannot stand in a note, or what is no key of 32 bytes. */
export function noteKey(name: string, kind: SignatureKind, publicKey: Uint8Array): NoteKey | null {
  if (!nameShape.test(name) || publicKey.length !== 32) return null
  const digest = sha256(Buffer.concat([toUtf8(`${name}\n`), Buffer.of(kind), publicKey]))
  return { name, kind, id: digest.readUInt32BE(0), publicKey }
}

/** `<name>+<id in hex>+<base64 of kind and key>`: a key as it is handed to others. */
export function toVerifierKey({ name, kind, id, publicKey }: NoteKey): string {
  const bytes = Buffer.concat([Buffer.of(kind), publicKey])
  return `${name}+${id.toString(16).padStart(8, '0')}+${bytes.toString('base64')}`
}

/** Null for what is no key that we can check with. */
export function fromVerifierKey(text: string): NoteKey | null {
  const [name = '', id = '', encoded = ''] = splitKey(text)
  const bytes = fromBase64(encoded)
  const kind = Object.values(signatureKinds).find((one) => one === bytes?.[0])
  const key = bytes && kind !== undefined ? noteKey(name, kind, bytes.subarray(1)) : null
  return key && id === key.id.toString(16).padStart(8, '0') ? key : null
}

/** Base64 may hold a plus: only the first two part. */
function splitKey(text: string): string[] {
  const first = text.indexOf('+')
  const second = text.indexOf('+', first + 1)
  if (first === -1 || second === -1) return []
  return [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)]
}

export function signatureLine({ name, keyId, bytes }: NoteSignature): string {
  const id = Buffer.alloc(keyId_bytes)
  id.writeUInt32BE(keyId)
  return `— ${name} ${Buffer.concat([id, bytes]).toString('base64')}\n`
}

export function writeNote({ text, signatures }: Note): string {
  return `${text}\n${signatures.map(signatureLine).join('')}`
}

/** Null for what is no signed note. Nothing of it is proven. */
export function readNote(bytes: Uint8Array): Note | null {
  if (bytes.length > note_bytes_max) return null
  const whole = textOf(bytes)
  if (whole === null || hasControls(whole) || !whole.endsWith('\n')) return null
  const end = whole.lastIndexOf('\n\n')
  if (end === -1) return null
  const lines = whole.slice(end + 2, -1).split('\n')
  if (lines.length > signatures_max) return null
  const signatures = lines.map(signatureOf)
  return signatures.every((one) => one !== null)
    ? { text: whole.slice(0, end + 1), signatures }
    : null
}

function hasControls(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u0009\u000b-\u001f]/.test(text)
}

function signatureOf(line: string): NoteSignature | null {
  const [dash, name = '', encoded = '', ...more] = line.split(' ')
  const bytes = fromBase64(encoded)
  if (dash !== '—' || more.length > 0 || !nameShape.test(name)) return null
  if (!bytes || bytes.length <= keyId_bytes) return null
  const keyId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  return { name, keyId, bytes: bytes.subarray(keyId_bytes) }
}

/** Of one key: `signed`, `unsigned` when it has no signature there, `forged` when that is not its own. */
export function checkNote(note: Note, key: NoteKey): 'signed' | 'unsigned' | 'forged' {
  const of = note.signatures.filter(({ name, keyId }) => name === key.name && keyId === key.id)
  if (of.length === 0) return 'unsigned'
  const verifier = verifyingKey(key.publicKey)
  const holds = ({ bytes }: NoteSignature): boolean =>
    key.kind === signatureKinds.cosignature
      ? isCosigned(verifier, note.text, bytes)
      : verifier.verifies(toUtf8(note.text), bytes)
  return of.every(holds) ? 'signed' : 'forged'
}

function isCosigned(verifier: VerifyingKey, text: string, bytes: Uint8Array): boolean {
  const time_s = cosignedAt(bytes)
  if (time_s === null) return false
  return verifier.verifies(cosignedText(text, time_s), bytes.subarray(time_bytes))
}

const time_bytes = 8

/** What a witness signs (C2SP tlog-cosignature, Ed25519): when, and what. */
export function cosignedText(text: string, time_s: number): Uint8Array {
  return toUtf8(`cosignature/v1\ntime ${time_s}\n${text}`)
}

/** When a cosignature says that it was made, in seconds; null for what is none. */
export function cosignedAt(bytes: Uint8Array): number | null {
  if (bytes.length !== time_bytes + 64) return null
  const time_s = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0))
  return Number.isSafeInteger(time_s) ? time_s : null
}
