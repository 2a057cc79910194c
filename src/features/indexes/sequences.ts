import { Arena } from './arena.ts'
import { FlatColumn } from './columns.ts'
import type { Load, PartWriter } from './parts.ts'
import { type Terms, termsPerTextMax } from './tokens.ts'

/**
 * In what order the words of each document stand: one byte a word, the low bits of its hash. That
 * is enough to see whether words of a query, which a document is known to hold, stand together in
 * it; they are taken to by chance once in 256 times.
 */
export interface Sequences {
  /** Bytes held. */
  readonly bytes: number
  /** Keeps the words of a document that has none yet. */
  add(document: number, terms: Terms): void
  remove(document: number): void
  /** Whether a question stands in the document. */
  asks(document: number): boolean
  /** Whether the words stand in the document as the phrase has them. */
  holds(document: number, phrase: Phrase): boolean
  dump(parts: PartWriter, documents: number): unknown
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

/** Makes the sequences of a space; `load` takes those of a dump, which are of so many documents. */
export function createSequences(load?: Load, documents = 0): Sequences {
  const arena = new Arena(load, documents)
  // Apart from the words, since a search asks it of thousands of documents.
  const asking = FlatColumn.load(Uint8Array, load?.parts, documents)
  return {
    get bytes() {
      return arena.bytes + asking.bytes
    },
    add(document, terms) {
      asking.reserve(document + 1)
      asking.array[document] = terms.asks ? 1 : 0
      let length = 0
      for (let i = 0; i < terms.count; i++) {
        if (terms.apart[i] === 0) scratch[length++] = sequenceByte(terms.low[i] as number)
      }
      arena.put(document, scratch, length)
    },
    remove: (document) => arena.remove(document),
    asks: (document) => asking.array[document] === 1,
    holds(document, phrase) {
      const address = arena.find(document)
      const start = arena.startOf(address)
      const end = start + arena.lengthOf(address)
      return stands(arena.pageOf(address), { start, end }, phrase)
    },
    dump(parts, count) {
      const header = arena.dump(parts, count)
      asking.dump(parts, count)
      return header
    },
  }
}

// The words of one document, on their way in.
const scratch = new Uint8Array(termsPerTextMax)

function stands(
  page: Uint8Array,
  { start, end }: { start: number; end: number },
  { bytes, offsets }: Phrase,
): boolean {
  const last = end - 1 - (offsets.at(-1) as number)
  for (let at = start; at <= last; at++) {
    let word = 0
    while (word < bytes.length && page[at + (offsets[word] as number)] === bytes[word]) word++
    if (word === bytes.length) return true
  }
  return false
}
