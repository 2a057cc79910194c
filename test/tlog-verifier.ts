/**
 * A stranger's verifier of transparency logs. It was written from the public texts alone: RFC 6962,
 * section 2, and signed-note, tlog-checkpoint, tlog-tiles, tlog-proof and tlog-cosignature of C2SP.
 * It shares no line with src, and a rule of the architecture keeps it so: an error in what Locket
 * makes of those texts cannot hide in a verifier that makes the same of them.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'

/** What is not as the texts say. */
export class Unsound extends Error {}

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Unsound(what)
}

// RFC 6962, section 2.1

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export const leafHash = (entry: Uint8Array): Buffer => sha256(Uint8Array.of(0), entry)

const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer =>
  sha256(Uint8Array.of(1), left, right)

/** The largest power of two below a number of at least 2. */
function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/** MTH: the root over leaf hashes. */
export function rootOf(hashes: readonly Uint8Array[]): Buffer {
  const [only] = hashes
  if (only === undefined) return sha256()
  if (hashes.length === 1) return Buffer.from(only)
  const split = splitOf(hashes.length)
  return nodeHash(rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)))
}

export interface Place {
  readonly index: number
  readonly size: number
}

/** Section 2.1.1, backwards: the root that a path leads to from a leaf at its place in a tree. */
export function rootByPath(
  leaf: Uint8Array,
  { index, size }: Place,
  path: readonly Uint8Array[],
): Buffer {
  must(index < size, `there is no leaf ${index} in a tree of ${size}`)
  const last = path.at(-1)
  if (size === 1) {
    must(last === undefined, 'the path is too long')
    return Buffer.from(leaf)
  }
  must(last !== undefined, 'the path is too short')
  const split = splitOf(size)
  const rest = path.slice(0, -1)
  if (index < split) return nodeHash(rootByPath(leaf, { index, size: split }, rest), last)
  const right = { index: index - split, size: size - split }
  return nodeHash(last, rootByPath(leaf, right, rest))
}

// signed-note

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Unsound('it is no UTF-8')
  }
}

function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  must(text !== '' && bytes.toString('base64') === text, 'that is not base64')
  return bytes
}

function decimal(text: string): number {
  must(/^(?:0|[1-9][0-9]*)$/.test(text), `not a decimal number: ${text}`)
  const value = Number(text)
  must(Number.isSafeInteger(value), `too large a number: ${text}`)
  return value
}

/** Types of signatures that this verifier knows. */
const plainEd25519 = 0x01
const cosignedEd25519 = 0x04

export interface VerifierKey {
  readonly name: string
  /** 8 hex digits. */
  readonly id: string
  readonly type: number
  readonly key: KeyObject
}

/** `name+id+base64(type || key)`; the id must be that which follows from the rest. */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name = '', id = '', material = ''] = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text) ?? []
  must(name !== '', 'that is no verifier key')
  const bytes = fromBase64(material)
  const type = bytes[0] ?? -1
  must(type === plainEd25519 || type === cosignedEd25519, `signatures of type ${type} are unknown`)
  must(bytes.length === 33, 'an Ed25519 key has 32 bytes')
  const wanted = sha256(Buffer.from(`${name}\n`), bytes).toString('hex', 0, 4)
  must(id === wanted, `the id of that key would be ${wanted}`)
  const x = bytes.subarray(1).toString('base64url')
  const jwk = { kty: 'OKP', crv: 'Ed25519', x }
  return { name, id, type, key: createPublicKey({ key: jwk, format: 'jwk' }) }
}

