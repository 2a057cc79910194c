import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { getPrincipal } from '../principals/store.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { NewApiKey, openDetails, toApiKey } from './api-key.ts'
import { allowedDetails } from './ceiling.ts'
import { endApiKey, getApiKey, hasKeys, insertApiKey } from './store.ts'

const overlap_s_max = limits.apiKey_overlap_ms_max / 1000

/**
 * Replaces a key by a new one with the same owner, scopes and length of life. The old one works
 * for the overlap, but never longer than it would have. Fails with `not_found`, `above_own_rights`.
 */
export const rotateApiKey = operation({
  id: 'api-keys.rotate',
  method: 'POST',
  path: '/v1/api-keys/{id}/rotate',
  summary: 'Replace an API key by a new one; the old one works for a while longer.',
  effect: 'write',
  idempotent: true,
  permission: 'api-key:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'bound',
  audit: 'api-key.rotated',
  facts: (input, output) => ({
    resourceId: input.id,
    ...(output && { details: { replacement: output.id } }),
  }),
  input: z.strictObject({
    id: idField('key'),
    overlapSeconds: z
      .number()
      .int()
      .min(0)
      .max(overlap_s_max)
      .default(3600)
      .describe('How long the old key still works, in seconds.'),
  }),
  output: NewApiKey,
  status: 201,
  secretAnswer: true,
  run: async (ctx, input) => {
    const old = await getApiKey(ctx.store, input.id)
    const over = old.expires_at !== null && old.expires_at <= ctx.now
    if (old.state === 'revoked' || over) throw new LocketError('not_found')
    await getPrincipal(ctx.store, old.principal_id)
    // Whoever rotates a bootstrap key has his own from here on.
    const own = { ...(await openDetails(ctx.store, old)), bootstrap: false }
    const details = await allowedDetails(ctx, old.principal_id, own)
    // While both work there are twice as many keys, but never more than that.
    const bounds = { now: ctx.now, limit: 2 * limits.apiKeys_perPrincipal_max }
    if (await hasKeys(ctx.store, old.principal_id, bounds)) {
      throw new LocketError('quota_exceeded', 'keys of this principal')
    }
    const made = await insertApiKey(ctx.store, {
      principalId: old.principal_id,
      createdBy: ctx.caller.principalId,
      details,
      expiresAt_ms: old.expires_at === null ? null : ctx.now + (old.expires_at - old.created_at),
      now: ctx.now,
    })
    const end = ctx.now + input.overlapSeconds * 1000
    await endApiKey(ctx.store, old, {
      state: old.state,
      expires_at: Math.min(end, old.expires_at ?? end),
    })
    await raiseEpoch(ctx.store)
    const shown = await toApiKey(ctx.store, made.row, { now: ctx.now, lastUsedAt_ms: null })
    return { ...shown, key: made.key }
  },
})
