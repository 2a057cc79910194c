import { z } from 'zod'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import type { Context } from '../../kernel/context.ts'
import { pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { defaultSpace } from '../spaces/access.ts'
import { SpaceHandle } from '../spaces/space.ts'
import { Filter } from './filter.ts'
import { listSuperseded } from './list-superseded.ts'
import { decodeRecord, isExpired, Memory, type MemoryId, toMemory } from './memory.ts'

const id = 'memories.list'

const ListMemories = z.strictObject({
  space: SpaceHandle.optional(),
  filter: Filter.optional(),
  status: z
    .enum(['active', 'superseded'])
    .default('active')
    .describe('`superseded`: what compaction replaced, the latest first.'),
  limit: z.number().int().min(1).max(limits.page_items_max).default(50),
  cursor: z.string().max(200).optional(),
})

/** Lists memories of a space, newest first. Fails with `invalid_cursor`, `invalid_filter`. */
export const listMemories = operation({
  id,
  method: 'POST',
  path: '/v1/memories/list',
  summary: 'List memories of a space, newest first.',
  effect: 'read',
  idempotent: false,
  permission: 'memory:read',
  resource: {
    of: ['spaces'],
    by: (input, caller) => ({
      kind: 'spaces',
      handles: [input.space ?? defaultSpace(caller)],
      absent: 'skip',
    }),
  },
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.listed',
  facts: (_, output) => ({ details: { items: output?.items.length ?? 0 } }),
  input: ListMemories,
  output: pageOf(Memory),
  status: 200,
  prepare: async (ctx, input) => {
    if (input.status === 'superseded') return
    for (const space of ctx.spaces) await ctx.services.indexes.catchUp(space)
  },
  run: async (ctx, input) => {
    if (input.status === 'superseded') return listSuperseded(ctx, input)
    const before = input.cursor === undefined ? undefined : fromCursor(id, input.cursor)
    if (!ctx.spaces[0]) return { items: [], nextCursor: null }
    const index = await ctx.services.indexes.current(ctx.space)
    const { limit, filter } = input
    const ids = index.list({
      limit: limit + 1,
      now: ctx.now,
      ...(before !== undefined && { before }),
      ...(filter && { accept: filter }),
    })
    const page = toPage(ids, { list: id, limit, id: (one) => one, item: (one) => one as MemoryId })
    return { items: await openMemories(ctx, page.items), nextCursor: page.nextCursor }
  },
})

/** Opens memories in the order asked for; one that is gone by now is left out. */
async function openMemories(ctx: Context, ids: readonly Id<'mem'>[]): Promise<Memory[]> {
  const items: Memory[] = []
  const found = await ctx.space.getMany(ids)
  for (const one of ids) {
    const bytes = found.get(one)?.record
    const record = bytes && decodeRecord(bytes)
    if (record && !isExpired(record, ctx.now)) {
      items.push(toMemory(one, ctx.namedSpace.handle, record))
    }
  }
  return items
}