export interface Note {
  /** With the newline that ends it. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

interface NoteSignature {
  readonly name: string
  readonly id: string
  readonly bytes: Buffer
}

const signatures_max = 64

export function parseNote(bytes: Uint8Array): Note {
  const whole = textOf(bytes)
  const hasControls = [...whole].some((letter) => letter < ' ' && letter !== '\n')
  must(!hasControls, 'a note has no control characters')
  const end = whole.lastIndexOf('\n\n')
  must(end >= 0, 'no empty line stands between a text and its signatures')
  const lines = whole.slice(end + 2).split('\n')
  must(lines.pop() === '', 'a note ends with a newline')
  must(lines.length > 0 && lines.length <= signatures_max, `${lines.length} signatures`)
  return { text: whole.slice(0, end + 1), signatures: lines.map(parseSignature) }
}

function parseSignature(line: string): NoteSignature {
  const [, name = '', base64 = ''] = /^— ([^\s+]+) (\S+)$/u.exec(line) ?? []
  must(name !== '', 'that is no line of a signature')
  const bytes = fromBase64(base64)
  must(bytes.length > 4, 'a signature is longer than its key id')
  return { name, id: bytes.toString('hex', 0, 4), bytes: bytes.subarray(4) }
}

function isBy(key: VerifierKey, text: string, signature: Buffer): boolean {
  if (key.type === plainEd25519) return verify(null, Buffer.from(text), key.key, signature)
  if (signature.length !== 72) return false
  const time = signature.readBigUInt64BE()
  const message = `cosignature/v1\ntime ${time}\n${text}`
  return verify(null, Buffer.from(message), key.key, signature.subarray(8))
}

/** The text and who signed it: at least one of the keys, and nothing in their names is false. */
export function openNote(
  bytes: Uint8Array,
  keys: readonly VerifierKey[],
): { readonly text: string; readonly by: readonly string[] } {
  const { text, signatures } = parseNote(bytes)
  const by = signatures.flatMap((signature) => {
    const key = keys.find(({ name, id }) => name === signature.name && id === signature.id)
    if (!key) return []
    must(isBy(key, text, signature.bytes), `the signature of ${key.name} is false`)
    return [key.name]
  })
  must(by.length > 0, 'no key that is known has signed this')
  return { text, by }
}

// tlog-checkpoint

export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** Whom one trusts: for what it says, a log's origin and its key; witnesses may stand beside it. */
export interface Trust {
  readonly origin: string
  readonly key: VerifierKey
  readonly witnesses?: readonly VerifierKey[]
}

export function openCheckpoint(
  bytes: Uint8Array,
  { origin, key, witnesses = [] }: Trust,
): Checkpoint & { readonly by: readonly string[] } {
  const { text, by } = openNote(bytes, [key, ...witnesses])
  must(by.includes(key.name), 'the log has not signed its checkpoint')
  const [first = '', size = '', root = '', ...rest] = text.split('\n')
  must(rest.pop() === '' && rest.every((line) => line !== ''), 'a line of it is empty')
  must(first !== '' && first === origin, `this is of the log ${first}`)
  const hash = fromBase64(root)
  must(hash.length === 32, 'the root is no SHA-256 hash')
  return { origin, size: decimal(size), root: hash, by }
}

// tlog-proof

/** Checks that an entry is at its place in a log, by nothing but the proof and whom one trusts. */
export function checkProof(
  proof: Uint8Array,
  entry: Uint8Array,
  trust: Trust,
): Checkpoint & { readonly index: number } {
  const text = textOf(proof)
  const end = text.indexOf('\n\n')
  must(end >= 0, 'no empty line stands before the checkpoint')
  const lines = text.slice(0, end).split('\n')
  must(lines.shift() === 'c2sp.org/tlog-proof@v1', 'that is no tlog-proof')
  if (lines[0]?.startsWith('extra ')) fromBase64((lines.shift() ?? '').slice(6))
  const indexLine = lines.shift() ?? ''
  must(indexLine.startsWith('index '), 'no line tells the index')
  const index = decimal(indexLine.slice(6))
  const path = lines.map(fromBase64)
  must(
    path.every((hash) => hash.length === 32),
    'a line of the path is no SHA-256 hash',
  )
  const checkpoint = openCheckpoint(Buffer.from(text.slice(end + 2)), trust)
  const root = rootByPath(leafHash(entry), { index, size: checkpoint.size }, path)
  must(root.equals(checkpoint.root), 'the proof leads to another root')
  return { ...checkpoint, index }
}

// tlog-tiles

const width_max = 256

/** `tile/<L>/<N>[.p/<W>]`, where `<L>` is a level or `entries`. */
export function tilePath(level: number | 'entries', index: number, width: number): string {
  const groups = [String(index % 1000).padStart(3, '0')]
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`)
  }
  const partial = width === width_max ? '' : `.p/${width}`
  return `tile/${level}/${groups.join('/')}${partial}`
}

interface Tile {
  readonly path: string
  readonly width: number
}

/** What tiles there are at a level in a log of a size: full ones, and perhaps a partial one. */
function tilesOf(level: number | 'entries', size: number): readonly Tile[] {
  const hashes = Math.floor(size / width_max ** (level === 'entries' ? 0 : level))
  return Array.from({ length: Math.ceil(hashes / width_max) }, (_, index) => {
    const width = Math.min(width_max, hashes - index * width_max)
    return { path: tilePath(level, index, width), width }
  })
}

/** Each entry of a bundle, by the length of two bytes before it. */
export function entriesOf(bundle: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(bundle)
  const entries: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    must(at + 2 <= bytes.length, 'the bundle ends within a length')
    const end = at + 2 + bytes.readUInt16BE(at)
    must(end <= bytes.length, 'the bundle ends within an entry')
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  return entries
}

function hashesOf(tile: Uint8Array): readonly Buffer[] {
  must(tile.length % 32 === 0, 'the tile ends within a hash')
  const bytes = Buffer.from(tile)
  return Array.from({ length: bytes.length / 32 }, (_, at) => bytes.subarray(at * 32, at * 32 + 32))
}

/** Gives the bytes of a resource by its path under the log's prefix; throws where there are none. */
export type Get = (path: string) => Promise<Uint8Array>

export interface Walked {
  readonly checkpoint: Checkpoint
  /** The first entry that was there: the log's minimum index, or 0. */
  readonly first: number
  readonly entries: readonly Buffer[]
  /** Hashes of what was pruned, by level and index, as tiles that are kept give them. */
  readonly given: ReadonlyMap<string, Buffer>
  /** The resources that were read, in their order. */
  readonly paths: readonly string[]
}

/**
 * Reads a whole log and computes every hash of it anew: each level-0 hash from its entry, each hash
 * above from the full tile below it, and the root from the entries. Of a pruned log it is told the minimum
 * index, a multiple of 256: resources that end there or before are not read, and hashes of what was pruned
 * are taken from the tiles above, which count only as far as they lead to the root.
 * @throws Unsound with the path of the first resource that is not what it must be.
 */
export async function walkLog(get: Get, trust: Trust, first = 0): Promise<Walked> {
  must(first % width_max === 0, 'the minimum index is not the beginning of a bundle')
  const paths: string[] = []
  const read = async <Part>(
    { path, width }: Tile,
    parse: (bytes: Uint8Array) => readonly Part[],
  ): Promise<readonly Part[]> => {
    paths.push(path)
    const bytes = await get(path)
    return at(path, () => {
      const parts = parse(bytes)
      must(parts.length === width, `it has ${parts.length} parts instead of ${width}`)
      return parts
    })
  }
  paths.push('checkpoint')
  const bytes = await get('checkpoint')
  const checkpoint = at('checkpoint', () => openCheckpoint(bytes, trust))
  const { size } = checkpoint
  must(first <= size, 'the minimum index is beyond the end')
  const entries: Buffer[] = []
  for (const tile of tilesOf('entries', size).slice(first / width_max)) {
    entries.push(...(await read(tile, entriesOf)))
  }
  const given = new Map<string, Buffer>()
  let [skipped, computed]: [number, readonly Buffer[]] = [first, entries.map(leafHash)]
  for (let level = 0; tilesOf(level, size).length > 0; level++) {
    const from = Math.floor(skipped / width_max)
    const above: Buffer[] = []
    for (const [index, tile] of [...tilesOf(level, size).entries()].slice(from)) {
      const hashes = await read(tile, hashesOf)
      for (const [i, hash] of hashes.entries()) {
        const place = index * width_max + i
        if (place < skipped) given.set(`${level} ${place}`, hash)
        else {
          const isSame = computed[place - skipped]?.equals(hash) ?? false
          must(isSame, `${tile.path}: hash ${i} is not of what stands below it`)
        }
      }
      if (tile.width === width_max) above.push(rootOf(hashes))
    }
    ;[skipped, computed] = [from, above]
  }
  const walked = { checkpoint, first, entries, given, paths }
  must(rootAt(walked, size).equals(checkpoint.root), 'checkpoint: its root is not of these entries')
  return walked
}

/** MTH of the first so many entries, which are no fewer than were pruned. */
function rootAt({ first, entries, given }: Omit<Walked, 'checkpoint'>, size: number): Buffer {
  const leaves = entries.map(leafHash)
  const mth = (start: number, end: number): Buffer => {
    if (start >= first) return rootOf(leaves.slice(start - first, end - first))
    if (end <= first) return rootOf(givenIn(given, start, end))
    const split = start + splitOf(end - start)
    return nodeHash(mth(start, split), mth(split, end))
  }
  return mth(0, size)
}

/** A full subtree of what was pruned, as the highest level gives it whose hashes fit into it. */
function givenIn(given: ReadonlyMap<string, Buffer>, start: number, end: number): Buffer[] {
  let [level, width] = [0, 1]
  for (; width * width_max <= end - start; level++) width *= width_max
  return Array.from({ length: (end - start) / width }, (_, i) => {
    const hash = given.get(`${level} ${start / width + i}`)
    must(hash !== undefined, `nothing tells the entries from ${start} to ${end}`)
    return hash
  })
}

/** What is wrong is said with where. */
function at<T>(path: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof Unsound) throw new Unsound(`${path}: ${error.message}`)
    throw error
  }
}

/** Whether a log that was walked has grown out of what an older checkpoint of it stated; of no less than was pruned. */
export function extendsIt(walked: Walked, older: Checkpoint): boolean {
  const { first, entries } = walked
  if (older.size < first || older.size > first + entries.length) return false
  return rootAt(walked, older.size).equals(older.root)
}
