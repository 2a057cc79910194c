import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { provenEmail } from '../emails/store.ts'
import { requireMail } from '../mails/mail.ts'
import { queueMail } from '../mails/store.ts'
import { findPassword } from '../passwords/store.ts'
import { getPrincipal } from '../principals/store.ts'
import { insistOnCredentialFor } from '../roles/credential-for.ts'
import { HandedOrMailed, handedOver, mailedTo } from './password-link.ts'
import { insertLink } from './store.ts'

/**
 * Lets a person set another password. The old one works until then. Fails with `not_found`, also for
 * who has no password, `above_own_rights`, and for one by mail `no_mail` and `no_address`.
 */
export const createPasswordReset = operation({
  id: 'password-resets.create',
  method: 'POST',
  path: '/v1/password-resets',
  summary: 'Let a person set another password; the token is mailed, or shown once.',
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
    ...(output && { resourceId: output.id ?? output.principalId }),
    details: { principal: input.principalId, mailed: input.byMail },
  }),
  input: z.strictObject({
    principalId: idField('usr'),
    byMail: z
      .boolean()
      .default(false)
      .describe('Mail it to the proven address of the person, and show it to nobody.'),
  }),
  output: HandedOrMailed,
  status: 201,
  secretAnswer: true,
  // Whoever gets the link should not get it all day. Counted here, since `run` may be run again.
  prepare: async ({ services, caller }, { principalId, byMail }) => {
    if (byMail) requireMail(services)
    services.rateLimits.spendFor('reset', { tenant: caller.tenant, login: principalId })
  },
  run: async (ctx, input) => {
    const principal = await getPrincipal(ctx.store, input.principalId)
    const { principal_id: principalId } = principal
    await insistOnCredentialFor(ctx, principalId)
    if (!(await findPassword(ctx.store, principalId))) throw new LocketError('not_found')
    const { principalId: createdBy, keyId } = ctx.caller
    const order = { principalId, createdBy, now: ctx.now } as const
    if (input.byMail) {
      if (!(await provenEmail(ctx.store, principalId))) {
        throw new LocketError('no_address')
      }
      const content = { kind: 'password-reset', by: createdBy, key: keyId } as const
      await queueMail(ctx.store, { ...order, content })
      return mailedTo(principalId)
    }
    const { row, token } = await insertLink(ctx.store, {
      ...order,
      kind: 'password-reset',
      keyId,
      emailId: null,
    })
    return handedOver(row, token)
  },
})
