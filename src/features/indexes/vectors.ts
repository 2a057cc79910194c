/**
 * The vectors of one space: rows of bytes in blocks, without gaps: what is removed is filled with the
 * last row. Every row is compared with the query, so that nothing near is missed, and a filter costs
 * no quality: what it rejects never takes a place among the best.
 *
 * The blocks are the shared memory's while the index is `settled`: then they are scanned where they
 * stand. Else they are memory of its own, which goes when the index goes, and each is copied for a
 * scan. So an index that has to leave gives its blocks back at once though a request may still hold it.
 */
import { assert } from '../../core/assert.ts'
import { copyInto, largerCapacity } from './columns.ts'
import type { Quantised } from './quantised.ts'
import { createTop, type Scored } from './top.ts'
import {
  block_bytes,
  scratchBlock,
  strideOf,
  toScanQuery,
  type VectorMemory,
} from './vector-memory.ts'

export interface SpaceVectors {
  /** Documents that have a vector. */
  readonly size: number
  readonly bytes: number
  /** Gives a document its vector. */
  put(document: number, vector: Quantised): void
  /** Does nothing to a document that has none. */
  remove(document: number): void
  /** The documents nearest to a vector of length 1, by cosine, best first; those above 0. */
  nearest(vector: Float32Array, options: Nearest): Scored[]
  /** Documents have new numbers; those mapped below 0 are removed already. */
  renumber(renumbered: Int32Array): void
  /** Moves into the shared memory, as far as there is room. */
  settle(): void
  /** Leaves the shared memory. */
  park(): void
}

export interface Nearest {
  readonly limit: number
  /** Asked only of documents that would be among the best. */
  readonly accepts: (document: number) => boolean
  /** Orders documents of equal score. */
  readonly compare: (a: number, b: number) => number
}

const firstCapacity = 64

/** Makes the vectors of a space, empty. */
export function createSpaceVectors(memory: VectorMemory, dimensions: number): SpaceVectors {
  return new BlockVectors(memory, dimensions)
}

class BlockVectors implements SpaceVectors {
  size = 0
  readonly #memory: VectorMemory
  readonly #dimensions: number
  readonly #stride: number
  readonly #rows_perBlock: number
  /** Null while the vectors are in memory of their own. */
  #shared: number[] | null = null
  #own: Int8Array[] = []
  /** By row. */
  #scales = new Float32Array(firstCapacity)
  #documents = new Uint32Array(firstCapacity)
  /** By document: its row plus one, so that 0 says: none. */
  #rows = new Uint32Array(firstCapacity)

  constructor(memory: VectorMemory, dimensions: number) {
    this.#memory = memory
    this.#dimensions = dimensions
    this.#stride = strideOf(dimensions)
    this.#rows_perBlock = Math.floor(block_bytes / this.#stride)
  }

  get bytes(): number {
    const blocks = this.#shared?.length ?? this.#own.length
    return blocks * block_bytes + this.#scales.length * 8 + this.#rows.length * 4
  }

  put(document: number, { values, scale }: Quantised): void {
    assert(values.length === this.#dimensions, 'a vector has the dimensions of its index')
    this.#reserve(document)
    const row = this.#rowOf(document)
    this.#block(row).set(values, this.#offset(row))
    this.#scales[row] = scale
  }

  remove(document: number): void {
    const row = (this.#rows[document] ?? 0) - 1
    if (row < 0) return
    const last = this.size - 1
    if (row !== last) this.#move(last, row)
    this.#rows[document] = 0
    this.size = last
    if (last % this.#rows_perBlock === 0) this.#dropLastBlock()
  }

  nearest(vector: Float32Array, { limit, accepts, compare }: Nearest): Scored[] {
    assert(vector.length === this.#dimensions, 'a query has the dimensions of its index')
    const top = createTop(limit, compare)
    const query = toScanQuery(vector)
    this.#memory.ask(query)
    for (let first = 0; first < this.size; first += this.#rows_perBlock) {
      const count = Math.min(this.#rows_perBlock, this.size - first)
      const sums = this.#memory.scan(this.#scannable(first), { count, stride: this.#stride })
      for (let at = 0; at < count; at++) {
        const score = (sums[at] as number) * (this.#scales[first + at] as number) * query.scale
        if (score <= 0 || !top.admits(score)) continue
        const document = this.#documents[first + at] as number
        if (accepts(document)) top.offer(document, score)
      }
    }
    return top.take()
  }

  renumber(renumbered: Int32Array): void {
    this.#rows.fill(0)
    for (let row = 0; row < this.size; row++) {
      const document = renumbered[this.#documents[row] as number] as number
      assert(document >= 0, 'a document that is gone has no vector')
      this.#documents[row] = document
      this.#rows[document] = row + 1
    }
  }

  settle(): void {
    if (this.#shared) return
    const taken: number[] = []
    for (const own of this.#own) {
      const block = this.#memory.take()
      if (block === null) {
        for (const one of taken) this.#memory.give(one)
        return
      }
      taken.push(block)
      this.#memory.view(block).set(own)
    }
    this.#shared = taken
    this.#own = []
  }

  park(): void {
    if (!this.#shared) return
    this.#own = this.#shared.map((block) => this.#memory.view(block).slice())
    for (const block of this.#shared) this.#memory.give(block)
    this.#shared = null
  }

  #reserve(document: number): void {
    if (document >= this.#rows.length) {
      const capacity = Math.max(document + 1, largerCapacity(this.#rows.length))
      this.#rows = copyInto(new Uint32Array(capacity), this.#rows)
    }
    if (this.size < this.#scales.length) return
    const capacity = largerCapacity(this.#scales.length)
    this.#scales = copyInto(new Float32Array(capacity), this.#scales)
    this.#documents = copyInto(new Uint32Array(capacity), this.#documents)
  }

  /** The row of a document, which is a new one when it had none. */
  #rowOf(document: number): number {
    const known = (this.#rows[document] as number) - 1
    if (known >= 0) return known
    if (this.size % this.#rows_perBlock === 0) this.#addBlock()
    this.#documents[this.size] = document
    this.#rows[document] = this.size + 1
    return this.size++
  }

  #addBlock(): void {
    const block = this.#shared && this.#memory.take()
    // There is no more of the shared memory: slower, but nothing is lost.
    if (block === null) this.park()
    if (block === null) this.#own.push(new Int8Array(block_bytes))
    else this.#shared?.push(block)
  }

  #dropLastBlock(): void {
    const block = this.#shared?.pop()
    if (block === undefined) this.#own.pop()
    else this.#memory.give(block)
  }

  #move(from: number, to: number): void {
    const start = this.#offset(from)
    const bytes = this.#block(from).subarray(start, start + this.#stride)
    this.#block(to).set(bytes, this.#offset(to))
    const document = this.#documents[from] as number
    this.#documents[to] = document
    this.#rows[document] = to + 1
    this.#scales[to] = this.#scales[from] as number
  }

  /** The bytes of the block that a row stands in. */
  #block(row: number): Int8Array {
    const at = Math.floor(row / this.#rows_perBlock)
    if (!this.#shared) return this.#own[at] as Int8Array
    return this.#memory.view(this.#shared[at] as number)
  }

  #offset(row: number): number {
    return (row % this.#rows_perBlock) * this.#stride
  }

  /** The number of the block that a row stands in, or of a copy of it. */
  #scannable(row: number): number {
    const at = Math.floor(row / this.#rows_perBlock)
    if (this.#shared) return this.#shared[at] as number
    this.#memory.view(scratchBlock).set(this.#own[at] as Int8Array)
    return scratchBlock
  }
}
