import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { overSpace } from '../../kernel/rights.ts'
import { Space, type SpaceRow, toSpace } from './space.ts'
import { listSpaceRows } from './store.ts'

const id = 'spaces.list'

/** Lists the spaces that the caller may read. Fails with `invalid_cursor`. */
export const listSpaces = operation({
  id,
  method: 'GET',
  path: '/v1/spaces',
  summary: 'List the spaces that the caller may read. A page may hold fewer than asked for.',
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
    const rows = await listSpaceRows(ctx.store, { after, limit: input.limit + 1 })
    const { rights, principalId } = ctx.caller
    const readable = (row: SpaceRow): boolean => {
      const space = { id: row.space_id, ownerId: row.owner_id }
      return overSpace(rights, 'memory:read', { space, principal: principalId }) !== null
    }
    const page = toPage(rows, {
      list: id,
      limit: input.limit,
      id: (row) => row.space_id,
      item: (row) => row,
    })
    const items = page.items.filter(readable).map((row) => toSpace(ctx.store, row))
    return { items: await Promise.all(items), nextCursor: page.nextCursor }
  },
})
