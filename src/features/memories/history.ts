import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { keptVersion } from './get.ts'
import { decodeRecord, Memory, toMemory } from './memory.ts'

/** Lists the versions of a memory, newest first, each with its provenance. Fails with `not_found`. */
export const memoryHistory = operation({
  id: 'memories.history',
  method: 'GET',
  path: '/v1/memories/{id}/history',
  summary: 'List the versions of a memory, newest first.',
  effect: 'read',
  idempotent: false,
  permission: 'memory:read',
  resource: {
    of: ['memory'],
    by: (input) => ({ kind: 'memory', id: input.id }),
  },
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.history-read',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('mem') }),
  output: z.strictObject({ items: z.array(Memory) }),
  status: 200,
  run: async (ctx, input) => {
    const { record } = await keptVersion(ctx, input.id)
    const older = await ctx.space.versions(input.id, limits.versions_max)
    const records = [record, ...older.map(decodeRecord)]
    return { items: records.map((one) => toMemory(input.id, ctx.namedSpace.handle, one)) }
  },
})
