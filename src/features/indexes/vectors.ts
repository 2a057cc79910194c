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
import { fieldIn, type Load, numberIn, type PartWriter } from './parts.ts'
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
  /** Documents that have one, or are to have none. */
  readonly settled: number
  readonly bytes: number
  /** Gives a document its vector; null: it is to have none. */
  put(document: number, vector: Quantised | null): void
  /** Does nothing to a document that was not put. */
  remove(document: number): void
  /** The documents nearest to a vector of length 1, by cosine, best first; those above 0. */
  nearest(vector: Float32Array, options: Nearest): Scored[]
  /** Moves into the shared memory, as far as there is room. */
  settle(): void
  /** Leaves the shared memory. */
  park(): void
  dump(parts: PartWriter): object
}

export interface Nearest {
  readonly limit: number
  /** Asked only of documents that would be among the best. */
  readonly accepts: (document: number) => boolean
  /** Orders documents of equal score. */
  readonly compare: (a: number, b: number) => number
}

const firstCapacity = 64
/** What a number in a set takes, as measured; sets double, so it may be half of that. */
const setEntry_bytes = 32

/** Which vectors there are, and where they stand. */
export interface VectorKind {
  /** Stands for the model that made them. */
  readonly code: string
  readonly dimensions: number
  readonly memory: VectorMemory
}

/** Makes the vectors of a space, empty. */
export function createSpaceVectors(kind: VectorKind): SpaceVectors {
  return new BlockVectors(kind)
}

/** The vectors of a dump, or none; empty ones where there is no dump. Throws when it is of others. */
export function loadVectors(kind: VectorKind | null, load?: Load): SpaceVectors | null {
  assert(kind || (load?.header ?? null) === null, 'a dump is of our embedder')
  if (!kind) return null
  const vectors = new BlockVectors(kind)
  if (load) vectors.load(load)
  return vectors
}

class BlockVectors implements SpaceVectors {
  size = 0
  readonly #kind: VectorKind
  readonly #memory: VectorMemory
  readonly #stride: number
  readonly #rows_perBlock: number
  /** Null while the vectors are in memory of their own. */
  #shared: number[] | null = null
  #own: Int8Array[] = []
  /** Documents that are to have no vector: few, or a tenant that allows little. */
  #without = new Set<number>()
  /** By row. */
  #scales = new Float32Array(firstCapacity)
  #documents = new Uint32Array(firstCapacity)
  /** By document: its row plus one, so that 0 says: none. */
  #rows = new Uint32Array(firstCapacity)
  // What a load gave is copied, and stays as a part of the load's one large buffer.
  #left_bytes = 0

  constructor(kind: VectorKind) {
    this.#kind = kind
    this.#memory = kind.memory
    this.#stride = strideOf(kind.dimensions)
    this.#rows_perBlock = Math.floor(block_bytes / this.#stride)
  }

  get bytes(): number {
    const blocks = this.#shared?.length ?? this.#own.length
    const columns = this.#scales.length * 8 + this.#rows.length * 4
    const sets = this.#without.size * setEntry_bytes
    return blocks * block_bytes + columns + sets + this.#left_bytes
  }

  get settled(): number {
    return this.size + this.#without.size
  }

  put(document: number, vector: Quantised | null): void {
    this.remove(document)
    if (!vector) {
      this.#without.add(document)
      return
    }
    const { values, scale } = vector
    assert(values.length === this.#kind.dimensions, 'a vector has the dimensions of its index')
    this.#reserve(document)
    const row = this.#append(document)
    this.#block(row).set(values, this.#offset(row))
    this.#scales[row] = scale
  }

  remove(document: number): void {
    this.#without.delete(document)
    const row = (this.#rows[document] ?? 0) - 1
    if (row < 0) return
    const last = this.size - 1
    if (row !== last) this.#move(last, row)
    const start = this.#offset(last)
    this.#block(last).fill(0, start, start + this.#stride)
    this.#rows[document] = 0
    this.size = last
    if (last % this.#rows_perBlock === 0) this.#dropLastBlock()
  }

  nearest(vector: Float32Array, { limit, accepts, compare }: Nearest): Scored[] {
    assert(vector.length === this.#kind.dimensions, 'a query has the dimensions of its index')
    const top = createTop(limit, compare)
    const query = toScanQuery(vector)
    this.#memory.ask(query)
    const scales = this.#scales
    for (let first = 0; first < this.size; first += this.#rows_perBlock) {
      const count = Math.min(this.#rows_perBlock, this.size - first)
      const sums = this.#memory.scan(this.#scannable(first), { count, stride: this.#stride })
      for (let at = 0; at < count; at++) {
        const score = (sums[at] as number) * (scales[first + at] as number) * query.scale
        // Nearly no row gets past the first of these; half of them would pass the second.
        if (!top.admits(score) || score <= 0) continue
        const document = this.#documents[first + at] as number
        if (accepts(document)) top.offer(document, score)
      }
    }
    if (!this.#shared) this.#memory.view(scratchBlock).fill(0)
    return top.take()
  }

  dump(parts: PartWriter): object {
    const { size } = this
    const rows = new Uint8Array(size * this.#stride)
    for (let row = 0; row < size; row++) {
      const start = this.#offset(row)
      rows.set(this.#block(row).subarray(start, start + this.#stride), row * this.#stride)
    }
    const without = Uint32Array.from(this.#without)
    parts.add(this.#documents.slice(0, size))
    parts.add(new Uint32Array(this.#scales.slice(0, size).buffer))
    parts.add(rows)
    parts.add(without)
    return { code: this.#kind.code, size, without: without.length }
  }

  load({ header, parts }: Load): void {
    assert(fieldIn(header, 'code') === this.#kind.code, 'a dump is of our embedder')
    const size = numberIn(header, 'size')
    const documents = parts.take(Uint32Array, size)
    const bits = parts.take(Uint32Array, size)
    const scales = new Float32Array(bits.buffer, bits.byteOffset, size)
    const rows = parts.take(Uint8Array, size * this.#stride)
    for (let row = 0; row < size; row++) {
      const document = documents[row] as number
      this.#reserve(document)
      assert(this.#append(document) === row, 'a dump has one row for each document')
      const bytes = rows.subarray(row * this.#stride, (row + 1) * this.#stride)
      this.#block(row).set(bytes, this.#offset(row))
      this.#scales[row] = scales[row] as number
    }
    const without = parts.take(Uint32Array, numberIn(header, 'without'))
    this.#without = new Set(without)
    for (const part of [documents, bits, rows, without]) this.#left_bytes += part.byteLength
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
      this.#rows = copyInto(
        new Uint32Array(Math.max(document + 1, largerCapacity(this.#rows.length))),
        this.#rows,
      )
    }
    if (this.size < this.#scales.length) return
    const capacity = largerCapacity(this.#scales.length)
    this.#scales = copyInto(new Float32Array(capacity), this.#scales)
    this.#documents = copyInto(new Uint32Array(capacity), this.#documents)
  }

  /** A new row for a document that has none. */
  #append(document: number): number {
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
