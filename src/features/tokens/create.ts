import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { type Caller, sourceOf } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import { type AccessToken, newAccessToken } from './access-token.ts'
import { insertFamily } from './store.ts'
import { NewTokens } from './token.ts'

interface Prepared {
  readonly familyId: Id<'fam'>
  readonly expiresAt_ms: number
  readonly access: AccessToken
}

/**
 * Exchanges an API key or a sign-in for tokens. They may do what that may, but nothing that needs the
 * password again, from where it may be used, and die with it. Where one has got too many the oldest end.
 * Fails with `permission_denied` for any other credential, `step_up_required`, `quota_exceeded`.
 */
export const createTokens = operation({
  id: 'tokens.create',
  method: 'POST',
  path: '/v1/tokens',
  summary: 'Exchange an API key or a sign-in for short tokens; the answer holds them, shown once.',
  effect: 'write',
  idempotent: true,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'token',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  leaves: 'bound',
  audit: 'token.created',
  facts: (_input, output) => ({ ...(output && { resourceId: output.familyId }) }),
  input: z.strictObject({
    refresh: z.boolean().default(true).describe('Whether a refresh token is wanted.'),
  }),
  output: NewTokens,
  status: 201,
  secretAnswer: true,
  stepUp: true,
  prepare: async ({ caller, now, services }, { refresh }): Promise<Prepared> => {
    const credential = exchangeable(caller)
    const life_ms = refresh ? limits.refreshToken_life_ms : limits.accessToken_life_ms
    const expiresAt_ms = Math.min(now + life_ms, caller.expiresAt_ms ?? Number.POSITIVE_INFINITY)
    const familyId = newId('fam', () => now)
    const { tenant, principalId: principal, signedInAt_ms } = caller
    const family = { family: familyId, familyEnds_ms: expiresAt_ms }
    const order = { tenant, principal, credential, signedInAt_ms, ...family, now }
    const access = await newAccessToken(services.signingKeys, order)
    return { familyId, expiresAt_ms, access }
  },
  run: async (ctx, { refresh }, { familyId, expiresAt_ms, access }) => {
    const { caller, now } = ctx
    const credential = exchangeable(caller)
    const principal = caller.principalId
    const order = { id: familyId, principal, credential, expiresAt_ms, refresh, now }
    const accessHash = access.hash
    const { refreshToken, ended } = await insertFamily(ctx.store, { ...order, accessHash })
    ctx.afterCommit(() => ctx.services.knownTokens.issued(access))
    ctx.note({ token: access.id, ...(ended.length > 0 && { ended }) })
    return { accessToken: access.text, refreshToken, expiresIn: access.expiresIn_s, familyId }
  },
})

/**
 * What is exchanged. A token is not, or it could outlive its family; nor is a certificate, whose holder
 * would no more have to prove that he has its key.
 */
export function exchangeable(caller: Caller): Id<'key' | 'sin'> {
  const { method } = caller
  const source = method === 'api-key' || method === 'sign-in' ? sourceOf(caller) : null
  if (source !== null) return source
  throw new LocketError('permission_denied', 'Tokens are given for an API key or a sign-in only.')
}
