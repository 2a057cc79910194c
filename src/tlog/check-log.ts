/**
 * Checks a whole log from nothing but its tiles and what is told of its events: every entry is hashed
 * into its tile, every tile into those above, and all of them into the root. It reads from left to right
 * with one bundle in memory at a time, so that a log of any size can be checked.
 */
import type { TreeHead } from './check-proof.ts'
import { type Fault, KeptFaults } from './faults.ts'
import { type Leaf, readLeaf } from './leaf.ts'
import {
  emptyRoot,
  Frontier,
  hash_bytes,
  isSame,
  leafHash,
  type Subtree,
  wholeSubtrees,
} from './merkle.ts'
import { type Opening, openingFault } from './opening.ts'
import {
  fromBundle,
  hashesFrom,
  levels_max,
  type Tile,
  tile_hashes,
  tile_height,
  tilePath,
  widthIn,
} from './tiles.ts'

/** Where a log is read from. Nothing that it gives is believed. */
export interface LogSource {
  /** Null when there is no such tile. */
  tile(tile: Tile): Promise<Uint8Array | null>
  /** What is told of events, in the order of their leaves. */
  openings(): AsyncIterable<Opening>
}

export interface LogToCheck extends TreeHead {
  readonly source: LogSource
  /** The first entry that is kept; what is before it stands in the tiles above alone. A multiple of 256. */
  readonly first: number
  /** Other heads of the same log, that it must begin with. */
  readonly since: readonly TreeHead[]
  /**
   * Before which moment events of a class need not be told any more, in milliseconds since the epoch; null: any
   * may be left out.
   */
  readonly purged: Readonly<Record<string, number>> | null
  /** Told with every bundle how many entries were looked at. */
  readonly progress: (entries: number) => void
}

export interface CheckedLog {
  readonly entries: number
  /** Events that are told and say what was committed to. */
  readonly whole: number
  /** Events of which some content is gone with its key. */
  readonly erased: number
  /** Entries whose events are not told any more. */
  readonly gone: number
  /** Of these, those that no purge speaks of. */
  readonly unaccounted: number
  readonly firstUnaccounted: Pick<Fault, 'leaf' | 'event'> | null
  /** The first of them, in the order of their leaves. */
  readonly faults: readonly Fault[]
  /** All of them, those that are not listed included. */
  readonly faultCount: number
}

export async function checkLog(log: LogToCheck): Promise<CheckedLog> {
  return new LogCheck(log).run()
}

class LogCheck {
  readonly #log: LogToCheck
  readonly #faults = new KeptFaults()
  readonly #above = new Map<number, GrowingTile>()
  /** By level: the first leaf that is wrong by itself below the hash of that level that comes next. */
  readonly #wrong = new Map<number, number>()
  #whole = 0
  #erased = 0
  #gone = 0
  #unaccounted = 0
  #firstUnaccounted: CheckedLog['firstUnaccounted'] = null

  constructor(log: LogToCheck) {
    this.#log = log
  }

  async run(): Promise<CheckedLog> {
    const { size, root, first, source, progress } = this.#log
    const frontier = await this.#begin()
    const openings = new Openings(source.openings()[Symbol.asyncIterator]())
    this.#checkHeads(frontier, (size) => size <= first)
    for (let index = first / tile_hashes; index * tile_hashes < size; index += 1) {
      const width = widthIn(size, { level: 0, index })
      const { entries, hashes } = await this.#readBundle({ index, width })
      await this.#checkOpenings(openings, { index, entries, width })
      for (const hash of hashes) {
        await this.#add(frontier, hash)
        this.#checkHeads(frontier, (size) => size === frontier.size)
      }
      progress(Math.min(size, (index + 1) * tile_hashes) - first)
    }
    await this.#endTiles()
    await this.#checkRest(openings)
    if (!isSame(frontier.root(), root)) {
      this.#fault(null, null, 'the tiles do not give the root that the checkpoint signs')
    }
    this.#checkHeads(frontier, (ahead) => ahead > size)
    return {
      entries: size - first,
      whole: this.#whole,
      erased: this.#erased,
      gone: this.#gone,
      unaccounted: this.#unaccounted,
      firstUnaccounted: this.#firstUnaccounted,
      faults: this.#faults.kept,
      faultCount: this.#faults.count,
    }
  }

