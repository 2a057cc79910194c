import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { placed, type SigningKeyRow } from './signing-key.ts'
import { insertSigningKey, replaceSigningKeys, signingKeyRows } from './store.ts'

/**
 * Replaces the key that signs access tokens: with an overlap, or at once when somebody else may have
 * it. Fails with `quota_exceeded`.
 */
export const rotateSigningKey = operation({
  id: 'signing-keys.rotate',
  method: 'POST',
  path: '/v1/signing-keys/rotate',
  summary: 'Replace the key that signs access tokens.',
  effect: 'write',
  idempotent: true,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance', tenant: instanceTenant }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'nothing',
  audit: 'signing-key.rotated',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { revoke: input.revoke },
  }),
  input: z.strictObject({
    revoke: z
      .boolean()
      .default(false)
      .describe('Refuse all that older keys have signed, from now on.'),
  }),
  output: z.strictObject({
    id: idField('sgk'),
    signsFrom: Timestamp,
    revoked: z.number().int().describe('How many keys count no more.'),
  }),
  status: 200,
  run: async (ctx, { revoke }) => {
    const { now } = ctx
    const instance = ctx.instance()
    ctx.afterCommit(() => ctx.services.signingKeys.forget())
    const { made, revoked } = revoke
      ? await replaceSigningKeys(instance, { now, signsFrom_ms: now })
      : { made: await next(instance, now), revoked: 0 }
    return { id: made.signing_key_id, signsFrom: toTimestamp(made.signs_from), revoked }
  },
})

/** One that is published and does not sign yet is the next, however often it is asked for. */
async function next(instance: TenantStore, now: number): Promise<SigningKeyRow> {
  const rows = await signingKeyRows(instance)
  const waiting = placed(rows).findLast(({ row }) => row.signs_from > now)
  if (waiting) return waiting.row
  const signsFrom_ms = now + limits.signingKey_publishedBefore_ms
  return insertSigningKey(instance, { now, signsFrom_ms })
}
