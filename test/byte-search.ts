/** Finds a word in files, in whatever dress: encodings that a leak could come in. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One form that a word may have in a file. */
interface Form {
  readonly encoding: string
  /** Latin-1: one character for each byte. */
  readonly bytes: string
  readonly anyCase: boolean
}

export interface Finding {
  readonly file: string
  readonly needle: string
  readonly encoding: string
}

/** A file's bytes as Latin-1, as they are and in lower case. */
export interface Haystack {
  readonly file: string
  readonly exact: string
  readonly lower: string
}

export function haystacks(directory: string): readonly Haystack[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const exact = readFileSync(join(entry.parentPath, entry.name), 'latin1')
      return { file: entry.name, exact, lower: exact.toLowerCase() }
    })
}

/** Every place where one of the words stands in one of its forms. */
export function findAll(files: readonly Haystack[], needles: readonly string[]): Finding[] {
  const wanted = needles.map((needle) => ({ needle, forms: formsOf(needle) }))
  return files.flatMap((haystack) =>
    wanted.flatMap(({ needle, forms }) =>
      forms
        .filter(({ bytes, anyCase }) => (anyCase ? haystack.lower : haystack.exact).includes(bytes))
        .map(({ encoding }) => ({ file: haystack.file, needle, encoding })),
    ),
  )
}

/** UTF-8, UTF-16 either way round, base64 and base64url at each alignment, hex in either case. */
export function formsOf(text: string): readonly Form[] {
  const utf8 = Buffer.from(text)
  const utf16le = Buffer.from(text, 'utf16le')
  const utf16be = Buffer.from(utf16le).swap16()
  const anyCase = (encoding: string, bytes: Buffer): Form => {
    return { encoding, bytes: bytes.toString('latin1').toLowerCase(), anyCase: true }
  }
  return [
    anyCase('UTF-8', utf8),
    anyCase('UTF-16LE', utf16le),
    anyCase('UTF-16BE', utf16be),
    { encoding: 'hex', bytes: utf8.toString('hex'), anyCase: true },
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
    bytes: shifted.toString(encoding).slice(start, end),
    anyCase: false,
  }))
}

/** Whether any stretch of `width` bytes of a secret stands in a file. */
export function findWindows(
  files: readonly Haystack[],
  secret: Uint8Array,
  width: number,
): readonly string[] {
  const text = Buffer.from(secret).toString('latin1')
  const windows = Array.from({ length: text.length - width + 1 }, (_, at) =>
    text.slice(at, at + width),
  )
  return files
    .filter(({ exact }) => windows.some((window) => exact.includes(window)))
    .map(({ file }) => file)
}