  /** The tree as it was before the first entry that is kept, from the tiles above it. */
  async #begin(): Promise<Frontier> {
    const { size, first, source } = this.#log
    if (first === 0) return new Frontier()
    const hashOf = hashesFrom(size, async (tile) => {
      const bytes = await source.tile(tile)
      if (bytes?.length === tile.width * hash_bytes) return bytes
      this.#fault(null, null, `${tilePath(tile)} is not there, or not whole`)
      return Buffer.alloc(tile.width * hash_bytes)
    })
    return new Frontier(first, await Promise.all(wholeSubtrees(0, first).map(hashOf)))
  }

  /** The entries of a bundle, and their hashes as the tile of level 0 has them. */
  async #readBundle({ index, width }: Place): Promise<Bundle> {
    const { source } = this.#log
    const first = index * tile_hashes
    const bundle = { level: 'entries', index, width } as const
    const tile = { level: 0, index, width } as const
    const [bytes, stored] = await Promise.all([source.tile(bundle), source.tile(tile)])
    const entries = bytes && fromBundle(bytes, width)
    // A server that misses one event after the last full tile gives none of them: which it is, is not said by that.
    const at = width === tile_hashes ? first : null
    if (!entries) this.#fault(at, null, `${tilePath(bundle)} ${notWhole(bytes)}`)
    const isWhole = stored?.length === width * hash_bytes
    if (!isWhole) this.#fault(at, null, `${tilePath(tile)} ${notWhole(stored)}`)
    const hashes = (entries ?? []).map(leafHash)
    if (!isWhole) return { entries, hashes }
    const told = Array.from({ length: width }, (_, at) => hashIn(stored, at))
    for (const [at, hash] of hashes.entries()) {
      const kept = told[at]
      if (kept && isSame(hash, kept)) continue
      const event = readLeaf(entries?.[at] ?? new Uint8Array(0))?.id ?? null
      const what = `the entry is not the one whose hash is in ${tilePath(tile)}`
      this.#wrongLeaf(first + at, event, what)
    }
    return { entries, hashes: told }
  }

  async #checkOpenings(openings: Openings, { index, entries, width }: EntriesAt): Promise<void> {
    for (let at = 0; at < width; at += 1) {
      const leaf = index * tile_hashes + at
      const entry = entries?.[at] ?? null
      const known = entry && readLeaf(entry)
      if (entry && !known) this.#wrongLeaf(leaf, null, 'the entry is not that of an event')
      const told = await this.#openingAt(openings, leaf)
      if (!told) this.#countGone(leaf, known)
      else if (entry) this.#checkOpening(told, entry)
    }
  }

  #countGone(leaf: number, entry: Leaf | null): void {
    const { purged } = this.#log
    this.#gone += 1
    if (!purged || (entry && entry.time < (purged[entry.class] ?? 0))) return
    this.#unaccounted += 1
    this.#firstUnaccounted ??= { leaf, event: entry?.id ?? null }
  }

  /** The one of this leaf. Those that stand before it again, or out of order, are told. */
  async #openingAt(openings: Openings, leaf: number): Promise<Opening | null> {
    for (;;) {
      const next = await openings.peek()
      if (!next || next.leaf > leaf) return null
      openings.take()
      if (next.leaf === leaf) return next
      this.#fault(next.leaf, next.event.id, outOfOrder)
    }
  }

  #checkOpening(opening: Opening, entry: Uint8Array): void {
    const fault = openingFault(opening, entry)
    if (fault !== null) this.#wrongLeaf(opening.leaf, opening.event.id, fault)
    else if (opening.state === 'erased') this.#erased += 1
    else this.#whole += 1
  }

  /** Events that are told beyond the last entry are not in the log, and those among them that have one are late. */
  async #checkRest(openings: Openings): Promise<void> {
    const { size } = this.#log
    for (let next = await openings.peek(); next; next = await openings.peek()) {
      openings.take()
      const what = next.leaf < size ? outOfOrder : 'the event has no entry in the log'
      this.#fault(next.leaf, next.event.id, what)
    }
  }

  async #add(frontier: Frontier, hash: Uint8Array): Promise<void> {
    const full: GrowingTile[] = []
    frontier.add(hash, (subtree, whole) => this.#grow(subtree, whole, full))
    for (const tile of full) await this.#checkTile(tile)
  }

  #grow({ height, index }: Subtree, hash: Uint8Array, full: GrowingTile[]): void {
    if (height === 0 || height % tile_height !== 0) return
    const level = height / tile_height
    const tile = this.#above.get(level) ?? newTile(level, index)
    this.#above.set(level, tile)
    tile.hashes.push(hash)
    tile.wrong.push(this.#wrong.get(level) ?? null)
    this.#wrong.delete(level)
    if (tile.from + tile.hashes.length < tile_hashes) return
    this.#above.delete(level)
    full.push(tile)
  }

  async #endTiles(): Promise<void> {
    for (const tile of this.#above.values()) await this.#checkTile(tile)
  }

  /** Of entries that one hash stands for, the first is named that is known to be wrong, if there is one. */
  async #checkTile({ level, index, from, hashes, wrong }: GrowingTile): Promise<void> {
    const tile = { level, index, width: from + hashes.length }
    const bytes = await this.#log.source.tile(tile)
    const under = tile_hashes ** level
    const leafOf = (at: number): number => (index * tile_hashes + from + at) * under
    if (bytes?.length !== tile.width * hash_bytes) {
      this.#fault(leafOf(0), null, `${tilePath(tile)} ${notWhole(bytes)}`)
      return
    }
    for (const [at, hash] of hashes.entries()) {
      if (isSame(hash, hashIn(bytes, from + at))) continue
      const last = leafOf(at + 1) - 1
      const what = `${tilePath(tile)} has another hash for the entries up to ${last}`
      this.#fault(wrong[at] ?? leafOf(at), null, what)
    }
  }

  /** Those of the other heads that are of such a size. */
  #checkHeads(frontier: Frontier, are: (size: number) => boolean): void {
    for (const head of this.#log.since) if (are(head.size)) this.#checkSince(frontier, head)
  }

  #checkSince(frontier: Frontier, since: TreeHead): void {
    const { size } = this.#log
    if (since.size > size) {
      this.#fault(null, null, rolledBack(since.size, size))
      return
    }
    if (since.size === 0 && isSame(since.root, emptyRoot)) return
    if (since.size !== frontier.size) {
      const what = `the earlier checkpoint is of ${since.size} entries, which are not kept any more`
      this.#fault(null, null, what)
    } else if (!isSame(frontier.root(), since.root)) {
      const what = `fork: its first ${since.size} entries are not those of the earlier checkpoint`
      this.#fault(null, null, what)
    }
  }

  /** One of the bundle that is looked at, which all hashes above it are made of. */
  #wrongLeaf(leaf: number, event: string | null, fault: string): void {
    for (let level = 1; level <= levels_max; level += 1) {
      const known = this.#wrong.get(level) ?? leaf
      this.#wrong.set(level, Math.min(known, leaf))
    }
    this.#fault(leaf, event, fault)
  }

  #fault(leaf: number | null, event: string | null, fault: string): void {
    this.#faults.add({ leaf, event, fault })
  }
}

