/** Who can do what, and who has stopped doing it: each principal with its grants and the keys that work. */
import { z } from 'zod'
import { day_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { Timestamp } from '../../kernel/fields.ts'
import { ApiKey } from '../api-keys/api-key.ts'
import { showApiKey } from '../api-keys/list.ts'
import { usableKeys } from '../api-keys/store.ts'
import { Principal, type PrincipalRow, toPrincipal } from '../principals/principal.ts'
import { Grant, type GrantRow, toGrant } from '../roles/grant.ts'
import { grantMeaning } from '../roles/rights.ts'
import { grantsOf } from '../roles/store.ts'

export const unusedDays = limits.apiKey_unused_ms / day_ms

const ReviewedGrant = Grant.extend({
  permissions: z.array(z.string()),
  reach: z.string().describe('`tenant`, `own`, or the id of a space.'),
  lastUsedAt: Timestamp.nullable().describe('Null: not known. No use of a grant is written down.'),
})

const ReviewedKey = ApiKey.extend({
  unused: z.boolean().describe('Made, and last used, more than `unusedDays` ago.'),
})

export const Reviewed = Principal.extend({
  grants: z.array(ReviewedGrant),
  apiKeys: z.array(ReviewedKey).describe('Those that work: neither revoked nor expired.'),
  unusedKeys: z.array(z.string()),
})
export type Reviewed = z.output<typeof Reviewed>

/** All of one principal. A key counts as unused from this moment back. */
export async function review(
  ctx: Context,
  row: PrincipalRow,
  unusedSince: number,
): Promise<Reviewed> {
  const grants = await grantsOf(ctx.store, row.principal_id)
  const keys = await usableKeys(ctx.store, row.principal_id, ctx.now)
  const inOrder = [...keys].sort((one, other) => (one.key_id < other.key_id ? -1 : 1))
  const apiKeys = await Promise.all(
    inOrder.map(async (key) => {
      const shown = await showApiKey(ctx, key)
      return { ...shown, unused: lastSign(shown) < unusedSince }
    }),
  )
  return {
    ...(await toPrincipal(ctx.store, row)),
    grants: await Promise.all(grants.map((grant) => reviewGrant(ctx, grant))),
    apiKeys,
    unusedKeys: apiKeys.filter(({ unused }) => unused).map(({ id }) => id),
  }
}

/** A new key has not been left unused yet. */
function lastSign({ createdAt, lastUsedAt }: ApiKey): number {
  return Date.parse(lastUsedAt ?? createdAt)
}

async function reviewGrant(
  { store }: Context,
  row: GrantRow,
): Promise<z.output<typeof ReviewedGrant>> {
  const { permissions, reach } = await grantMeaning(store, row.role, row.space_id)
  return { ...toGrant(row), permissions: [...permissions], reach, lastUsedAt: null }
}
