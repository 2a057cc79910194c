/**
 * The inverted index: for each term, the documents that hold it and how often. Laid out for size
 * and speed, as measured on prototypes: one arena of fixed pages, so that growing never copies
 * it; a chain of doubling slices per term; a dictionary of 64-bit hashes without term strings. A
 * posting numbers its document with 28 bits, far more than a space may hold.
 */

/** Highest term frequency that a posting can say; BM25 is flat long before it. */
export const frequencyMax = 15

/** Where `read` leaves the documents of a term and their frequencies; grown to what was needed. */
export interface PostingsBuffer {
  documents: Int32Array
  frequencies: Uint8Array
}

/** Postings of one space. Documents are numbers given by the caller, ascending from 0. */
export interface Postings {
  /** Distinct terms seen, also those whose documents are all gone. */
  readonly terms: number
  /** Bytes held. */
  readonly bytes: number
  /** Adds one occurrence of a term. Documents must come in ascending order. */
  add(low: number, high: number, document: number): void
  /** Copies the documents of a term into the buffer, in ascending order; returns how many. */
  read(low: number, high: number, buffer: PostingsBuffer): number
  /** New postings with documents renumbered; those mapped below 0 are left out, as empty terms. */
  compact(renumbered: Int32Array): Postings
}

const pageWords = 4096
// A slice is its postings and, in its last word, the address of the next. Most words occur once, so
// the first slice holds one posting. The largest leaves at most 126 places unused, and the step to
// the next after so many postings costs nothing that can be measured.
const firstSlice = 2
const largestSlice = 128
const firstCapacity = 256

/** Makes an empty set of postings. */
export function createPostings(): Postings {
  return new ArenaPostings()
}

/** Makes a buffer for `read`. One serves all spaces, since a search never pauses. */
export function createPostingsBuffer(): PostingsBuffer {
  return { documents: new Int32Array(1024), frequencies: new Uint8Array(1024) }
}

// A class, since seven arrays are replaced as they grow and the hot loops want monomorphic fields.
class ArenaPostings implements Postings {
  terms = 0
  readonly #pages: Uint32Array[] = []
  #free = 0
  // Open addressing: term number + 1, or 0 where empty.
  #table = new Uint32Array(firstCapacity * 2)
  #low = new Uint32Array(firstCapacity)
  #high = new Uint32Array(firstCapacity)
  #head = new Uint32Array(firstCapacity)
  #tail = new Uint32Array(firstCapacity)
  #left = new Uint16Array(firstCapacity)
  #count = new Uint32Array(firstCapacity)

  get bytes(): number {
    const perTerm = this.#low.length * (5 * 4 + 2)
    return this.#pages.length * pageWords * 4 + this.#table.byteLength + perTerm
  }

