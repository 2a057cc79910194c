import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toCursor } from '../../core/page.ts'
import type { Context } from '../../kernel/context.ts'
import { pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { defaultSpace } from '../spaces/access.ts'
import { SpaceHandle } from '../spaces/space.ts'
import { Filter } from './filter.ts'
import { decodeRecord, isExpired, Memory, type MemoryId, toMemory } from './memory.ts'

const id = 'memories.export'

/** How many memories are opened before it is looked at how large the page has become. */
const step_items = 50

const ExportMemories = z.strictObject({
  space: SpaceHandle.optional().describe('The caller’s own space when absent, for a user.'),
  filter: Filter.optional(),
  limit: z
    .number()
    .int()
    .min(1)
    .max(limits.exportPage_items_max)
    .default(limits.exportPage_items_max)
    .describe('A page of large memories is shorter.'),
  cursor: z.string().max(200).optional(),
})

/** Where an export goes on after the memory of this id. */
export function exportCursor(last: MemoryId): string {
  return toCursor(id, last)
}

/**
 * Gives out all memories of a space, page after page in the order of ids: what is stored, changed or
 * deleted meanwhile moves nothing, so that each memory that stays is given once. Every page is an
 * operation of its own, authorised and audited before it leaves. Fails with `invalid_cursor`,
 * `invalid_filter`.
 */
export const exportMemories = operation({
  id,
  method: 'POST',
  path: '/v1/memories/export',
  summary: 'Export the memories of a space, a page in the order of their ids.',
  effect: 'read',
  idempotent: false,
  permission: 'memory:export',
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
  surfaces: ['http'],
  audit: 'memory.exported',
  facts: (input, output) => ({
    details: {
      items: output?.items.length ?? 0,
      filtered: input.filter !== undefined,
      last: output?.nextCursor === null,
    },
  }),
  input: ExportMemories,
  output: pageOf(Memory),
  status: 200,
  prepare: async (ctx) => {
    for (const space of ctx.spaces) await ctx.services.indexes.catchUp(space)
  },
  run: async (ctx, input) => {
    const after = input.cursor === undefined ? undefined : fromCursor(id, input.cursor)
    if (!ctx.spaces[0]) return { items: [], nextCursor: null }
    const index = await ctx.services.indexes.current(ctx.space)
    const { limit, filter } = input
    const ids = index.listUp({
      limit: limit + 1,
      now: ctx.now,
      ...(after !== undefined && { after }),
      ...(filter && { accept: filter }),
    }) as MemoryId[]
    const { items, looked } = await openUpTo(ctx, ids.slice(0, limit))
    const last = ids[looked - 1]
    return { items, nextCursor: last && looked < ids.length ? exportCursor(last) : null }
  },
})

/**
 * Opens memories in their order until the page is large enough, and tells how many it looked at; one
 * that is over by now is left out.
 */
async function openUpTo(
  ctx: Context,
  ids: readonly MemoryId[],
): Promise<{ items: Memory[]; looked: number }> {
  const items: Memory[] = []
  let bytes = 0
  let looked = 0
  while (looked < ids.length && bytes < limits.exportPage_bytes_max) {
    const some = ids.slice(looked, looked + step_items)
    const found = await ctx.space.getMany(some)
    for (const one of some) {
      const stored = found.get(one)?.record
      const record = stored && decodeRecord(stored)
      if (!record || isExpired(record, ctx.now)) continue
      bytes += stored.length
      items.push(toMemory(one, ctx.namedSpace.handle, record))
    }
    looked += some.length
  }
  return { items, looked }
}
