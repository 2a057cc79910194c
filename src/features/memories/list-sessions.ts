import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'

const Session = z.strictObject({
  sessionId: z.string(),
  memories: z.number().int(),
  firstAt: Timestamp,
  lastAt: Timestamp,
})

/** Lists the sessions that a space's memories come from, the latest first. Fails with `not_found`. */
export const listSessions = operation({
  id: 'spaces.sessions',
  method: 'GET',
  path: '/v1/spaces/{id}/sessions',
  summary: 'List the sessions of a space, the latest first.',
  effect: 'read',
  idempotent: false,
  permission: 'memory:read',
  resource: {
    of: ['space'],
    by: (input) => ({ kind: 'space', id: input.id }),
  },
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'space.sessions-listed',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({
    id: idField('spc'),
    limit: z.coerce.number().int().min(1).max(limits.sessions_max).default(100),
  }),
  output: z.strictObject({ items: z.array(Session) }),
  status: 200,
  prepare: async (ctx) => {
    for (const space of ctx.spaces) await ctx.services.indexes.catchUp(space)
  },
  run: async (ctx, input) => {
    const index = await ctx.services.indexes.current(ctx.space)
    const sessions = index.sessions({ limit: input.limit, now: ctx.now })
    return {
      items: sessions.map(({ sessionId, memories, firstAt, lastAt }) => ({
        sessionId,
        memories,
        firstAt: toTimestamp(firstAt),
        lastAt: toTimestamp(lastAt),
      })),
    }
  },
})
