/**
 * The inverted index: for each term, the documents that hold it and how often. Laid out for size
 * and speed, as measured on prototypes: one arena of fixed pages, so that growing never copies
 * it; a chain of doubling slices per term; a dictionary of 64-bit hashes without term strings. A
 * posting numbers its document with 28 bits, far more than a space may hold.
 */
import { arrayOverhead_bytes, PagedColumn } from './columns.ts'
import { HashTable } from './hash-table.ts'
import { fieldIn, type Load, numberIn, type PartWriter, partOf } from './parts.ts'

/** Highest term frequency that a posting can say; BM25 is flat long before it. */
export const frequencyMax = 15

/** Where `read` leaves the documents of a term and their frequencies; grown to what was needed. */
export interface PostingsBuffer {
  documents: Int32Array
  frequencies: Uint8Array
}

/** Postings of one space. Documents are numbers given by the caller. */
export interface Postings {
  /** Distinct terms, among them those whose documents are gone and not yet swept. */
  readonly terms: number
  /** Bytes held. */
  readonly bytes: number
  /** Adds one occurrence of a term. All of a document are added before another's. */
  add(low: number, high: number, document: number): void
  /** Copies the documents of a term into the buffer, in no order; returns how many. */
  read(low: number, high: number, buffer: PostingsBuffer): number
  /**
   * Goes on dropping the postings of documents whose length is 0, looking at about so many postings
   * and at one whole term at least. True when it has been through all terms, and begins again.
   */
  sweep(lengths: Uint16Array, postings_max: number): boolean
  /** The next sweep begins anew. */
  dump(parts: PartWriter): unknown
}

const pageBits = 12
const pageWords = 1 << pageBits
// A slice is its postings and, in its last word, the address of the next. Most words occur once, so
// the first slice holds one posting. The largest leaves at most 126 places unused, and the step to
// the next after so many postings costs nothing that can be measured.
const firstSlice = 2
const largestSlice = 128
const sliceSizes = [2, 4, 8, 16, 32, 64, 128] as const
/** Postings in the slices of all sizes but the largest. */
const smaller = sliceSizes.reduce((sum, size) => sum + (size < largestSlice ? size - 1 : 0), 0)

/** Makes an empty set of postings; `load` takes those of a dump. */
export function createPostings(load?: Load): Postings {
  return new ArenaPostings(load)
}

/** Makes a buffer for `read`. One serves all spaces, since a search never pauses. */
export function createPostingsBuffer(): PostingsBuffer {
  return { documents: new Int32Array(1024), frequencies: new Uint8Array(1024) }
}

const sweepBuffer = createPostingsBuffer()

