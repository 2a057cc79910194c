import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { readableSpaces } from './access.ts'
import { Space, toSpace } from './space.ts'

const id = 'spaces.list'

/** Lists the spaces that the caller may read. Fails with `invalid_cursor`. */
export const listSpaces = operation({
  id,
  method: 'GET',
  path: '/v1/spaces',
  summary: 'List the spaces that the caller may read.',
  effect: 'read',
  idempotent: false,
  permission: 'memory:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'space.listed',
  input: z.strictObject(pageFields),
  output: pageOf(Space),
  status: 200,
  run: async (ctx, input) => {
    const after = input.cursor ? fromCursor(id, input.cursor) : ''
    const rows = await readableSpaces(ctx.store, ctx.caller, { after, limit: input.limit + 1 })
    const page = toPage(rows, {
      list: id,
      limit: input.limit,
      id: (row) => row.space_id,
      item: (row) => toSpace(ctx.store, row),
    })
    return { items: await Promise.all(page.items), nextCursor: page.nextCursor }
  },
})
