/**
 * How much a new key may do: no more than its maker can, through the credential he uses, now or
 * later. Rights grow after a key is made; so a key is bound at once to what its maker could give.
 */
import { LocketError } from '../../core/errors.ts'
import { expand, expandAll, type Permission, permissions } from '../../core/permissions.ts'
import type { Caller, Context } from '../../kernel/context.ts'
import { covers, holds, narrow, outranks, overTenant } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { kindOfId, principalKinds } from '../principals/principal.ts'
import { type ApiKeyDetails, contains } from './api-key.ts'

/**
 * The details that a key for `owner` gets. Throws `permission_denied` when the caller does not
 * manage such principals, `above_own_rights` when the key could do what he cannot.
 */
export async function allowedDetails(
  ctx: Context,
  owner: PrincipalId,
  details: ApiKeyDetails,
): Promise<ApiKeyDetails> {
  const { caller } = ctx
  const own = owner === caller.principalId
  // Whoever is given a budget could otherwise make himself another.
  if (caller.budget) throw new LocketError('above_own_rights', 'a key with a budget makes no keys')
  // A token ends within minutes: what it had made would be as good, and stay.
  if (caller.method === 'access-token') {
    throw new LocketError('above_own_rights', 'a token makes no keys')
  }
  const manages = overTenant(caller.rights, principalKinds[kindOfId(owner)].permission) !== null
  if (!own && !manages) throw new LocketError('permission_denied')
  const all = await ctx.rightsOf(owner)
  const given = details.scopes ? narrow(all, expandAll(details.scopes)) : all
  const covered = covers(caller.rights, given, own ? 'self' : 'other')
  const above = !covered || !(own || outranks(caller.rights, await ctx.mightOf(owner)))
  if (above || !isWithin(details.addresses, caller.addresses)) {
    throw new LocketError('above_own_rights')
  }
  // His own key without scopes already grows with him; one that it makes may do the same.
  if (own && caller.scopes === null) return details
  return { ...details, scopes: scopesUnder(ceilingOf(caller, own), details.scopes) }
}

/** What the maker can give: to himself what he holds at all, to others what he holds everywhere. */
function ceilingOf({ rights }: Caller, own: boolean): ReadonlySet<Permission> {
  const gives = (permission: Permission): boolean =>
    own ? holds(rights, permission) : overTenant(rights, permission) !== null
  return new Set(permissions.filter((one) => one === 'self:read' || gives(one)))
}

/**
 * The scopes as they were asked for where the ceiling allows all of them. Where all were asked for,
 * or all of a noun, what it allows; a permission asked for by name is given or refused.
 */
function scopesUnder(
  ceiling: ReadonlySet<Permission>,
  asked: ApiKeyDetails['scopes'],
): ApiKeyDetails['scopes'] {
  const allows = (one: Permission): boolean => ceiling.has(one)
  const named = (asked ?? []).filter((pattern) => !pattern.endsWith('*'))
  const wanted = asked ? [...expandAll(asked)] : permissions
  if (wanted.every(allows)) return asked
  if (!asked && expand('*').every(allows)) return ['*']
  const allowed = wanted.filter(allows)
  if (allowed.length === 0 || ![...expandAll(named)].every(allows)) {
    throw new LocketError('above_own_rights')
  }
  return allowed
}

/** A credential that works from some networks only makes none that works from others. */
function isWithin(asked: ApiKeyDetails['addresses'], mine: ApiKeyDetails['addresses']): boolean {
  if (mine === null) return true
  return asked?.every((inner) => mine.some((outer) => contains(outer, inner))) ?? false
}
