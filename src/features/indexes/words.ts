/**
 * Texts that repeat (types, sessions, agents, lists of tags, metadata), each kept once, as bytes,
 * and named by a code; 0 is null. A text leaves with its last use, and its code is used again.
 */
import { assert } from '../../core/assert.ts'
import { Arena, arenaEntry_bytes_max } from './arena.ts'
import { PagedColumn } from './columns.ts'
import { HashTable } from './hash-table.ts'
import { type Load, numberIn, type PartWriter, partOf } from './parts.ts'
import type { TermSeed } from './tokens.ts'

export interface Words {
  readonly bytes: number
  /** Upper bound of the codes given. */
  readonly codes: number
  /** The code of a text, which has one use more from now on. */
  use(text: string | null): number
  /** One use of the text is over. */
  leave(code: number): void
  text(code: number): string | null
  /** What a text means as JSON. Shared until `forget`, so nobody may change it. */
  value(code: number): unknown
  /** Drops the texts and values that were read since; a question reads the same ones often. */
  forget(): void
  dump(parts: PartWriter): unknown
}

const remembered_max = 4096
// Where a text stands while it is looked for. Shared, and erased after each use.
const scratch = Buffer.from(new ArrayBuffer(arenaEntry_bytes_max))

/** Makes the words of a space. The seed keeps callers from preparing texts that collide. */
export function createWords(seed: TermSeed, load?: Load): Words {
  return new ArenaWords(seed, load)
}

class ArenaWords implements Words {
  codes = 1
  readonly #arena: Arena
  /** How often each text is used; of a free code, the next free one. */
  readonly #uses: PagedColumn<Uint32Array>
  #firstFree = 0
  readonly #seed: TermSeed
  #wanted_bytes = 0
  readonly #texts = new Map<number, string>()
  readonly #values = new Map<number, unknown>()
  readonly #table = new HashTable({
    hashOf: (code) => this.#hashOf(code),
    isWanted: (code) => this.#isWanted(code),
  })

  constructor(seed: TermSeed, load: Load | undefined) {
    this.#seed = seed
    if (load) this.codes = numberIn(load.header, 'codes')
    if (load) this.#firstFree = numberIn(load.header, 'firstFree')
    this.#arena = new Arena(partOf(load, 'arena'), this.codes)
    this.#uses = PagedColumn.load(Uint32Array, load?.parts, this.codes)
    if (load) this.#table.load(partOf(load, 'table'))
  }

  get bytes(): number {
    return this.#arena.bytes + this.#uses.bytes + this.#table.bytes
  }

  use(text: string | null): number {
    if (text === null) return 0
    this.#wanted_bytes = scratch.write(text)
    try {
      assert(this.#wanted_bytes === Buffer.byteLength(text), 'a word fits into a page')
      const known = this.#table.find(this.#hash(scratch, 0, this.#wanted_bytes))
      const code = known < 0 ? this.#add() : known
      this.#uses.set(code, this.#uses.at(code) + 1)
      return code
    } finally {
      scratch.fill(0, 0, this.#wanted_bytes)
    }
  }

  leave(code: number): void {
    if (code === 0) return
    const uses = this.#uses.at(code) - 1
    this.#uses.set(code, uses)
    if (uses > 0) return
    this.#table.remove(code)
    this.#arena.remove(code)
    this.#uses.set(code, this.#firstFree)
    this.#firstFree = code
    this.#texts.delete(code)
    this.#values.delete(code)
  }

  text(code: number): string | null {
    if (code === 0) return null
    const known = this.#texts.get(code)
    if (known !== undefined) return known
    const text = this.#read(code)
    if (this.#texts.size < remembered_max) this.#texts.set(code, text)
    return text
  }

  value(code: number): unknown {
    const known = this.#values.get(code)
    if (known !== undefined || code === 0) return known
    const value: unknown = JSON.parse(this.#read(code))
    if (this.#values.size < remembered_max) this.#values.set(code, value)
    return value
  }

  forget(): void {
    if (this.#texts.size > 0) this.#texts.clear()
    if (this.#values.size > 0) this.#values.clear()
  }

  dump(parts: PartWriter): unknown {
    const { codes } = this
    const arena = this.#arena.dump(parts, codes)
    this.#uses.dump(parts, codes)
    return { codes, firstFree: this.#firstFree, arena, table: this.#table.dump(parts) }
  }

  /** Gives the wanted text a code. */
  #add(): number {
    const code = this.#firstFree || this.codes++
    this.#uses.reserve(code + 1)
    if (code === this.#firstFree) this.#firstFree = this.#uses.at(code)
    this.#uses.set(code, 0)
    this.#arena.put(code, scratch, this.#wanted_bytes)
    this.#table.add(code)
    return code
  }

  #read(code: number): string {
    const address = this.#arena.find(code)
    const start = this.#arena.startOf(address)
    return this.#arena
      .pageOf(address)
      .toString('utf8', start, start + this.#arena.lengthOf(address))
  }

  #isWanted(code: number): boolean {
    const address = this.#arena.find(code)
    if (this.#arena.lengthOf(address) !== this.#wanted_bytes) return false
    const page = this.#arena.pageOf(address)
    const start = this.#arena.startOf(address)
    for (let i = 0; i < this.#wanted_bytes; i++) {
      if (page[start + i] !== scratch[i]) return false
    }
    return true
  }

  #hashOf(code: number): number {
    const address = this.#arena.find(code)
    const start = this.#arena.startOf(address)
    return this.#hash(this.#arena.pageOf(address), start, this.#arena.lengthOf(address))
  }

  /** The mixing steps of MurmurHash3, as for terms. */
  #hash(bytes: Uint8Array, start: number, length: number): number {
    let hash = this.#seed.low
    for (let at = start; at < start + length; at++) {
      hash = Math.imul(hash ^ (bytes[at] as number), 0x85ebca6b)
      hash ^= hash >>> 13
    }
    hash = Math.imul(hash ^ this.#seed.high, 0xc2b2ae35)
    return (hash ^ (hash >>> 16)) >>> 0
  }
}
