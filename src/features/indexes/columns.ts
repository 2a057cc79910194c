/**
 * Columns of numbers that grow. What the loops of a search read stands in one flat array; all else
 * stands in pages, so that growing never copies more than one of them. Neither gives room back:
 * places are used again.
 */
import type { Numbers, NumbersOf, PartReader, PartWriter } from './parts.ts'

/** What an array costs besides its numbers, as measured: two objects, and the store's own. */
export const arrayOverhead_bytes = 200

const firstCapacity = 64
// A page of the widest numbers is 32 KiB: copied in microseconds while it is the last and grows.
const pageBits = 12
const page_items = 1 << pageBits
const pageMask = page_items - 1

/** One array, replaced by a larger copy as it grows: hold on to `array` only until then. */
export class FlatColumn<T extends Numbers> {
  array: T
  readonly #kind: NumbersOf<T>
  // What a load gave is a part of a larger buffer, which stays while any part of it is in use.
  #left_bytes = 0

  constructor(kind: NumbersOf<T>, array = new kind(0)) {
    this.#kind = kind
    this.array = array
  }

  get bytes(): number {
    return this.array.byteLength + this.#left_bytes + arrayOverhead_bytes
  }

  reserve(count: number): void {
    const { array } = this
    if (count <= array.length) return
    if (isPart(array)) this.#left_bytes += array.byteLength
    // Half as much again, since room that is not used yet is held as well.
    this.array = new this.#kind(Math.max(count, firstCapacity, Math.ceil(array.length * 1.5)))
    this.array.set(array)
  }

  dump(parts: PartWriter, count: number): void {
    this.reserve(count)
    parts.add(this.array.subarray(0, count))
  }

  /** An empty column where there is nothing to load from. */
  static load<T extends Numbers>(
    kind: NumbersOf<T>,
    parts: PartReader | undefined,
    count: number,
  ): FlatColumn<T> {
    return new FlatColumn(kind, parts?.take(kind, count))
  }
}

/** Pages of numbers. The last doubles until it is whole. */
export class PagedColumn<T extends Float64Array | Uint32Array> {
  readonly #kind: NumbersOf<T>
  readonly #pages: T[] = []
  #capacity = 0
  #left_bytes = 0

  constructor(kind: NumbersOf<T>) {
    this.#kind = kind
  }

  get bytes(): number {
    const width = (this.#pages[0]?.BYTES_PER_ELEMENT ?? 0) * this.#capacity
    return width + this.#left_bytes + this.#pages.length * arrayOverhead_bytes
  }

  at(index: number): number {
    return (this.#pages[index >>> pageBits] as T)[index & pageMask] as number
  }

  set(index: number, value: number): void {
    const page = this.#pages[index >>> pageBits] as T
    page[index & pageMask] = value
  }

  reserve(count: number): void {
    while (count > this.#capacity) this.#extend()
  }

  dump(parts: PartWriter, count: number): void {
    this.reserve(count)
    const used = this.#pages.slice(0, Math.ceil(count / page_items))
    parts.add(...used.map((page, at) => page.subarray(0, count - at * page_items)))
  }

  /** An empty column where there is nothing to load from. */
  static load<T extends Float64Array | Uint32Array>(
    kind: NumbersOf<T>,
    parts: PartReader | undefined,
    count: number,
  ): PagedColumn<T> {
    const column = new PagedColumn(kind)
    if (!parts) return column
    const whole = parts.take(kind, count)
    for (let at = 0; at < count; at += page_items) {
      column.#pages.push(whole.subarray(at, Math.min(at + page_items, count)) as T)
    }
    column.#capacity = count
    return column
  }

  #extend(): void {
    const last = this.#pages.at(-1)
    const grows = last !== undefined && last.length < page_items
    const length = grows ? Math.min(last.length * 2, page_items) : this.#firstLength()
    const page = new this.#kind(length)
    if (grows) {
      page.set(last)
      if (isPart(last)) this.#left_bytes += last.byteLength
      this.#pages.pop()
      this.#capacity -= last.length
    }
    this.#pages.push(page)
    this.#capacity += length
  }

  /** What comes after whole pages begins with as much room as a small space is likely to want. */
  #firstLength(): number {
    return this.#pages.length === 0 ? firstCapacity : page_items / 4
  }
}

/** Whether an array is a part of a larger buffer. */
export function isPart(array: Numbers): boolean {
  return array.byteLength < array.buffer.byteLength
}

/** The next capacity of columns: half as much again, since room not used yet is held as well. */
export function largerCapacity(capacity: number): number {
  return capacity + (capacity >> 1)
}

/** Copies a column into a larger one. */
export function copyInto<T extends { set(source: T): void }>(target: T, source: T): T {
  target.set(source)
  return target
}
