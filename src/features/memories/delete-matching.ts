import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { defaultSpace } from '../spaces/access.ts'
import { SpaceHandle } from '../spaces/space.ts'
import { Filter, type Predicate } from './filter.ts'
import { forgetSnapshot } from './forget-snapshot.ts'
import { type MemoryId, SessionId, toDocument } from './memory.ts'

const DeleteMatching = z
  .strictObject({
    space: SpaceHandle.optional(),
    filter: Filter.optional(),
    sessionId: SessionId.optional(),
  })
  .refine((input) => input.filter !== undefined || input.sessionId !== undefined, {
    message: 'give a filter or a sessionId',
  })
type DeleteMatching = z.output<typeof DeleteMatching>

/**
 * Deletes the memories of a space that match a filter, or all of one session, those that compaction
 * replaced among them. What is stored while it runs may stay. Fails with `not_found`, `invalid_filter`.
 */
export const deleteMatching = operation({
  id: 'memories.delete-matching',
  method: 'POST',
  path: '/v1/memories/delete',
  summary: 'Delete the memories of a space that match a filter, or all of a session.',
  effect: 'destroy',
  idempotent: true,
  permission: 'memory:delete',
  resource: {
    of: ['spaces'],
    by: (input, caller) => ({
      kind: 'spaces',
      handles: [input.space ?? defaultSpace(caller)],
      absent: 'skip',
    }),
  },
  rateClass: 'write',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.deleted-matching',
  facts: (_, output) => ({ details: { deleted: output?.deleted ?? 0 } }),
  input: DeleteMatching,
  output: z.strictObject({
    deleted: z.number().int(),
    more: z.boolean().describe(`True when over ${limits.delete_matching_max} match: ask again.`),
  }),
  status: 200,
  // The index is followed from committed snapshots only, so it is asked before the transaction;
  // the transaction then looks at each row itself.
  prepare: async (ctx, input) => {
    const [space] = ctx.spaces
    if (!space) return []
    const held = await ctx.services.indexes.catchUp(space)
    const accept = predicateOf(input)
    const question = { limit: limits.delete_matching_max + 1, now: ctx.now, accept }
    const found = await space.read(async (store) => {
      const index = await ctx.services.indexes.current(store, held)
      return index.list(question) as MemoryId[]
    })
    for await (const id of supersededOnes(space, accept)) {
      if (found.length > limits.delete_matching_max) break
      found.push(id)
    }
    return found
  },
  run: async (ctx, input, found: MemoryId[]) => {
    const accept = predicateOf(input)
    let deleted = 0
    for (const id of found.slice(0, limits.delete_matching_max)) {
      const stored = await ctx.space.getKept(id)
      if (!stored || !accept(toDocument(id, stored.record).fields)) continue
      await ctx.space.remove(id)
      deleted += 1
    }
    if (deleted > 0) {
      await forgetAnswers(ctx.store, ctx.space.id)
      forgetSnapshot(ctx)
    }
    return { deleted, more: found.length > limits.delete_matching_max }
  },
})

/** Those that match of what compaction replaced: it stands in no index. */
async function* supersededOnes(space: PreparedSpace, accept: Predicate): AsyncGenerator<MemoryId> {
  const limit = limits.page_items_max
  let before = Number.MAX_SAFE_INTEGER
  for (;;) {
    const last = before
    const rows = await space.read((store) => store.supersededBefore(last, limit))
    for (const { id, seq, record } of rows) {
      before = seq
      if (record && accept(toDocument(id, record).fields)) yield id
    }
    if (rows.length < limit) return
    await new Promise(setImmediate)
  }
}

function predicateOf(input: DeleteMatching): Predicate {
  const { filter, sessionId } = input
  if (!filter && sessionId === undefined) throw new LocketError('invalid_input')
  return (fields) =>
    (sessionId === undefined || fields.sessionId === sessionId) && (!filter || filter(fields))
}
