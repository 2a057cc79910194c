import { z } from 'zod'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { publicOperation } from '../../kernel/operation.ts'
import { requireMail } from '../mails/mail.ts'
import { offerMail } from '../mails/store.ts'
import { tenantOfSlug } from '../tenants/store.ts'

/**
 * Has a mail sent by which somebody sets another password, to the proven address of whoever this is.
 * Whether there is such a person, and an address, is looked up when the mail is sent: here every name is written
 * down alike, so neither the answer nor its time tells. Fails with `no_mail`.
 */
export const requestPasswordReset = publicOperation({
  id: 'password-resets.request',
  method: 'POST',
  path: '/v1/password-resets/requests',
  summary: 'Ask for a mail by which one sets another password, whether there is an account or not.',
  effect: 'write',
  rateClass: 'reset',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  audit: 'password-reset.requested',
  opening: true,
  input: z.strictObject({
    tenant: z.string().min(1).max(100).describe('The name (slug) of the tenant.'),
    login: z.string().min(1).max(300).describe('The e-mail address, or the name.'),
  }),
  output: z.strictObject({ accepted: z.literal(true) }),
  status: 202,
  prepare: async (ctx, { tenant: slug }) => {
    requireMail(ctx.services)
    const found = await ctx.read((inside) => tenantOfSlug(inside.open(instanceTenant), slug))
    const tenant = found ?? instanceTenant
    ctx.about({ tenant, actor: null, credentialId: null })
    return { tenant }
  },
  run: async (ctx, { login }, { tenant }) => {
    const content = { kind: 'reset-request', login } as const
    // Where strangers have asked too often nothing is sent, and nobody is told.
    await offerMail(ctx.open(tenant), { principalId: null, content, now: ctx.now })
    return { accepted: true as const }
  },
})
