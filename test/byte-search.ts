/** Finds a word in files, in whatever dress: encodings that a leak could come in. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

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
      const path = join(entry.parentPath, entry.name)
      const exact = readFileSync(path, 'latin1')
      return { file: relative(directory, path), exact, lower: exact.toLowerCase() }
    })
}

/** Every place where one of the words stands in one of its forms. */
export function findAll(files: readonly Haystack[], needles: readonly string[]): Finding[] {
  const { exact, lower } = stretchesOf(files)
  const possible = needles.flatMap((needle) =>
    formsOf(needle)
      .filter(({ bytes, anyCase }) => (anyCase ? lower : exact).mayHold(bytes))
      .map((form) => ({ needle, ...form })),
  )
  return files.flatMap((haystack) =>
    possible
      .filter(({ bytes, anyCase }) => (anyCase ? haystack.lower : haystack.exact).includes(bytes))
      .map(({ needle, encoding }) => ({ file: haystack.file, needle, encoding })),
  )
}

const known = new WeakMap<readonly Haystack[], { exact: Stretches; lower: Stretches }>()

/** Made once for the same files. */
function stretchesOf(files: readonly Haystack[]): { exact: Stretches; lower: Stretches } {
  const made = known.get(files) ?? {
    exact: new Stretches(files.map((file) => file.exact)),
    lower: new Stretches(files.map((file) => file.lower)),
  }
  known.set(files, made)
  return made
}

/**
 * Which stretches of four bytes stand anywhere in some texts, by their hashes. Nearly all that is
 * searched for is not there and has a stretch that is nowhere: then no text need be looked through,
 * and with PostgreSQL there are tens of megabytes of them.
 */
class Stretches {
  readonly #bits = new Uint8Array(2 ** 25)

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      let stretch = 0
      for (let at = 0; at < text.length; at += 1) {
        stretch = (stretch << 8) | text.charCodeAt(at)
        if (at >= 3) this.#mark(stretch)
      }
    }
  }

  /** False: none of the texts holds these bytes. */
  mayHold(bytes: string): boolean {
    let stretch = 0
    for (let at = 0; at < bytes.length; at += 1) {
      stretch = (stretch << 8) | bytes.charCodeAt(at)
      if (at >= 3 && !this.#isMarked(stretch)) return false
    }
    return true
  }

  #mark(stretch: number): void {
    const slot = slotOf(stretch)
    this.#bits[slot >>> 3] = (this.#bits[slot >>> 3] ?? 0) | (1 << (slot & 7))
  }

  #isMarked(stretch: number): boolean {
    const slot = slotOf(stretch)
    return ((this.#bits[slot >>> 3] ?? 0) & (1 << (slot & 7))) !== 0
  }
}

/** One of 2^28, spread by multiplying with a large odd number. */
function slotOf(stretch: number): number {
  return Math.imul(stretch, 0x9e3779b1) >>> 4
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
  ).filter((window) => stretchesOf(files).exact.mayHold(window))
  return files
    .filter(({ exact }) => windows.some((window) => exact.includes(window)))
    .map(({ file }) => file)
}
