import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { parseMailAddress } from '../../core/mail-address.ts'
import { operation } from '../../kernel/operation.ts'
import { requireMail } from '../mails/mail.ts'
import { queueMail } from '../mails/store.ts'
import { Email, EmailAddress, toEmail } from './email.ts'
import { insertEmail } from './store.ts'

/**
 * Has a link sent to an address that is to be one's own; the one before counts until it came back. For
 * who is signed in: fails with `not_found` for others, `no_mail`, `too_many_requests`.
 */
export const createEmail = operation({
  id: 'emails.create',
  method: 'POST',
  path: '/v1/emails',
  summary: 'Take another e-mail address: a link is sent there that proves it.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  stepUp: true,
  // For no credential but a sign-in, and nothing before it is proven.
  leaves: 'nothing',
  audit: 'email.created',
  facts: (_, output) => ({ ...(output && { resourceId: output.id }) }),
  input: z.strictObject({ address: EmailAddress }),
  output: Email,
  status: 201,
  prepare: async ({ services, caller }, { address }) => {
    if (!isId('sin', caller.credentialId)) throw new LocketError('not_found')
    requireMail(services)
    const { tenant, principalId } = caller
    // Who says that somebody else's is his does not fill that mailbox.
    const login = parseMailAddress(address)?.lookup ?? address
    services.rateLimits.spendFor('email', { tenant, login: principalId })
    services.rateLimits.spendFor('email', { tenant, login })
  },
  run: async (ctx, { address }) => {
    const { principalId } = ctx.caller
    const order = { principalId, address, createdBy: principalId, now: ctx.now }
    const row = await insertEmail(ctx.store, order)
    const content = { kind: 'email-proof', emailId: row.email_id } as const
    await queueMail(ctx.store, { principalId, content, now: ctx.now })
    return toEmail(ctx.store, row)
  },
})
