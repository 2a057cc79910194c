import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import type { Caller } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { operation, type Resource } from '../../kernel/operation.ts'
import { getPrincipal } from '../principals/store.ts'
import { Email, toEmail } from './email.ts'
import { emailsOf } from './store.ts'

interface Named {
  readonly principalId?: `usr_${string}` | undefined
}

const isOwn = ({ principalId }: Named, caller: Caller): boolean =>
  principalId === undefined || principalId === caller.principalId

/** Lists the addresses of oneself, or of another where one manages users. Fails with `not_found`. */
export const listEmails = operation({
  id: 'emails.list',
  method: 'GET',
  path: '/v1/emails',
  summary: 'List one’s own e-mail addresses, or those of another user.',
  effect: 'read',
  idempotent: false,
  permission: {
    of: ['self:read', 'user:manage'],
    by: (input: Named, caller) => (isOwn(input, caller) ? 'self:read' : 'user:manage'),
  },
  resource: {
    of: ['self', 'tenant'],
    by: (input: Named, caller): Resource => ({ kind: isOwn(input, caller) ? 'self' : 'tenant' }),
  },
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'email.listed',
  input: z.strictObject({ principalId: idField('usr').optional() }),
  output: z.strictObject({ items: z.array(Email) }),
  status: 200,
  run: async (ctx, { principalId = ctx.caller.principalId }) => {
    await getPrincipal(ctx.store, principalId)
    const rows = await emailsOf(ctx.store, principalId)
    return { items: await Promise.all(rows.map((row) => toEmail(ctx.store, row))) }
  },
})