const outOfOrder = 'the event is told twice, or out of order'

interface Place {
  readonly index: number
  readonly width: number
}

interface Bundle {
  /** Null when it cannot be read. */
  readonly entries: readonly Uint8Array[] | null
  readonly hashes: readonly Uint8Array[]
}

interface EntriesAt extends Place {
  readonly entries: readonly Uint8Array[] | null
}

interface GrowingTile {
  readonly level: number
  readonly index: number
  /** How many of its hashes come before those that were made here. */
  readonly from: number
  readonly hashes: Uint8Array[]
  /** For each of these, the first leaf below it that is wrong by itself. */
  readonly wrong: (number | null)[]
}

function newTile(level: number, index: number): GrowingTile {
  return {
    level,
    index: Math.floor(index / tile_hashes),
    from: index % tile_hashes,
    hashes: [],
    wrong: [],
  }
}

function hashIn(tile: Uint8Array, at: number): Uint8Array {
  return tile.subarray(at * hash_bytes, (at + 1) * hash_bytes)
}

function notWhole(bytes: Uint8Array | null): string {
  return bytes ? 'is not whole' : 'is not there'
}

function rolledBack(before: number, now: number): string {
  return `rollback: the earlier checkpoint is of ${before} entries, and now there are ${now}`
}

/** Looks one ahead. */
class Openings {
  readonly #from: AsyncIterator<Opening>
  #next: Opening | null = null
  #ended = false

  constructor(from: AsyncIterator<Opening>) {
    this.#from = from
  }

  async peek(): Promise<Opening | null> {
    if (this.#next || this.#ended) return this.#next
    const { done, value } = await this.#from.next()
    this.#ended = done === true
    this.#next = done ? null : (value as Opening)
    return this.#next
  }

  take(): void {
    this.#next = null
  }
}
