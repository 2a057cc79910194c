/**
 * The tree of a log as its tiles and its last events tell it. Tiles of leaves and of entries are kept
 * when they are full; what follows the last full one is made of the events themselves. So a new leaf
 * costs no tile written anew. Who removes an event there keeps the entries first (`keepTail`).
 */
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import type { Transaction } from '../../storage/database.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { Frontier, hash_bytes, leafHash, type Subtree, wholeSubtrees } from '../../tlog/merkle.ts'
import {
  entriesIn,
  hashesFrom,
  type ReadTile,
  type Tile,
  tile_hashes,
  tile_height,
  toBundle,
} from '../../tlog/tiles.ts'
import { entryLevel, entryOf, tailLevel } from './audit-log.ts'
import { dropTails, eventsFrom, findTile, storeTile } from './store.ts'

/**
 * The bytes of a tile of a log that has at least so many entries; null when it is not there any more.
 * Throws `integrity_failed` when what is there is not what the log has.
 */
export async function readTile(store: TenantStore, tile: Tile): Promise<Uint8Array | null> {
  const { level, index, width } = tile
  const place = { level: level === 'entries' ? entryLevel : level, tile: index }
  const kept = await findTile(store, place)
  if (kept)
    return level === 'entries' ? bundleOf(kept, width) : kept.subarray(0, width * hash_bytes)
  // A full one was written: that its entries could be made anew does not bring it back.
  if ((level !== 'entries' && level > 0) || width === tile_hashes) return null
  const entries = await tailOf(store, tile)
  if (entries === null) return null
  return level === 'entries' ? toBundle(entries) : Buffer.concat(entries.map(leafHash))
}

/** A narrower bundle is the beginning of the full one. */
function bundleOf(full: Uint8Array, width: number): Uint8Array {
  const view = new DataView(full.buffer, full.byteOffset, full.byteLength)
  let end = 0
  for (let at = 0; at < width && end < full.length; at += 1) end += 2 + view.getUint16(end)
  return full.subarray(0, end)
}

/**
 * The entries of a tile that is not full yet: those that were kept when events of it went, and after
 * them those of the events. Null when they are not all there.
 */
async function tailOf(store: TenantStore, { index, width }: Tile): Promise<Uint8Array[] | null> {
  const kept = (await keptTail(store, index)).slice(0, width)
  const from = index * tile_hashes + kept.length
  const until = index * tile_hashes + width
  const rows = from < until ? await eventsFrom(store, { from, until }) : []
  const inPlace = rows.length === until - from && rows.every(({ leaf }, at) => leaf === from + at)
  return inPlace ? [...kept, ...rows.map(entryOf)] : null
}

/** The first entries of a tile that is not full yet, where events of it have gone; else none. */
export async function keptTail(store: TenantStore, index: number): Promise<Uint8Array[]> {
  const stored = await findTile(store, { level: tailLevel, tile: index })
  return (stored && entriesIn(stored)) ?? []
}

/** Keeps the entries after the last full tile, so that the rows of their events may go. */
export async function keepTail(
  { tx, store }: { tx: Transaction; store: TenantStore },
  size: number,
): Promise<void> {
  const tile = tileOf(size, size % tile_hashes)
  const entries = await tailOf(store, tile)
  if (entries === null) throw new LocketError('integrity_failed')
  await dropTails(tx, store.tenant)
  const data = toBundle(entries)
  await storeTile(tx, store.tenant, { level: tailLevel, tile: tile.index, data })
}

/** Reads the tiles that proofs and roots are made of. Throws `integrity_failed` where one is missing. */
export function treeTiles(store: TenantStore): ReadTile {
  return async (tile) => {
    const bytes = await readTile(store, tile)
    if (bytes?.length === tile.width * hash_bytes) return bytes
    const cause = new Fault('a tile of an audit log is not there, or not whole')
    throw new LocketError('integrity_failed', undefined, { cause })
  }
}

/** A log that grows: what is needed to add to it. */
export interface Tree {
  readonly frontier: Frontier
  /** The entries after the last full tile, and their hashes. */
  readonly tail: readonly Leaf[]
}

interface Leaf {
  readonly entry: Uint8Array
  readonly hash: Uint8Array
}

export function emptyTree(): Tree {
  return { frontier: new Frontier(), tail: [] }
}

/** The tree of that size, from what is kept. */
export async function loadTree(store: TenantStore, size: number): Promise<Tree> {
  const hashOf = hashesFrom(size, treeTiles(store))
  const edge = await Promise.all(wholeSubtrees(0, size).map(hashOf))
  const width = size % tile_hashes
  const tail = width > 0 ? await tailOf(store, tileOf(size, width)) : []
  if (tail === null) throw new LocketError('integrity_failed')
  return { frontier: new Frontier(size, edge), tail: tail.map(leafOf) }
}

function leafOf(entry: Uint8Array): Leaf {
  return { entry, hash: leafHash(entry) }
}

function tileOf(size: number, width: number): Tile {
  return { level: 'entries', index: Math.floor(size / tile_hashes), width }
}

/** A tree after entries were added, and what is to be written. */
export interface Growth {
  readonly tree: Tree
  readonly tiles: readonly GrownTile[]
}

export interface GrownTile {
  readonly level: number
  readonly tile: number
  /** How many hashes of the tile stand before these: above the leaves a tile grows by some at a time. */
  readonly after: number
  readonly data: Uint8Array
}

export function grow({ frontier, tail }: Tree, entries: readonly Uint8Array[]): Growth {
  const grown = new Frontier(frontier.size, frontier.edge())
  const open = [...tail]
  const full: GrownTile[] = []
  const above = new GrowingTiles()
  for (const leaf of entries.map(leafOf)) {
    open.push(leaf)
    grown.add(leaf.hash, (subtree, hash) => above.add(subtree, hash))
    if (open.length === tile_hashes) full.push(...fullTiles(grown.size, open.splice(0)))
  }
  return { tree: { frontier: grown, tail: open }, tiles: [...full, ...above.tiles()] }
}

function fullTiles(size: number, leaves: readonly Leaf[]): GrownTile[] {
  const at = { tile: size / tile_hashes - 1, after: 0 }
  return [
    { ...at, level: entryLevel, data: toBundle(leaves.map(({ entry }) => entry)) },
    { ...at, level: 0, data: Buffer.concat(leaves.map(({ hash }) => hash)) },
  ]
}

/** Hashes of full tiles, gathered in those above. */
class GrowingTiles {
  readonly #tiles = new Map<string, Omit<GrownTile, 'data'> & { hashes: Uint8Array[] }>()

  add({ height, index }: Subtree, hash: Uint8Array): void {
    if (height === 0 || height % tile_height !== 0) return
    const at = { level: height / tile_height, tile: Math.floor(index / tile_hashes) }
    const name = `${at.level} ${at.tile}`
    const tile = this.#tiles.get(name) ?? { ...at, after: index % tile_hashes, hashes: [] }
    this.#tiles.set(name, tile)
    tile.hashes.push(hash)
  }

  tiles(): GrownTile[] {
    return [...this.#tiles.values()].map(({ hashes, ...at }) => ({
      ...at,
      data: Buffer.concat(hashes),
    }))
  }
}
