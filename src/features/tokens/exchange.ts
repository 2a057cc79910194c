import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Caller } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { Handle } from '../principals/principal.ts'
import { ownTenant } from '../tenants/store.ts'
import { type AccessToken, newAccessToken } from './access-token.ts'
import { exchangeable } from './create.ts'
import { areOpen, standingOf } from './standing.ts'
import { findFamily, insertFamily } from './store.ts'
import type { Subject, Subjects } from './subjects.ts'
import { NewTokens } from './token.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly subjects: Subjects
  }
}

interface Prepared {
  readonly familyId: Id<'fam'>
  readonly expiresAt_ms: number
  readonly subject: Subject
  readonly access: AccessToken
}

/**
 * Exchanges an agent's API key for an access token that acts for a user (RFC 8693, delegation): by a
 * token that the user has shown, or because the agent was declared to act for him. What it may is what
 * both may. There is no refresh token. Fails with `permission_denied` for whoever is no agent with a key,
 * `not_found` for a user that the agent may not act for, `invalid_input`, `quota_exceeded`.
 */
export const exchangeTokens = operation({
  id: 'tokens.exchange',
  method: 'POST',
  path: '/v1/tokens/exchange',
  summary: 'Exchange an agent’s API key for a short token that acts for a user.',
  effect: 'write',
  idempotent: true,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'token',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  leaves: 'bound',
  audit: 'token.exchanged',
  facts: (_input, output) => ({ ...(output && { resourceId: output.familyId }) }),
  input: z.strictObject({
    user: z.union([idField('usr'), Handle]).describe('For whom: the id of a user, or his handle.'),
    subjectToken: z
      .string()
      .min(1)
      .max(limits.accessToken_characters_max)
      .optional()
      .describe('An access token of that user. Without one he has to be among `allowedUsers`.'),
  }),
  output: NewTokens,
  status: 201,
  secretAnswer: true,
  prepare: async ({ caller, now, services }, { user, subjectToken }): Promise<Prepared> => {
    const credential = keyOfAgent(caller)
    const { tenant, principalId: agent } = caller
    const subject = await services.subjects.find({ tenant, agent, user, subjectToken, now })
    const expiresAt_ms = Math.min(
      now + limits.accessToken_life_ms,
      caller.expiresAt_ms ?? Number.POSITIVE_INFINITY,
      subject.endsAt_ms,
    )
    const familyId = newId('fam', () => now)
    const family = { family: familyId, familyEnds_ms: expiresAt_ms }
    const order = { tenant, credential, signedInAt_ms: null, ...family, now }
    const actor = agent as Id<'agt'>
    const signed = { ...order, principal: subject.principalId, actor }
    const access = await newAccessToken(services.signingKeys, signed)
    return { familyId, expiresAt_ms, subject, access }
  },
  run: async (ctx, _input, { familyId, expiresAt_ms, subject, access }) => {
    const { caller, now, store } = ctx
    const credential = keyOfAgent(caller)
    const order = { id: familyId, principal: caller.principalId, credential, expiresAt_ms, now }
    const given = { accessHash: access.hash, refresh: false, subject }
    const { ended } = await insertFamily(store, { ...order, ...given })
    // As every request will ask with the token: something may have been taken away meanwhile.
    const family = await findFamily(store, familyId)
    const bearer = family && { family, id: access.id, expiresAt_ms }
    const standing = bearer && (await standingOf(store, await ownTenant(store), bearer))
    if (!standing || !(await areOpen(store, standing.signIns, ctx)))
      throw new LocketError('not_found')
    ctx.afterCommit(() => ctx.services.knownTokens.issued(access))
    ctx.note({
      token: access.id,
      onBehalfOf: subject.principalId,
      userPresent: subject.familyId !== null,
      ...(ended.length > 0 && { ended }),
    })
    const { text: accessToken, expiresIn_s: expiresIn } = access
    return { accessToken, refreshToken: null, expiresIn, familyId }
  },
})

function keyOfAgent(caller: Caller): Id<'key' | 'sin'> {
  if (caller.kind === 'agent') return exchangeable(caller)
  throw new LocketError('permission_denied', 'Only agents act for users.')
}
