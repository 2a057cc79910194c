import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { findPassword } from '../passwords/store.ts'
import { getPrincipal } from '../principals/store.ts'
import { insistOnCredentialFor } from '../roles/credential-for.ts'
import { NewPasswordLink, toNewPasswordLink } from './password-link.ts'
import { insertLink } from './store.ts'

/**
 * Lets a person set another password. The old one works until then. Fails with `not_found`, also for
 * who has no password, and `above_own_rights`.
 */
export const createPasswordReset = operation({
  id: 'password-resets.create',
  method: 'POST',
  path: '/v1/password-resets',
  summary: 'Let a person set another password; the answer holds the token, shown once.',
  effect: 'write',
  idempotent: true,
  permission: 'user:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'reset',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'password-reset.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { principal: input.principalId },
  }),
  input: z.strictObject({ principalId: idField('usr') }),
  output: NewPasswordLink,
  status: 201,
  secretAnswer: true,
  // Whoever gets the link should not get it all day. Counted here, since `run` may be run again.
  prepare: async ({ services, caller }, { principalId }) => {
    services.rateLimits.spendFor('reset', { tenant: caller.tenant, login: principalId })
  },
  run: async (ctx, input) => {
    const principal = await getPrincipal(ctx.store, input.principalId)
    const { principal_id: principalId } = principal
    await insistOnCredentialFor(ctx, principalId)
    if (!(await findPassword(ctx.store, principalId))) throw new LocketError('not_found')
    const order = { principalId, createdBy: ctx.caller.principalId, now: ctx.now } as const
    const { row, token } = await insertLink(ctx.store, { ...order, kind: 'password-reset' })
    return toNewPasswordLink(row, token)
  },
})
