/**
 * The documents in the order of their ids. Ids rise with time, so nearly all come last; the others
 * wait at the end and are merged in when somebody asks. Removed documents stay until `sweep`.
 */
import { FlatColumn } from './columns.ts'
import type { Documents } from './documents.ts'
import { type Load, numberIn, type PartWriter } from './parts.ts'

export interface IdOrder {
  readonly bytes: number
  add(document: number): void
  /** Drops what was removed. */
  sweep(): void
  /** Document numbers in the order of ids, removed ones among them; good until the next change. */
  sorted(): Uint32Array
  dump(parts: PartWriter): unknown
}

/** Makes the order of a space; `load` takes that of a dump. */
export function createIdOrder(documents: Documents, load?: Load): IdOrder {
  let count = load ? numberIn(load.header, 'count') : 0
  const column = FlatColumn.load(Uint32Array, load?.parts, count)
  // How many of the first are in order.
  let ordered = count

  function sorted(): Uint32Array {
    if (ordered < count) merge()
    return column.array.subarray(0, count)
  }

  /** Puts the late ones into their places, from the highest down, moving what is above each once. */
  function merge(): void {
    const { array } = column
    const late = [...array.subarray(ordered, count)].sort((a, b) => documents.compareIds(a, b))
    let end = ordered
    for (let write = count; late.length > 0; ) {
      const one = late.pop() as number
      const place = placeOf(array, one, end)
      write -= end - place
      array.copyWithin(write, place, end)
      array[--write] = one
      end = place
    }
    ordered = count
  }

  /** How many of the first `end` stand below a document. */
  function placeOf(array: Uint32Array, document: number, end: number): number {
    let low = 0
    let high = end
    while (low < high) {
      const middle = (low + high) >> 1
      if (documents.compareIds(array[middle] as number, document) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    get bytes() {
      return column.bytes
    },
    add(document) {
      column.reserve(count + 1)
      const { array } = column
      const isLast = count === 0 || documents.compareIds(array[count - 1] as number, document) <= 0
      if (ordered === count && isLast) ordered++
      array[count++] = document
    },
    sweep() {
      const { array } = column
      const all = sorted()
      count = 0
      for (const document of all) if (documents.lengths[document] !== 0) array[count++] = document
      ordered = count
    },
    sorted,
    dump(parts) {
      sorted()
      column.dump(parts, count)
      return { count }
    },
  }
}
