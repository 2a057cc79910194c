import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { parseMailAddress } from '../../core/mail-address.ts'
import type { Context } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { EmailAddress } from '../emails/email.ts'
import { insertEmail } from '../emails/store.ts'
import { requireMail } from '../mails/mail.ts'
import { queueMail } from '../mails/store.ts'
import { findPassword } from '../passwords/store.ts'
import { PrincipalName, type PrincipalRow, UserHandle } from '../principals/principal.ts'
import { getPrincipal, insertPrincipal } from '../principals/store.ts'
import { insistOnCredentialFor } from '../roles/credential-for.ts'
import { HandedOrMailed, handedOver, mailedTo } from './password-link.ts'
import { insertLink } from './store.ts'

const Invite = z
  .strictObject({
    handle: UserHandle.optional().describe('Of a user who is made by it.'),
    name: PrincipalName.optional().describe('Of the user who is made.'),
    principalId: idField('usr').optional().describe('A user who is there and has no password.'),
    email: EmailAddress.optional().describe(
      'Where the invitation is mailed: it is in no answer then, and accepting it proves the address.',
    ),
  })
  .refine((input) => (input.handle === undefined) !== (input.principalId === undefined), {
    error: 'give either handle or principalId',
  })
  .refine((input) => input.name === undefined || input.handle !== undefined, {
    error: 'name goes with handle',
    path: ['name'],
  })

/**
 * Lets a person set his first password. Fails with `already_exists`, `handle_retired`, `not_found`,
 * `in_use` for who has a password, `above_own_rights`, `no_mail`.
 */
export const createInvitation = operation({
  id: 'invitations.create',
  method: 'POST',
  path: '/v1/invitations',
  summary: 'Invite a person to set a password; the token is mailed, or shown once.',
  effect: 'write',
  idempotent: true,
  permission: 'user:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'invitation',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'invitation.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id ?? output.principalId }),
    ...((output || input.principalId) && {
      details: {
        principal: output?.principalId ?? input.principalId ?? '',
        mailed: input.email !== undefined,
      },
    }),
  }),
  input: Invite,
  output: HandedOrMailed,
  status: 201,
  secretAnswer: true,
  // Whoever gets the link should not get it all day. Counted here, since `run` may be run again.
  prepare: async ({ services, caller: { tenant } }, { handle, principalId, email }) => {
    if (email !== undefined) requireMail(services)
    const login = handle ?? principalId ?? ''
    services.rateLimits.spendFor('invitation', { tenant, login })
    if (email === undefined) return
    const mailbox = parseMailAddress(email)?.lookup ?? email
    services.rateLimits.spendFor('email', { tenant, login: mailbox })
  },
  run: async (ctx, input) => {
    const { principal_id: principalId } = await invited(ctx, input)
    const { principalId: createdBy, keyId } = ctx.caller
    const order = { principalId, createdBy, now: ctx.now } as const
    if (input.email !== undefined) {
      const { email_id: emailId } = await insertEmail(ctx.store, { ...order, address: input.email })
      const content = { kind: 'invitation', emailId, by: createdBy, key: keyId } as const
      await queueMail(ctx.store, { ...order, content })
      return mailedTo(principalId)
    }
    const { row, token } = await insertLink(ctx.store, {
      ...order,
      kind: 'invitation',
      keyId,
      emailId: null,
    })
    return handedOver(row, token)
  },
})

async function invited(ctx: Context, input: z.output<typeof Invite>): Promise<PrincipalRow> {
  if (input.handle !== undefined) {
    const profile = { handle: input.handle, name: input.name ?? null }
    return insertPrincipal(ctx.store, profile, ctx.now)
  }
  if (input.principalId === undefined) throw new LocketError('invalid_input')
  const row = await getPrincipal(ctx.store, input.principalId)
  await insistOnCredentialFor(ctx, row.principal_id)
  if (await findPassword(ctx.store, row.principal_id)) {
    throw new LocketError('in_use', 'principalId: has a password; make a password reset')
  }
  return row
}
