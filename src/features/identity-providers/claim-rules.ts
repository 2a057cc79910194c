/** From the claims of a token to roles: by the rules of its provider, and by nothing else. */
import { LocketError } from '../../core/errors.ts'
import { covers, type EffectiveGrant, type Rights } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { grantMeaning } from '../roles/rights.ts'
import type { ClaimRule, ProviderId } from './identity-provider.ts'

type Claims = Readonly<Record<string, unknown>>

/** The roles of all rules that hold, each once. */
export function rolesOf(rules: readonly ClaimRule[], claims: Claims): readonly string[] {
  return [...new Set(rules.filter((rule) => holds(rule, claims)).map(({ role }) => role))]
}

/** What rules asked for and claims had: all that is kept of these where no token is shown again. */
export type HeldClaim = Pick<ClaimRule, 'claim' | 'value'>

export function heldClaims(rules: readonly ClaimRule[], claims: Claims): readonly HeldClaim[] {
  return rules.filter((rule) => holds(rule, claims)).map(({ claim, value }) => ({ claim, value }))
}

/** The same as `rolesOf` by the rules as they are now, for claims of which only that much was kept. */
export function rolesByHeld(
  rules: readonly ClaimRule[],
  held: readonly HeldClaim[],
): readonly string[] {
  const names = new Set(held.map(nameOf))
  return [...new Set(rules.filter((rule) => names.has(nameOf(rule))).map(({ role }) => role))]
}

function nameOf({ claim, value }: HeldClaim): string {
  return JSON.stringify([claim, value])
}

/** The claim is the value, or a list with it. Nothing is split, trimmed or matched in part. */
function holds({ claim, value }: ClaimRule, claims: Claims): boolean {
  let found: unknown = claims
  for (const name of claim) {
    const leads = typeof found === 'object' && found !== null && !Array.isArray(found)
    if (!leads || !Object.hasOwn(found as object, name)) return false
    found = Reflect.get(found as object, name)
  }
  return Array.isArray(found) ? found.includes(value) : found === value
}

/** What roles give to who has them by a provider's word, which the audit names as the reason. */
export async function rightsByProvider(
  store: TenantStore,
  provider: ProviderId,
  roles: readonly string[],
): Promise<Rights> {
  const found = await Promise.all(roles.map((role) => meaningOf(store, role)))
  return found.flatMap((grant) => (grant ? [{ ...grant, grant: provider }] : []))
}

/** Null for a role that is not there any more: a rule that names it gives nothing. */
async function meaningOf(store: TenantStore, role: string): Promise<EffectiveGrant | null> {
  try {
    return await grantMeaning(store, role, null)
  } catch (thrown) {
    if (thrown instanceof LocketError && thrown.code === 'not_found') return null
    throw thrown
  }
}

/**
 * Throws `above_own_rights` for rules that give what the caller does not hold as far himself, and
 * `not_found` for a role that there is not.
 */
export async function insistOnCovered(
  store: TenantStore,
  rights: Rights,
  rules: readonly ClaimRule[],
): Promise<void> {
  for (const role of new Set(rules.map((rule) => rule.role))) {
    if (!covers(rights, [await grantMeaning(store, role, null)])) {
      throw new LocketError('above_own_rights')
    }
  }
}

/** All that the rules of a provider could give to one of whom it says everything that they ask for. */
export function rightsByRules(
  store: TenantStore,
  provider: ProviderId,
  rules: readonly ClaimRule[],
): Promise<Rights> {
  return rightsByProvider(store, provider, [...new Set(rules.map(({ role }) => role))])
}
