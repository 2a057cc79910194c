/** Cursors: an opaque text that carries the last id of a page, bound to the list it came from. */
import { fromBase64Url, fromUtf8, toBase64Url, toUtf8 } from './encoding.ts'
import { LocketError } from './errors.ts'

export interface Page<Item> {
  readonly items: Item[]
  readonly nextCursor: string | null
}

/** A cursor for `list` (an operation's id) that continues after `last`. */
export function toCursor(list: string, last: string): string {
  return toBase64Url(toUtf8(`1 ${list} ${last}`))
}

/** The id to continue after. Throws `invalid_cursor` when the cursor is not one of this list's. */
export function fromCursor(list: string, cursor: string): string {
  const bytes = fromBase64Url(cursor)
  const parts = bytes && isAscii(bytes) ? fromUtf8(bytes).split(' ') : []
  const last = parts[2]
  if (parts.length !== 3 || parts[0] !== '1' || parts[1] !== list || !last) {
    throw new LocketError('invalid_cursor')
  }
  return last
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80)
}

/**
 * A page from rows that were read with one more than `limit`: the extra row only tells that there
 * is a next page.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  options: { list: string; limit: number; id: (row: Row) => string; item: (row: Row) => Item },
): Page<Item> {
  const shown = rows.slice(0, options.limit)
  const last = shown.at(-1)
  const more = rows.length > options.limit && last !== undefined
  return {
    items: shown.map(options.item),
    nextCursor: more ? toCursor(options.list, options.id(last)) : null,
  }
}
