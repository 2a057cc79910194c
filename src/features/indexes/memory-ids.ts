/** The ids of a space's documents: 16 bytes each, in which the order of bytes is that of the text. */
import { assert } from '../../core/assert.ts'
import { fromBase32, toBase32 } from '../../core/encoding.ts'
import { PagedColumn } from './columns.ts'
import { HashTable } from './hash-table.ts'
import { type Load, type PartWriter, partOf } from './parts.ts'

export interface MemoryIds {
  readonly bytes: number
  /** Throws when it is not an id of a memory. */
  add(document: number, id: string): void
  remove(document: number): void
  /** The document of an id, or -1. */
  find(id: string): number
  text(document: number): string
  /** Orders two documents by their ids, as their texts would be. */
  compare(a: number, b: number): number
  dump(parts: PartWriter, documents: number): unknown
}

const prefix = 'mem_'
const words_n = 4
// Where the bytes of an id stand while its text is made. Shared, since nothing pauses meanwhile.
const scratch = new DataView(new ArrayBuffer(16))
const scratchBytes = new Uint8Array(scratch.buffer)

/** Makes the ids of a space; `load` takes those of a dump, which are of so many documents. */
export function createMemoryIds(load?: Load, documents = 0): MemoryIds {
  return new Ids(load, documents)
}

class Ids implements MemoryIds {
  readonly #words: PagedColumn<Uint32Array>
  // What is being looked for, as four words, the first of which counts most.
  readonly #wanted = new Uint32Array(words_n)
  // The same as text: who adds an id has looked for it before.
  #wantedId: string | null = null
  readonly #table = new HashTable({
    hashOf: (document) =>
      hashOf(this.#words.at(document * words_n + 1), this.#words.at(document * words_n + 3)),
    isWanted: (document) => this.#isWanted(document),
  })

  constructor(load: Load | undefined, documents: number) {
    this.#words = PagedColumn.load(Uint32Array, load?.parts, documents * words_n)
    if (load) this.#table.load(partOf(load, 'table'))
  }

  get bytes(): number {
    return this.#words.bytes + this.#table.bytes
  }

  add(document: number, id: string): void {
    assert(this.#want(id), 'a memory has the id of one')
    this.#words.reserve((document + 1) * words_n)
    for (let word = 0; word < words_n; word++) {
      this.#words.set(document * words_n + word, this.#wanted[word] as number)
    }
    this.#table.add(document)
  }

  remove(document: number): void {
    this.#table.remove(document)
  }

  find(id: string): number {
    if (!this.#want(id)) return -1
    return this.#table.find(hashOf(this.#wanted[1] as number, this.#wanted[3] as number))
  }

  text(document: number): string {
    for (let word = 0; word < words_n; word++) {
      scratch.setUint32(word * 4, this.#words.at(document * words_n + word))
    }
    return prefix + toBase32(scratchBytes)
  }

  compare(a: number, b: number): number {
    for (let word = 0; word < words_n; word++) {
      const difference = this.#words.at(a * words_n + word) - this.#words.at(b * words_n + word)
      if (difference !== 0) return difference
    }
    return 0
  }

  dump(parts: PartWriter, documents: number): unknown {
    this.#words.dump(parts, documents * words_n)
    return { table: this.#table.dump(parts) }
  }

  /** Makes an id the wanted one; says whether it is one at all. */
  #want(id: string): boolean {
    if (id === this.#wantedId) return true
    const bytes = id.startsWith(prefix) ? fromBase32(id.slice(prefix.length)) : null
    if (!bytes) return false
    // Four bytes push out what a word held; a view of the bytes would cost more than they do.
    for (let at = 0; at < bytes.length; at++) {
      const word = at >>> 2
      this.#wanted[word] = ((this.#wanted[word] as number) << 8) | (bytes[at] as number)
    }
    this.#wantedId = id
    return true
  }

  #isWanted(document: number): boolean {
    for (let word = words_n - 1; word >= 0; word--) {
      if (this.#words.at(document * words_n + word) !== this.#wanted[word]) return false
    }
    return true
  }
}

/** Of the second and the last word: ids are made by the server and end in random bits. */
function hashOf(second: number, last: number): number {
  const mixed = Math.imul(last ^ Math.imul(second, 0x85ebca6b), 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
