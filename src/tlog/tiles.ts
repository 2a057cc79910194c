/** Tiles of a log (C2SP tlog-tiles): 256 hashes of one level, or 256 entries, and where they are found. */
import { assert } from '../core/assert.ts'
import { type HashOf, hash_bytes, nodeHash, type Subtree } from './merkle.ts'

export const tile_hashes = 256
/** The height of the subtree that a full tile is. */
export const tile_height = 8
/** More levels than a log of 2^53 entries has. */
export const levels_max = 7

/** What is kept at one path: hashes of a level, or the entries themselves. */
export interface Tile {
  readonly level: number | 'entries'
  readonly index: number
  /** How many hashes or entries: 1 to 256, the full one. */
  readonly width: number
}

/** `tile/0/x001/234.p/17`, as it stands below a log's prefix. */
export function tilePath({ level, index, width }: Tile): string {
  const partial = width === tile_hashes ? '' : `.p/${width}`
  return `tile/${level}/${indexPath(index)}${partial}`
}

const pathShape =
  /^tile\/(entries|[1-5]?\d|6[0-3])\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d?|1\d\d|2[0-4]\d|25[0-5]))?$/

/** Null for what `tilePath` would not give. */
export function tileAt(path: string): Tile | null {
  const [, level, digits, width] = pathShape.exec(path) ?? []
  if (level === undefined || digits === undefined) return null
  const index = Number(digits.replaceAll(/[x/]/g, ''))
  if (!Number.isSafeInteger(index)) return null
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index,
    width: width === undefined ? tile_hashes : Number(width),
  }
  return tilePath(tile) === path ? tile : null
}

function indexPath(index: number): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
}

/** How wide a tile is in a log of that size; 0: it is not there. */
export function widthIn(size: number, { level, index }: Pick<Tile, 'level' | 'index'>): number {
  const height = level === 'entries' ? 0 : level * tile_height
  const hashes = Math.floor(size / 2 ** height) - index * tile_hashes
  return Math.max(0, Math.min(tile_hashes, hashes))
}

/** Every tile of hashes and entries that a log of that size has, from left to right, level by level. */
export function* tilesOf(size: number): Generator<Tile> {
  for (const level of ['entries', ...Array(levels_max).keys()] as const) {
    for (let index = 0; ; index += 1) {
      const width = widthIn(size, { level, index })
      if (width > 0) yield { level, index, width }
      if (width < tile_hashes) break
    }
  }
}

/** Reads the hashes of a tile: `32 * width` bytes. */
export type ReadTile = (tile: Tile & { readonly level: number }) => Promise<Uint8Array>

/** Hashes of whole subtrees of a log of that size, from its tiles, each of which is read once. */
export function hashesFrom(size: number, read: ReadTile): HashOf {
  const known = new Map<string, Promise<Uint8Array>>()
  return async ({ height, index }: Subtree) => {
    const level = Math.floor(height / tile_height)
    const within = 2 ** (height - level * tile_height)
    const first = index * within
    const at = { level, index: Math.floor(first / tile_hashes) }
    const tile = { ...at, width: widthIn(size, at) }
    const path = tilePath(tile)
    const reading = known.get(path) ?? read(tile)
    known.set(path, reading)
    const bytes = await reading
    assert(bytes.length === tile.width * hash_bytes, 'a tile has the width that was asked for')
    return wholeHash(bytes, first % tile_hashes, within)
  }
}

/** The hash over 2^n neighbouring hashes of a tile. */
function wholeHash(tile: Uint8Array, first: number, count: number): Uint8Array {
  if (count === 1) return tile.subarray(first * hash_bytes, (first + 1) * hash_bytes)
  const half = count / 2
  return nodeHash(wholeHash(tile, first, half), wholeHash(tile, first + half, half))
}

/** An entry bundle: each entry behind its length, 2 bytes, big-endian. */
export function toBundle(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      assert(entry.length <= 0xffff, 'an entry of a bundle has at most 65,535 bytes')
      const length = Buffer.alloc(2)
      length.writeUInt16BE(entry.length)
      return [length, entry]
    }),
  )
}

/** Null for what is no bundle of that many entries. */
export function fromBundle(bundle: Uint8Array, width: number): Uint8Array[] | null {
  const entries = entriesIn(bundle)
  return entries?.length === width ? entries : null
}

/** Null for what is no bundle. */
export function entriesIn(bundle: Uint8Array): Uint8Array[] | null {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength)
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    if (at + 2 > bundle.length || entries.length === tile_hashes) return null
    const end = at + 2 + view.getUint16(at)
    if (end > bundle.length) return null
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return entries
}
