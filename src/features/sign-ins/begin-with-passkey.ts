import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { Timestamp } from '../../kernel/fields.ts'
import { publicOperation } from '../../kernel/operation.ts'
import { PasskeyRequest, partyOf, requestOf } from '../passkeys/passkey.ts'
import { newSignInChallenge } from '../passkeys/sign-in-challenge.ts'
import { Slug } from '../tenants/tenant.ts'

/**
 * Begins a sign-in that needs nothing but a passkey: which one, the browser knows. Nothing is kept of it, and
 * the answer is the same whoever is there. Fails with `passkeys_unavailable`, `too_many_requests`.
 */
export const beginSignIn = publicOperation({
  id: 'sign-ins.begin-with-passkey',
  method: 'POST',
  path: '/v1/sign-ins/passkeys',
  summary: 'Begin to sign in with a passkey alone; POST /v1/sign-ins/factors finishes it.',
  effect: 'read',
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  audit: 'sign-in.begun',
  opening: true,
  input: z.strictObject({
    tenant: z.string().min(1).max(100).describe('The name (slug) of the tenant.'),
  }),
  output: z.strictObject({
    challenge: z.string().describe('lkp_…, for POST /v1/sign-ins/factors, once.'),
    passkey: PasskeyRequest.describe('For `navigator.credentials.get()`.'),
    expiresAt: Timestamp,
  }),
  status: 201,
  prepare: async (ctx) => {
    partyOf(ctx.services)
    // Nobody's yet, so its event is in the instance's own log.
    ctx.about({ tenant: instanceTenant, actor: null, credentialId: null })
  },
  run: async (ctx, { tenant }) => {
    // Nothing else could be a tenant's, and whether this is one is asked when it is answered.
    const slug = Slug.safeParse(tenant).success ? tenant : ''
    const { token, challenge, endsAt_ms } = await newSignInChallenge(ctx.open(instanceTenant), {
      slug,
      now: ctx.now,
    })
    return {
      challenge: token,
      passkey: requestOf(partyOf(ctx.services), { challenge, allowed: [] }),
      expiresAt: toTimestamp(endsAt_ms),
    }
  },
})
