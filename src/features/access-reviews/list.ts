import { z } from 'zod'
import { day_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { kinds } from '../principals/principal.ts'
import { listPrincipalRows } from '../principals/store.ts'
import { Reviewed, review, unusedDays } from './access-review.ts'

const id = 'access-reviews.list'

/**
 * Lists who can do what. It needs `audit:read`, since it looks at everybody and changes nothing: who
 * reviews need not be able to grant. Fails with `invalid_cursor`.
 */
export const listAccessReview = operation({
  id,
  method: 'GET',
  path: '/v1/access-review',
  summary:
    'Review who can do what, and which keys nobody uses. A page may hold fewer than asked for.',
  effect: 'read',
  idempotent: false,
  permission: 'audit:read',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'access-review.listed',
  facts: ({ only }, output) => ({ details: { only, items: output?.items.length ?? 0 } }),
  input: z.strictObject({
    kind: z.enum(kinds).optional(),
    unusedDays: z.coerce
      .number()
      .int()
      .min(1)
      .max(limits.accessReview_days_max)
      .default(unusedDays)
      .describe('After how many days a key counts as unused.'),
    only: z
      .enum(['all', 'unused', 'disabled'])
      .default('all')
      .describe('Everybody, those with an unused key, or those that are disabled.'),
    ...pageFields,
    limit: z.coerce.number().int().min(1).max(limits.accessReview_principals_max).default(20),
  }),
  output: pageOf(Reviewed),
  status: 200,
  run: async (ctx, input) => {
    const rows = await listPrincipalRows(ctx.store, {
      after: input.cursor ? fromCursor(id, input.cursor) : '',
      kinds: kinds.filter((kind) => kind === (input.kind ?? kind)),
      limit: input.limit + 1,
    })
    const page = toPage(rows, {
      list: id,
      limit: input.limit,
      id: (row) => row.principal_id,
      item: (row) => row,
    })
    const items: Reviewed[] = []
    for (const row of page.items) {
      if (input.only === 'disabled' && row.state !== 'disabled') continue
      const reviewed = await review(ctx, row, ctx.now - input.unusedDays * day_ms)
      if (input.only !== 'unused' || reviewed.unusedKeys.length > 0) items.push(reviewed)
    }
    return { items, nextCursor: page.nextCursor }
  },
})
