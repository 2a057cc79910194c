/** Who can do what, by which way in, and who has stopped doing it: each principal with all that lets it act. */
import { z } from 'zod'
import { day_ms, toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { ApiKey } from '../api-keys/api-key.ts'
import { showApiKey } from '../api-keys/list.ts'
import { usableKeys } from '../api-keys/store.ts'
import { FactorKindField } from '../factors/factor.ts'
import { kindsToAsk } from '../factors/prove.ts'
import { rightsByProvider } from '../identity-providers/claim-rules.ts'
import { openDetails, type ProviderRow } from '../identity-providers/identity-provider.ts'
import { providersOf } from '../identity-providers/might.ts'
import { listIdentityRows } from '../identity-providers/store.ts'
import { findPassword } from '../passwords/store.ts'
import { Principal, type PrincipalRow, toPrincipal } from '../principals/principal.ts'
import { Grant, type GrantRow, toGrant } from '../roles/grant.ts'
import { grantMeaning } from '../roles/rights.ts'
import { grantsOf } from '../roles/store.ts'
import { livingFamilies } from '../tokens/store.ts'

export const unusedDays = limits.apiKey_unused_ms / day_ms

const ReviewedGrant = Grant.extend({
  permissions: z.array(z.string()),
  reach: z.string().describe('`tenant`, `own`, or the id of a space.'),
  lastUsedAt: Timestamp.nullable().describe('Null: not known. No use of a grant is written down.'),
})

const ReviewedKey = ApiKey.extend({
  unused: z.boolean().describe('Made, and last used, more than `unusedDays` ago.'),
})

const ByProvider = z.strictObject({
  providerId: idField('idp'),
  role: z.string(),
  permissions: z.array(z.string()),
  reach: z.string(),
})

export const Reviewed = Principal.extend({
  grants: z.array(ReviewedGrant),
  byProvider: z
    .array(ByProvider)
    .describe('What rules of enabled providers that know him give where they claim it of him.'),
  externalIdentities: z.array(
    z.strictObject({ id: idField('xid'), providerId: idField('idp'), createdAt: Timestamp }),
  ),
  passwordSetAt: Timestamp.nullable().describe('Null: he has none.'),
  factors: z.array(FactorKindField).describe('The kinds of second factors that he can prove.'),
  tokenFamilies: z.number().int().describe('Of how many families tokens are in force.'),
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
    ...(await waysIn(ctx, row.principal_id)),
    apiKeys,
    unusedKeys: apiKeys.filter(({ unused }) => unused).map(({ id }) => id),
  }
}

/** By what else than keys he comes in, and what he may where a provider says so. */
async function waysIn({ store, now }: Context, id: PrincipalId) {
  const limit = limits.externalIdentities_perPrincipal_max
  const identities = await listIdentityRows(store, { after: '', owner: id, limit })
  const password = await findPassword(store, id)
  return {
    byProvider: (
      await Promise.all((await providersOf(store, id)).map((one) => ruled(store, one)))
    ).flat(),
    externalIdentities: identities.map(({ identity_id, provider_id, created_at }) => ({
      id: identity_id,
      providerId: provider_id,
      createdAt: toTimestamp(created_at),
    })),
    passwordSetAt: password ? toTimestamp(password.updated_at) : null,
    factors: (await kindsToAsk(store, { principalId: id, now })).sort(),
    tokenFamilies: (await livingFamilies(store, id, now)).length,
  }
}

/** Each role that the rules of a provider can give, once; none whose role is gone. */
async function ruled(store: TenantStore, row: ProviderRow) {
  const { rules } = await openDetails(store, row)
  const roles = [...new Set(rules.map(({ role }) => role))]
  const each = roles.map(async (role) => {
    const given = await rightsByProvider(store, row.provider_id, [role])
    return given.map(({ permissions, reach }) => ({
      providerId: row.provider_id,
      role,
      permissions: [...permissions],
      reach,
    }))
  })
  return (await Promise.all(each)).flat()
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