class ArenaPostings implements Postings {
  terms = 0
  readonly #pages: Uint32Array[] = []
  #end = 0
  /** Of each size, a free slice plus one; in its first word, the next. */
  readonly #freeSlices = new Uint32Array(sliceSizes.length)
  // Terms are numbers up to `#numbered`; a free one has no postings and in `#head` the next plus one.
  #numbered = 0
  #firstFree = 0
  readonly #low: PagedColumn<Uint32Array>
  readonly #high: PagedColumn<Uint32Array>
  readonly #head: PagedColumn<Uint32Array>
  readonly #tail: PagedColumn<Uint32Array>
  readonly #count: PagedColumn<Uint32Array>
  #sweepAt = 0
  #wantedLow = 0
  #wantedHigh = 0
  readonly #table = new HashTable({
    hashOf: (term) => this.#high.at(term),
    isWanted: (term) =>
      this.#low.at(term) === this.#wantedLow && this.#high.at(term) === this.#wantedHigh,
  })

  constructor(load: Load | undefined) {
    if (load) this.#numbered = numberIn(load.header, 'numbered')
    const column = () => PagedColumn.load(Uint32Array, load?.parts, this.#numbered)
    this.#low = column()
    this.#high = column()
    this.#head = column()
    this.#tail = column()
    this.#count = column()
    if (load) this.#load(load)
  }

  get bytes(): number {
    const columns = [this.#low, this.#high, this.#head, this.#tail, this.#count]
    const perTerm = columns.reduce((sum, column) => sum + column.bytes, 0)
    const arena = this.#pages.length * (pageWords * 4 + arrayOverhead_bytes)
    return arena + perTerm + this.#table.bytes
  }

  add(low: number, high: number, document: number): void {
    const term = this.#termOf(low, high)
    if (!this.#repeat(term, document)) this.#append(term, (document << 4) | 1)
  }

  read(low: number, high: number, buffer: PostingsBuffer): number {
    this.#wantedLow = low
    this.#wantedHigh = high
    const term = this.#table.find(high)
    return term < 0 ? 0 : this.#readTerm(term, buffer)
  }

  sweep(lengths: Uint16Array, postings_max: number): boolean {
    for (let left = postings_max; left > 0; this.#sweepAt++) {
      if (this.#sweepAt >= this.#numbered) {
        this.#sweepAt = 0
        return true
      }
      const count = this.#count.at(this.#sweepAt)
      left -= count + 1
      if (count > 0) this.#sweepTerm(this.#sweepAt, lengths)
    }
    return false
  }

  dump(parts: PartWriter): unknown {
    for (const column of [this.#low, this.#high, this.#head, this.#tail, this.#count]) {
      column.dump(parts, this.#numbered)
    }
    const used = this.#pages.slice(0, Math.ceil(this.#end / pageWords))
    parts.add(...used.map((page, at) => page.subarray(0, this.#end - at * pageWords)))
    return {
      numbered: this.#numbered,
      terms: this.terms,
      firstFree: this.#firstFree,
      end: this.#end,
      freeSlices: [...this.#freeSlices],
      table: this.#table.dump(parts),
    }
  }

  #load(load: Load): void {
    const { header, parts } = load
    this.terms = numberIn(header, 'terms')
    this.#firstFree = numberIn(header, 'firstFree')
    this.#end = numberIn(header, 'end')
    const free = fieldIn(header, 'freeSlices')
    sliceSizes.forEach((_, size) => {
      this.#freeSlices[size] = numberIn(free, String(size))
    })
    this.#loadPages(parts.take(Uint32Array, this.#end))
    this.#table.load(partOf(load, 'table'))
  }

  #loadPages(whole: Uint32Array): void {
    for (let at = 0; at < this.#end; at += pageWords) {
      const page = whole.subarray(at, at + pageWords)
      if (page.length === pageWords) this.#pages.push(page)
      else {
        // The last is not whole: what is added next goes there.
        this.#pages.push(new Uint32Array(pageWords))
        this.#pages.at(-1)?.set(page)
      }
    }
  }

  /** Counts one more in the term's last posting, when that is the document's. */
  #repeat(term: number, document: number): boolean {
    if (this.#count.at(term) === 0) return false
    const address = this.#tail.at(term) - 1
    const page = this.#pages[address >>> pageBits] as Uint32Array
    const last = page[address & (pageWords - 1)] as number
    if (last >>> 4 !== document) return false
    if ((last & frequencyMax) < frequencyMax) page[address & (pageWords - 1)] = last + 1
    return true
  }

  #append(term: number, posting: number): void {
    const count = this.#count.at(term)
    if (roomAfter(count) === 0) this.#extend(term, count)
    const tail = this.#tail.at(term)
    this.#write(tail, posting)
    this.#tail.set(term, tail + 1)
    this.#count.set(term, count + 1)
  }

  #readTerm(term: number, buffer: PostingsBuffer): number {
    const count = this.#count.at(term)
    if (buffer.documents.length < count) {
      buffer.documents = new Int32Array(count * 2)
      buffer.frequencies = new Uint8Array(count * 2)
    }
    const { documents, frequencies } = buffer
    let address = this.#head.at(term)
    let size = firstSlice
    for (let done = 0; done < count; ) {
      const page = this.#pages[address >>> pageBits] as Uint32Array
      const offset = address & (pageWords - 1)
      const taken = Math.min(size - 1, count - done)
      for (let i = 0; i < taken; i++) {
        const value = page[offset + i] as number
        documents[done + i] = value >>> 4
        frequencies[done + i] = value & frequencyMax
      }
      done += taken
      address = page[offset + size - 1] as number
      size = Math.min(size * 2, largestSlice)
    }
    return count
  }

  /** Builds the chain of a term again from what is left of it, if anything went. */
  #sweepTerm(term: number, lengths: Uint16Array): void {
    const count = this.#readTerm(term, sweepBuffer)
    const { documents, frequencies } = sweepBuffer
    let kept = 0
    while (kept < count && lengths[documents[kept] as number] !== 0) kept++
    if (kept === count) return
    this.#freeChain(term, count)
    this.#count.set(term, 0)
    for (let i = 0; i < count; i++) {
      const document = documents[i] as number
      if (lengths[document] !== 0) this.#append(term, (document << 4) | (frequencies[i] as number))
    }
    if (this.#count.at(term) === 0) this.#freeTerm(term)
  }

  #termOf(low: number, high: number): number {
    this.#wantedLow = low
    this.#wantedHigh = high
    const known = this.#table.find(high)
    if (known >= 0) return known
    const term = this.#firstFree === 0 ? this.#numbered++ : this.#firstFree - 1
    if (this.#firstFree !== 0) this.#firstFree = this.#head.at(term)
    for (const column of [this.#low, this.#high, this.#head, this.#tail, this.#count]) {
      column.reserve(this.#numbered)
    }
    this.#low.set(term, low)
    this.#high.set(term, high)
    this.#count.set(term, 0)
    this.#table.add(term)
    this.terms++
    return term
  }

  #freeTerm(term: number): void {
    this.#table.remove(term)
    // A dump takes free terms along: nothing may tell which word this was.
    this.#low.set(term, 0)
    this.#high.set(term, 0)
    this.#head.set(term, this.#firstFree)
    this.#firstFree = term + 1
    this.terms--
  }

  /** Gives a term its next slice; the link to it goes where the tail of the last slice stands. */
  #extend(term: number, count: number): void {
    const address = this.#allocate(sizeClassAfter(count))
    if (count === 0) this.#head.set(term, address)
    else this.#write(this.#tail.at(term), address)
    this.#tail.set(term, address)
  }

  #allocate(sizeClass: number): number {
    const free = this.#freeSlices[sizeClass] as number
    if (free !== 0) {
      this.#freeSlices[sizeClass] = this.#readWord(free - 1)
      return free - 1
    }
    const size = sliceSizes[sizeClass] as number
    if (this.#pages.length * pageWords - this.#end < size) this.#addPage()
    const address = this.#end
    this.#end += size
    return address
  }

  /** What is left of the last page, which no slice of the wanted size fits into, serves smaller ones. */
  #addPage(): void {
    const end = this.#pages.length * pageWords
    for (let sizeClass = sliceSizes.length - 1; sizeClass >= 0; sizeClass--) {
      const size = sliceSizes[sizeClass] as number
      for (; end - this.#end >= size; this.#end += size) this.#freeSlice(this.#end, sizeClass)
    }
    this.#end = end
    this.#pages.push(new Uint32Array(pageWords))
  }

  #freeChain(term: number, count: number): void {
    let address = this.#head.at(term)
    for (let done = 0; done < count; ) {
      const sizeClass = sizeClassAfter(done)
      const size = sliceSizes[sizeClass] as number
      const next = this.#readWord(address + size - 1)
      this.#freeSlice(address, sizeClass)
      done += size - 1
      address = next
    }
  }

  #freeSlice(address: number, sizeClass: number): void {
    this.#write(address, this.#freeSlices[sizeClass] as number)
    this.#freeSlices[sizeClass] = address + 1
  }

  #readWord(address: number): number {
    const page = this.#pages[address >>> pageBits] as Uint32Array
    return page[address & (pageWords - 1)] as number
  }

  #write(address: number, value: number): void {
    const page = this.#pages[address >>> pageBits] as Uint32Array
    page[address & (pageWords - 1)] = value
  }
}

// How many postings find room in the last slice, and which size the next slice has, for a chain that
// has not come to the largest slices.
const roomTable = new Uint8Array(smaller + 1)
const sizeTable = new Uint8Array(smaller + 1)
sliceSizes.slice(0, -1).reduce((first, size, sizeClass) => {
  sizeTable.fill(sizeClass, first, first + size - 1)
  for (let i = 1; i < size; i++) roomTable[first + i] = size - 1 - i
  return first + size - 1
}, 0)

/** How many more postings fit into the last slice of a chain that holds `count`. */
function roomAfter(count: number): number {
  if (count <= smaller) return roomTable[count] as number
  const inLast = (count - smaller) % (largestSlice - 1)
  return inLast === 0 ? 0 : largestSlice - 1 - inLast
}

/** The size of the slice that follows `count` postings, when all slices before it are full. */
function sizeClassAfter(count: number): number {
  return count < smaller ? (sizeTable[count] as number) : sliceSizes.length - 1
}
