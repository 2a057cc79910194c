/**
 * The memory in which the vectors of all spaces stand, and the scan over it, both of WebAssembly: its
 * SIMD instructions compare 16 bytes at a time, about twenty times as fast as plain JavaScript. It is
 * handed out in blocks. A memory of WebAssembly never shrinks, so blocks that are given back are used
 * again; what was never used costs nothing.
 */
import { assert } from '../../core/assert.ts'
import { limits } from '../../core/limits.ts'
import { quantised_max } from './quantised.ts'
import { vectorScanModule } from './vector-scan.ts'

export const block_bytes = 16 * 1024
export const dimensions_max = limits.embedDimensions_max
/** A block that is never taken, for what is looked at only once. */
export const scratchBlock = 1

/** A vector to compare with, widened to 16 bits, which costs a scan nothing and loses next to nothing. */
export interface ScanQuery {
  readonly values: Int16Array
  /** What a sum has to be multiplied with, besides the row's own scale. */
  readonly scale: number
}

export interface VectorMemory {
  /** Bytes in blocks that are taken. */
  readonly bytes: number
  /** The number of a block of zeros for the taker alone; null when there is no more. */
  take(): number | null
  give(block: number): void
  /** A view of a block, valid until the next `take`. */
  view(block: number): Int8Array
  /** What the scans that follow compare with. */
  ask(query: ScanQuery): void
  /** Sums over the first `count` rows of a block, and what was there before; valid until the next scan. */
  scan(block: number, rows: { readonly count: number; readonly stride: number }): Int32Array
}

export interface VectorMemoryOptions {
  readonly bytes_max?: number
  /** False: as on a machine without SIMD. */
  readonly simd?: boolean
}

const page_bytes = 64 * 1024
const blocks_perPage = page_bytes / block_bytes
/** Pages at a time: growing makes every view anew. */
const growth_pages = 16
const pages_max = 65_536
// The first page has the query, the sums and the scratch block: 4096 numbers of 16 bits, and a sum for
// each row that a block can have.
const outAt = dimensions_max * 2
const sums_max = block_bytes / 16

type Range = [query: number, rows: number, count: number, stride: number, out: number]
type Scan = (...range: Range) => void

interface GrowingMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** As far as it is used here; the types of Node leave it to those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => GrowingMemory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: { locket: { memory: GrowingMemory } },
  ) => { readonly exports: { readonly scan: Scan } }
  validate(bytes: Uint8Array): boolean
}

/** Bytes of a row: a multiple of 16. */
export function strideOf(dimensions: number): number {
  assert(dimensions > 0 && dimensions <= dimensions_max, 'a row fits into a block')
  return Math.ceil(dimensions / 16) * 16
}

/** Widens a vector as far as the sums of 32 bits allow, whatever the row (Cauchy and Schwarz). */
export function toScanQuery(vector: Float32Array): ScanQuery {
  const stride = strideOf(vector.length)
  let largest = 0
  let squares = 0
  for (const number of vector) {
    largest = Math.max(largest, Math.abs(number))
    squares += number * number
  }
  const longest = 2 ** 31 / (quantised_max * Math.sqrt(stride)) - Math.sqrt(stride)
  const factor = Math.min(32_767 / largest, longest / Math.sqrt(squares))
  const values = new Int16Array(stride)
  for (const [at, number] of vector.entries()) values[at] = Math.round(number * factor)
  return { values, scale: 1 / factor }
}

/** Takes no memory before the first block is asked for. */
export function createVectorMemory(options: VectorMemoryOptions = {}): VectorMemory {
  return new BlockMemory(options)
}

class BlockMemory implements VectorMemory {
  readonly #memory: GrowingMemory
  readonly #scan: Scan
  readonly #free: number[] = []
  #taken = 0
  #bytes: Int8Array
  #sums: Int32Array

  constructor({ bytes_max = pages_max * page_bytes, simd = true }: VectorMemoryOptions) {
    const maximum = Math.min(pages_max, 1 + Math.ceil(bytes_max / page_bytes))
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum })
    this.#bytes = new Int8Array(this.#memory.buffer)
    this.#sums = new Int32Array(this.#memory.buffer, outAt, sums_max)
    this.#scan =
      simd && WebAssembly.validate(vectorScanModule())
        ? bySimd(this.#memory)
        : (...range) => plainScan(this.#memory.buffer, range)
  }

  get bytes(): number {
    return this.#taken * block_bytes
  }

  take(): number | null {
    if (this.#free.length === 0 && !this.#grow()) return null
    this.#taken += 1
    return this.#free.pop() ?? null
  }

  /** The next taker is of another space: it shall find nothing there. */
  give(block: number): void {
    this.#taken -= 1
    this.view(block).fill(0)
    this.#free.push(block)
  }

  view(block: number): Int8Array {
    return this.#bytes.subarray(block * block_bytes, (block + 1) * block_bytes)
  }

  ask({ values }: ScanQuery): void {
    new Int16Array(this.#memory.buffer, 0, values.length).set(values)
  }

  scan(block: number, { count, stride }: { count: number; stride: number }): Int32Array {
    assert(count * stride <= block_bytes && count <= sums_max, 'the rows are in the block')
    this.#scan(0, block * block_bytes, count, stride, outAt)
    return this.#sums
  }

  #grow(): boolean {
    const first = this.#memory.buffer.byteLength / page_bytes
    const pages = this.#enlarge(growth_pages) || this.#enlarge(1)
    this.#bytes = new Int8Array(this.#memory.buffer)
    this.#sums = new Int32Array(this.#memory.buffer, outAt, sums_max)
    // The lowest block is taken first.
    for (let at = pages * blocks_perPage - 1; at >= 0; at--) {
      this.#free.push(first * blocks_perPage + at)
    }
    return pages > 0
  }

  /** How many pages there are more: those, or none. */
  #enlarge(pages: number): number {
    try {
      this.#memory.grow(pages)
      return pages
    } catch (thrown) {
      // Past the maximum, or the machine has no more.
      if (thrown instanceof RangeError) return 0
      throw thrown
    }
  }
}

function bySimd(memory: GrowingMemory): Scan {
  const module = new WebAssembly.Module(vectorScanModule())
  const { exports } = new WebAssembly.Instance(module, { locket: { memory } })
  return exports.scan
}

/** The same in JavaScript, for machines without SIMD. */
function plainScan(buffer: ArrayBuffer, range: Range): void {
  const [query, rows, count, stride, out] = range
  const values = new Int16Array(buffer, query, stride)
  const bytes = new Int8Array(buffer, rows, count * stride)
  const sums = new Int32Array(buffer, out, count)
  for (let row = 0; row < count; row++) {
    let sum = 0
    const start = row * stride
    for (let at = 0; at < stride; at++) {
      sum += (values[at] as number) * (bytes[start + at] as number)
    }
    sums[row] = sum
  }
}
