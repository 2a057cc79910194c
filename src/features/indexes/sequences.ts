import { copyInto, largerCapacity } from './documents.ts'
import type { Terms } from './tokens.ts'

/**
 * In what order the words of each document stand: one byte a word, the low bits of its hash. That
 * is enough to see whether words of a query, which a document is known to hold, stand together in
 * it; they are taken to by chance once in 256 times. Laid out as the postings are, in fixed pages.
 */
export interface Sequences {
  /** Bytes held. */
  readonly bytes: number
  /** Keeps the words of the next document; documents come in ascending order, none left out. */
  add(terms: Terms): void
  /** Whether a question stands in the document. */
  asks(document: number): boolean
  /** Whether the words stand in the document as the phrase has them. */
  holds(document: number, phrase: Phrase): boolean
  /** New sequences with documents renumbered in the same order; those mapped below 0 are left out. */
  compact(renumbered: Int32Array): Sequences
}

/** Words at their distances from the first, both in the order of the words. */
export interface Phrase {
  readonly bytes: Uint8Array
  readonly offsets: Uint8Array
}

/** The byte that stands for a term. */
export function sequenceByte(low: number): number {
  return low & 0xff
}

// Room for the longest document. An address counts words of 4 bytes, so that it fits into 31 bits;
// the last bit of 32 says that the document asks.
const page_bytes = 1 << 14
// How many words follow.
const header_bytes = 2
const addressMask = 0x7fffffff
const firstCapacity = 64

/** Makes the sequences of a space, empty. */
export function createSequences(): Sequences {
  return new ArenaSequences()
}

class ArenaSequences implements Sequences {
  readonly #pages: Uint8Array[] = []
  #free = 0
  #count = 0
  #starts = new Uint32Array(firstCapacity)

  get bytes(): number {
    return this.#pages.length * page_bytes + this.#starts.byteLength
  }

  add(terms: Terms): void {
    let length = 0
    for (let i = 0; i < terms.count; i++) if (terms.apart[i] === 0) length++
    const { page, offset } = this.#allocate(header_bytes + length, terms.asks)
    writeLength(page, offset, length)
    let at = offset + header_bytes
    for (let i = 0; i < terms.count; i++) {
      if (terms.apart[i] === 0) page[at++] = sequenceByte(terms.low[i] as number)
    }
  }

  asks(document: number): boolean {
    return (this.#starts[document] as number) > addressMask
  }

  holds(document: number, { bytes, offsets }: Phrase): boolean {
    const start = (this.#starts[document] as number) & addressMask
    const page = this.#pageOf(start)
    const first = offsetOf(start) + header_bytes
    const length = readLength(page, offsetOf(start))
    const last = first + length - 1 - (offsets.at(-1) as number)
    for (let at = first; at <= last; at++) {
      let word = 0
      while (word < bytes.length && page[at + (offsets[word] as number)] === bytes[word]) word++
      if (word === bytes.length) return true
    }
    return false
  }

  compact(renumbered: Int32Array): Sequences {
    const result = new ArenaSequences()
    for (let document = 0; document < this.#count; document++) {
      if ((renumbered[document] as number) < 0) continue
      const start = (this.#starts[document] as number) & addressMask
      const page = this.#pageOf(start)
      const from = offsetOf(start)
      const size = header_bytes + readLength(page, from)
      const target = result.#allocate(size, this.asks(document))
      target.page.set(page.subarray(from, from + size), target.offset)
    }
    return result
  }

  /** Room for the next document, in one page. */
  #allocate(size: number, asks: boolean): { page: Uint8Array; offset: number } {
    const wanted = (size + 3) & ~3
    if (this.#pages.length * page_bytes - this.#free < wanted) {
      this.#free = this.#pages.length * page_bytes
      this.#pages.push(new Uint8Array(page_bytes))
    }
    if (this.#count === this.#starts.length) {
      const capacity = largerCapacity(this.#count)
      this.#starts = copyInto(new Uint32Array(capacity), this.#starts)
    }
    const start = this.#free / 4
    this.#starts[this.#count++] = asks ? start + addressMask + 1 : start
    this.#free += wanted
    return { page: this.#pageOf(start), offset: offsetOf(start) }
  }

  #pageOf(start: number): Uint8Array {
    return this.#pages[Math.floor(start / (page_bytes / 4))] as Uint8Array
  }
}

function offsetOf(start: number): number {
  return (start % (page_bytes / 4)) * 4
}

function writeLength(page: Uint8Array, offset: number, length: number): void {
  page[offset] = length & 0xff
  page[offset + 1] = length >>> 8
}

function readLength(page: Uint8Array, offset: number): number {
  return (page[offset] as number) | ((page[offset + 1] as number) << 8)
}
