/**
 * A dump of an index: a header of plain values, and raw arrays. Neither dumping nor loading copies:
 * the one gives views of what the index has, the other takes the arrays as they are. What does not
 * fit is refused; that the bytes are those which were dumped is for whoever kept them to know.
 */
import { assert } from '../../core/assert.ts'

export type Numbers = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array

/** Makes an array of zeros of one kind. */
export type NumbersOf<T extends Numbers> = new (length: number) => T

/** An index as raw arrays. The index that is loaded takes `parts` for its own and changes them. */
export interface IndexDump {
  /** Values that JSON can carry. */
  readonly header: unknown
  /** Each begins, in its buffer, at a multiple of its own width; 8 fits all. */
  readonly parts: readonly ArrayBufferView[]
}

/** An index as views of its arrays, which hold good until it changes. */
export interface IndexViews {
  /** Values that JSON can carry. */
  readonly header: unknown
  /** The views of each part follow on each other. */
  readonly parts: readonly (readonly ArrayBufferView[])[]
}

/** Takes views of arrays, in the order in which they will be read. */
export interface PartWriter {
  /** One part: views whose bytes follow on each other. */
  add(...views: readonly Numbers[]): void
}

/** Gives the arrays back in their order. */
export interface PartReader {
  /** The next array as `count` numbers of one kind. Throws when that is not what it holds. */
  take<T extends Numbers>(kind: NumbersOf<T>, count: number): T
}

/** What a structure is loaded from: its own header, and the reader that stands at its parts. */
export interface Load {
  readonly header: unknown
  readonly parts: PartReader
}

/** The load of what stands under that name, if there is a load. */
export function partOf<T extends Load | undefined>(load: T, name: string): T {
  return load && ({ header: fieldIn(load.header, name), parts: load.parts } as T)
}

type Viewing<T> = NumbersOf<T & Numbers> & {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, offset: number, length: number): T
}

/** Reads the parts of a dump; `whole` throws when some were left over. */
export function partReader(parts: readonly ArrayBufferView[]): PartReader & { whole(): void } {
  let at = 0
  return {
    take<T extends Numbers>(kind: NumbersOf<T>, count: number): T {
      const part = parts[at++]
      const view = kind as Viewing<T>
      assert(part, 'a dump has all its parts')
      assert(Number.isSafeInteger(count) && count >= 0, 'a dump says how long its parts are')
      assert(
        part.byteLength === count * view.BYTES_PER_ELEMENT,
        'a part is as long as it should be',
      )
      assert(part.byteOffset % view.BYTES_PER_ELEMENT === 0, 'a part begins where a view can')
      return new view(part.buffer, part.byteOffset, count)
    },
    whole: () => assert(at === parts.length, 'a dump has no more than its parts'),
  }
}

/** The number of that name in a header. Throws when there is none. */
export function numberIn(header: unknown, name: string): number {
  const value = fieldIn(header, name)
  assert(Number.isSafeInteger(value), `a dump says its ${name}`)
  return value as number
}

/** What a header has under that name. Throws when it has nothing. */
export function fieldIn(header: unknown, name: string): unknown {
  const isThere = typeof header === 'object' && header !== null && Object.hasOwn(header, name)
  assert(isThere, `a dump says its ${name}`)
  return (header as Record<string, unknown>)[name]
}
