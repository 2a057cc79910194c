import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { Email, toEmail } from './email.ts'
import { notifyAt } from './notify.ts'
import { findByProof, makeProven } from './store.ts'

/**
 * Proves an address with the token that was sent there. For whose it is to be alone, signed in, so that
 * nobody is given another's by following a link. Fails with `not_found` for a token that is none of the caller's,
 * and `already_exists` where another has proven the address first.
 */
export const proveEmail = operation({
  id: 'emails.prove',
  method: 'POST',
  path: '/v1/emails/prove',
  summary: 'Prove an e-mail address of one’s own with the token that was sent there.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  // What it gives somebody signed in has asked for, with the password at hand.
  leaves: 'nothing',
  audit: 'email.proven',
  facts: (_, output) => ({ ...(output && { resourceId: output.id }) }),
  input: z.strictObject({ token: z.string().max(200).describe('lke_…') }),
  output: Email,
  status: 200,
  run: async (ctx, { token }) => {
    const row = await findByProof(ctx.store, token, ctx.now)
    const { caller } = ctx
    const isSignedIn = isId('sin', caller.credentialId)
    if (!isSignedIn || row?.principal_id !== caller.principalId) throw new LocketError('not_found')
    const made = await makeProven(ctx.store, row, ctx.now)
    if (!made) throw new LocketError('already_exists')
    const { proven, before } = made
    // To the old address as well: its owner may not be who has changed it.
    for (const email of [proven, ...(before ? [before] : [])]) {
      await notifyAt(ctx, ctx.store, { email, what: 'email-changed' })
    }
    return toEmail(ctx.store, proven)
  },
})
