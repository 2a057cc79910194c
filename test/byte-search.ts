/** Finds a word in files, in whatever dress: encodings that a leak could come in. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** One form that a word may have in a file. */
interface Form {
  readonly encoding: string
  /** In lower case where any case will do. */
  readonly bytes: Uint8Array
  readonly anyCase: boolean
}

export interface Finding {
  readonly file: string
  readonly needle: string
  readonly encoding: string
}

export interface Haystack {
  readonly file: string
  readonly bytes: Uint8Array
}

export function haystacks(directory: string): readonly Haystack[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return { file: relative(directory, path), bytes: readFileSync(path) }
    })
}

/** Every file where one of the words stands in one of its forms. */
export function findAll(files: readonly Haystack[], needles: readonly string[]): Finding[] {
  const search = new Search(
    needles.flatMap((needle) => formsOf(needle).map((form) => ({ needle, ...form }))),
  )
  return files.flatMap(({ file, bytes }) =>
    search.in(bytes).map(({ needle, encoding }) => ({ file, needle, encoding })),
  )
}

/** The files that have any stretch of `width` bytes of one of the secrets. */
export function findWindows(
  files: readonly Haystack[],
  secrets: readonly Uint8Array[],
  width: number,
): readonly string[] {
  const windows = secrets.flatMap((secret) =>
    Array.from({ length: secret.length - width + 1 }, (_, at) => ({
      bytes: secret.subarray(at, at + width),
      anyCase: false,
    })),
  )
  const search = new Search(windows)
  return files.filter(({ bytes }) => search.in(bytes).length > 0).map(({ file }) => file)
}

/** What a byte is in lower case, read as Latin-1. */
const lower = Uint8Array.from({ length: 256 }, (_, byte) =>
  String.fromCharCode(byte).toLowerCase().charCodeAt(0),
)

const start_bytes = 4
const slots_bits = 20

type Sought = Pick<Form, 'bytes' | 'anyCase'>

/**
 * Looks through bytes once for everything that is sought: with PostgreSQL there are tens of megabytes of
 * them and thousands of forms. Wherever four bytes are such as one of these begins with, in any case, it is
 * compared; nearly everywhere they are not, and a table of their hashes says so.
 */
export class Search<T extends Sought> {
  readonly #mayStart = new Uint8Array(2 ** slots_bits)
  readonly #byStart = new Map<number, T[]>()

  constructor(sought: readonly T[]) {
    for (const one of sought) {
      if (one.bytes.length < start_bytes) throw new Error('what is sought is too short')
      const start = startOf(one.bytes)
      this.#mayStart[slotOf(start)] = 1
      const alike = this.#byStart.get(start)
      if (alike) alike.push(one)
      else this.#byStart.set(start, [one])
    }
  }

  /** All that stand somewhere in the bytes. */
  in(bytes: Uint8Array): T[] {
    const found = new Set<T>()
    let start = 0
    for (let end = 0; end < bytes.length; end += 1) {
      start = (start << 8) | (lower[bytes[end] ?? 0] ?? 0)
      if (this.#mayStart[slotOf(start)] === 0) continue
      for (const one of this.#byStart.get(start) ?? []) {
        if (standsAt(bytes, end - start_bytes + 1, one)) found.add(one)
      }
    }
    return [...found]
  }
}

function startOf(bytes: Uint8Array): number {
  let start = 0
  for (const byte of bytes.subarray(0, start_bytes)) start = (start << 8) | (lower[byte] ?? 0)
  return start
}

/** Spread by multiplying with a large odd number. */
function slotOf(start: number): number {
  return Math.imul(start, 0x9e3779b1) >>> (32 - slots_bits)
}

function standsAt(bytes: Uint8Array, from: number, { bytes: sought, anyCase }: Sought): boolean {
  if (from < 0 || from + sought.length > bytes.length) return false
  for (let at = 0; at < sought.length; at += 1) {
    const byte = bytes[from + at] ?? 0
    if ((anyCase ? lower[byte] : byte) !== sought[at]) return false
  }
  return true
}

/** UTF-8, UTF-16 either way round, base64 and base64url at each alignment, hex in either case. */
export function formsOf(text: string): readonly Form[] {
  const utf8 = Buffer.from(text)
  const utf16le = Buffer.from(text, 'utf16le')
  const utf16be = Buffer.from(utf16le).swap16()
  const anyCase = (encoding: string, bytes: Buffer): Form => {
    return { encoding, bytes: bytes.map((byte) => lower[byte] ?? 0), anyCase: true }
  }
  return [
    anyCase('UTF-8', utf8),
    anyCase('UTF-16LE', utf16le),
    anyCase('UTF-16BE', utf16be),
    anyCase('hex', Buffer.from(utf8.toString('hex'))),
    ...[0, 1, 2].flatMap((shift) => base64At(utf8, shift)),
  ]
}

/** What of base64 depends on the word alone when it starts `shift` bytes into a group of three. */
function base64At(bytes: Buffer, shift: number): readonly Form[] {
  const shifted = Buffer.concat([Buffer.alloc(shift), bytes])
  const start = Math.ceil((shift * 8) / 6)
  const end = Math.floor((shifted.length * 8) / 6)
  return (['base64', 'base64url'] as const).map((encoding) => ({
    encoding: `${encoding} at ${shift}`,
    bytes: Buffer.from(shifted.toString(encoding).slice(start, end)),
    anyCase: false,
  }))
}
