import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks, overTenant } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { getPrincipal } from '../principals/store.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { isOwn, managing, ofWhom } from './of-whom.ts'
import { familyOf, findFamily, livingFamilies, revokeFamily } from './store.ts'
import { RefreshTokenField, type TokenFamilyRow } from './token.ts'

const Input = z
  .strictObject({
    refreshToken: RefreshTokenField.optional().describe(
      'Its family; one of others is not told of.',
    ),
    familyId: idField('fam').optional(),
    principalId: PrincipalIdField.optional().describe('All tokens of a principal.'),
  })
  .refine((input) => Object.keys(input).length === 1, 'name one of the three')

type Input = z.output<typeof Input>

/**
 * Revokes tokens, the access tokens of their families included, from the next request: one's own, or
 * those of principals that one manages. Fails with `not_found`, `above_own_rights`.
 */
export const revokeTokens = operation({
  id: 'tokens.revoke',
  method: 'POST',
  path: '/v1/tokens/revoke',
  summary: 'Revoke tokens; they stop at the next request.',
  effect: 'destroy',
  idempotent: true,
  ...ofWhom,
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'token.revoked',
  facts: ({ familyId, principalId }, output) => {
    const resourceId = familyId ?? principalId
    return {
      ...(resourceId && { resourceId }),
      ...(output && { details: { revoked: output.revoked } }),
    }
  },
  input: Input,
  output: z.strictObject({
    revoked: z.number().int().describe('How many families of tokens were in force until now.'),
  }),
  status: 200,
  run: async (ctx, input) => {
    const families = await named(ctx, input)
    for (const family of families) await revokeFamily(ctx.store, family)
    if (families.length > 0) await raiseEpoch(ctx.store)
    ctx.note({ families: families.map((family) => family.family_id) })
    return { revoked: families.length }
  },
})

/** The families that are in force and that the caller may end. */
async function named(ctx: Context, input: Input): Promise<readonly TokenFamilyRow[]> {
  const { store, now } = ctx
  if (input.principalId) return ofPrincipal(ctx, input.principalId)
  const family = input.familyId
    ? await findFamily(store, input.familyId as Id<'fam'>)
    : await familyOf(store, input.refreshToken ?? '')
  // RFC 7009, section 2.2: a token that is none is as good as revoked.
  if (!family || !(await mayEnd(ctx, family))) {
    if (input.refreshToken !== undefined) return []
    throw new LocketError('not_found')
  }
  return family.state === 'active' && family.ends_at > now ? [family] : []
}

/** All of a principal's; of one's own those in which one has a say. */
async function ofPrincipal(ctx: Context, id: PrincipalId): Promise<readonly TokenFamilyRow[]> {
  await getPrincipal(ctx.store, id)
  const living = await livingFamilies(ctx.store, id, ctx.now)
  if (await mayManage(ctx, id)) return living
  const { principalId, onBehalfOf } = ctx.caller
  if (id !== principalId || onBehalfOf) throw new LocketError('above_own_rights')
  return living.filter((family) => isOwn(ctx.caller, family))
}

async function mayEnd(ctx: Context, family: TokenFamilyRow): Promise<boolean> {
  return isOwn(ctx.caller, family) || mayManage(ctx, family.principal_id)
}

async function mayManage(ctx: Context, owner: PrincipalId): Promise<boolean> {
  const { rights } = ctx.caller
  if (overTenant(rights, managing(owner)) === null) return false
  return outranks(rights, await ctx.mightOf(owner))
}
