import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { publicIdOf, tokenMatches } from '../../crypto/token-hash.ts'
import { publicOperation, Refused } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { tenantOfCredential } from '../api-keys/store.ts'
import { kindOfId } from '../principals/principal.ts'
import { findPrincipal } from '../principals/store.ts'
import type { Inside } from '../roles/caller.ts'
import { ownTenant, raiseEpoch } from '../tenants/store.ts'
import { type AccessToken, newAccessToken } from './access-token.ts'
import { areOpen, holdsAt, signedInAt, standingOf } from './standing.ts'
import { familyOf, findFamily, revokeFamily, rotateFamily } from './store.ts'
import { NewTokens, RefreshTokenField, type TokenFamilyRow } from './token.ts'

interface Prepared {
  readonly tenant: Id<'ten'>
  readonly familyId: Id<'fam'>
  readonly access: AccessToken
}

/**
 * New tokens for a refresh token, which is spent by it. One that is shown again ends its whole family:
 * two have it, and who is the thief cannot be told. There is no time in which it may be shown twice.
 * Fails with `unauthenticated`, `tenant_disabled`.
 */
export const refreshTokens = publicOperation({
  id: 'tokens.refresh',
  method: 'POST',
  path: '/v1/tokens/refresh',
  summary: 'Exchange a refresh token for the next tokens; it works once.',
  effect: 'write',
  rateClass: 'token',
  bodyLimit_bytes: limits.unknownBody_bytes_max,
  surfaces: ['http'],
  audit: 'token.refreshed',
  facts: (_input, output) => ({ ...(output && { resourceId: output.familyId }) }),
  input: z.strictObject({ refreshToken: RefreshTokenField }),
  output: NewTokens,
  status: 200,
  secretAnswer: true,
  prepare: async (ctx, { refreshToken }): Promise<Prepared> => {
    const found = await ctx.read((inside) => find(inside, refreshToken))
    if (!found) throw new LocketError('unauthenticated')
    const { tenant, family } = found
    const principal = family.principal_id
    const actor = { principalId: principal, kind: kindOfId(principal) }
    ctx.about({ tenant, actor, credentialId: family.family_id })
    const access = await newAccessToken(ctx.services.signingKeys, {
      tenant,
      principal,
      credential: family.credential_id,
      signedInAt_ms: found.signedInAt_ms,
      family: family.family_id,
      familyEnds_ms: family.expires_at,
      now: ctx.now,
    })
    return { tenant, familyId: family.family_id, access }
  },
  run: async (ctx, { refreshToken: shown }, { tenant, familyId, access }) => {
    const store = ctx.open(tenant)
    const family = await findFamily(store, familyId)
    if (!family) throw new LocketError('unauthenticated')
    ctx.note({ family: familyId })
    if (!(await isCurrent(store, family, shown))) return punish(store, family, ctx.note.bind(ctx))
    const row = await ownTenant(store)
    const bearer = { family, id: access.id, expiresAt_ms: ctx.now }
    const standing = await standingOf(store, row, bearer)
    const inTime = family.ends_at > ctx.now
    const stands = standing && inTime && holdsAt(standing, ctx)
    if (!stands || !(await areOpen(store, standing.signIns, ctx))) {
      throw new LocketError('unauthenticated')
    }
    if (row.state === 'disabled') throw new LocketError('tenant_disabled')
    const given = { accessHash: access.hash, now: ctx.now }
    const refreshToken = await rotateFamily(store, family, given)
    ctx.afterCommit(() => ctx.services.knownTokens.issued(access))
    ctx.note({ token: access.id })
    const { text: accessToken, expiresIn_s: expiresIn } = access
    return { accessToken, refreshToken, expiresIn, familyId }
  },
})

/** Null where there is nobody whose log it could be told to. */
async function find(inside: Inside, token: string) {
  const publicId = publicIdOf(token, 'refresh-token')
  const tenant = publicId && (await tenantOfCredential(inside.tx, publicId))
  if (!tenant) return null
  const store = inside.open(tenant)
  await ownTenant(store)
  const family = await familyOf(store, token)
  const owner = family && (await findPrincipal(store, family.principal_id))
  if (!family || !owner || owner.state === 'deleted') return null
  return { tenant, family, signedInAt_ms: await signedInAt(store, family.credential_id) }
}

async function isCurrent(
  store: TenantStore,
  { hash, pepper_version }: TokenFamilyRow,
  token: string,
): Promise<boolean> {
  const peppers = await store.keys('pepper', pepper_version)
  return hash !== null && tokenMatches(peppers.version(pepper_version), token, hash)
}

/** A token that was spent before: the family ends, and that stands although this is refused. */
async function punish(
  store: TenantStore,
  family: TokenFamilyRow,
  note: (details: { reused: true }) => void,
): Promise<never> {
  const error = new LocketError('unauthenticated')
  if (family.state !== 'active') throw error
  await revokeFamily(store, family)
  await raiseEpoch(store)
  note({ reused: true })
  throw new Refused(error)
}
