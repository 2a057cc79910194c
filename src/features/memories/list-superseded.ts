/** The list of what compaction replaced. It stands in no index, so its rows are read. */
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor, type Page, toCursor } from '../../core/page.ts'
import type { Context } from '../../kernel/context.ts'
import type { SpaceStore, StoredMemory } from '../../storage/space-store.ts'
import type { Predicate } from './filter.ts'
import { decodeRecord, isExpired, type Memory, toDocument, toMemory } from './memory.ts'

const list = 'memories.list-superseded'

interface Question {
  readonly limit: number
  readonly filter?: Predicate | undefined
  readonly cursor?: string | undefined
}

/**
 * A page, the latest first. It looks through so many rows and may end before it is full: the cursor
 * tells whether there is more. Throws `invalid_cursor`.
 */
export async function listSuperseded(ctx: Context, question: Question): Promise<Page<Memory>> {
  const { limit, filter, cursor } = question
  const items: Memory[] = []
  if (!ctx.spaces[0]) return { items, nextCursor: null }
  let looked = 0
  for await (const { id, seq, record: bytes } of rowsOf(ctx.space, seqOf(cursor))) {
    looked += 1
    const record = bytes && decodeRecord(bytes)
    const shown = record && !isExpired(record, ctx.now)
    if (shown && (!filter || filter(toDocument(id, bytes).fields))) {
      items.push(toMemory(id, ctx.namedSpace.handle, record))
    }
    if (items.length === limit || looked === limits.supersededScan_rows) {
      return { items, nextCursor: toCursor(list, String(seq)) }
    }
  }
  return { items, nextCursor: null }
}

async function* rowsOf(space: SpaceStore, before: number): AsyncGenerator<StoredMemory> {
  const limit = limits.page_items_max
  for (let last = before; ; ) {
    const rows = await space.supersededBefore(last, limit)
    yield* rows
    const end = rows.at(-1)
    if (!end || rows.length < limit) return
    last = end.seq
  }
}

function seqOf(cursor: string | undefined): number {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER
  const seq = fromCursor(list, cursor)
  if (!/^\d{1,15}$/.test(seq)) throw new LocketError('invalid_cursor')
  return Number(seq)
}