  add(low: number, high: number, document: number): void {
    const term = this.#termOf(low, high)
    if (!this.#repeat(term, document)) this.#append(term, (document << 4) | 1)
  }

  read(low: number, high: number, buffer: PostingsBuffer): number {
    const term = (this.#table[this.#placeOf(low, high)] as number) - 1
    return term < 0 ? 0 : this.#readTerm(term, buffer)
  }

  compact(renumbered: Int32Array): Postings {
    const result = new ArenaPostings()
    const buffer = createPostingsBuffer()
    for (let term = 0; term < this.terms; term++) {
      const count = this.#readTerm(term, buffer)
      for (let i = 0; i < count; i++) {
        const document = renumbered[buffer.documents[i] as number] as number
        if (document < 0) continue
        const target = result.#termOf(this.#low[term] as number, this.#high[term] as number)
        result.#append(target, (document << 4) | (buffer.frequencies[i] as number))
      }
    }
    return result
  }

  /** Counts one more in the term's last posting, when that is the document's. */
  #repeat(term: number, document: number): boolean {
    if (this.#count[term] === 0) return false
    const address = (this.#tail[term] as number) - 1
    const page = this.#pages[Math.floor(address / pageWords)] as Uint32Array
    const last = page[address % pageWords] as number
    if (last >>> 4 !== document) return false
    if ((last & frequencyMax) < frequencyMax) page[address % pageWords] = last + 1
    return true
  }

  #append(term: number, posting: number): void {
    if (this.#left[term] === 0) this.#extend(term)
    const tail = this.#tail[term] as number
    this.#write(tail, posting)
    this.#tail[term] = tail + 1
    this.#left[term] = (this.#left[term] as number) - 1
    this.#count[term] = (this.#count[term] as number) + 1
  }

  #readTerm(term: number, buffer: PostingsBuffer): number {
    const count = this.#count[term] as number
    if (buffer.documents.length < count) {
      buffer.documents = new Int32Array(count * 2)
      buffer.frequencies = new Uint8Array(count * 2)
    }
    let address = this.#head[term] as number
    let size = firstSlice
    for (let done = 0; done < count; ) {
      const page = this.#pages[Math.floor(address / pageWords)] as Uint32Array
      const offset = address % pageWords
      const taken = Math.min(size - 1, count - done)
      for (let i = 0; i < taken; i++) {
        const value = page[offset + i] as number
        buffer.documents[done + i] = value >>> 4
        buffer.frequencies[done + i] = value & frequencyMax
      }
      done += taken
      address = page[offset + size - 1] as number
      size = Math.min(size * 2, largestSlice)
    }
    return count
  }

  /** The place of a term in the table, or the empty place where it would go. */
  #placeOf(low: number, high: number): number {
    const mask = this.#table.length - 1
    let place = high & mask
    for (;;) {
      const term = (this.#table[place] as number) - 1
      if (term < 0) return place
      if (this.#low[term] === low && this.#high[term] === high) return place
      place = (place + 1) & mask
    }
  }

  #termOf(low: number, high: number): number {
    const place = this.#placeOf(low, high)
    const known = (this.#table[place] as number) - 1
    if (known >= 0) return known
    if (this.terms === this.#low.length) {
      this.#grow()
      return this.#termOf(low, high)
    }
    const term = this.terms++
    this.#low[term] = low
    this.#high[term] = high
    this.#table[place] = term + 1
    return term
  }

  #grow(): void {
    const capacity = this.#low.length * 2
    this.#low = grown(this.#low, capacity)
    this.#high = grown(this.#high, capacity)
    this.#head = grown(this.#head, capacity)
    this.#tail = grown(this.#tail, capacity)
    this.#count = grown(this.#count, capacity)
    const left = new Uint16Array(capacity)
    left.set(this.#left)
    this.#left = left
    this.#table = new Uint32Array(capacity * 2)
    for (let term = 0; term < this.terms; term++) {
      const place = this.#placeOf(this.#low[term] as number, this.#high[term] as number)
      this.#table[place] = term + 1
    }
  }

  /** Gives a term its next slice; the link to it goes where the tail of the last slice stands. */
  #extend(term: number): void {
    const count = this.#count[term] as number
    const size = sliceSizeAfter(count)
    const address = this.#allocate(size)
    if (count === 0) this.#head[term] = address
    else this.#write(this.#tail[term] as number, address)
    this.#tail[term] = address
    this.#left[term] = size - 1
  }

  #allocate(size: number): number {
    const room = this.#pages.length * pageWords - this.#free
    if (room < size) {
      this.#free = this.#pages.length * pageWords
      this.#pages.push(new Uint32Array(pageWords))
    }
    const address = this.#free
    this.#free += size
    return address
  }

  #write(address: number, value: number): void {
    const page = this.#pages[Math.floor(address / pageWords)] as Uint32Array
    page[address % pageWords] = value
  }
}

/** Words of the slice that follows `count` postings, when all slices before it are full. */
function sliceSizeAfter(count: number): number {
  let size = firstSlice
  let full = size - 1
  while (full <= count) {
    size = Math.min(size * 2, largestSlice)
    full += size - 1
  }
  return size
}

function grown(array: Uint32Array<ArrayBuffer>, capacity: number): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(capacity)
  result.set(array)
  return result
}
