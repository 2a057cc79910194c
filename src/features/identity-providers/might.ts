/** What somebody could do at most: what he is granted, and what his providers could say of him. */

import { limits } from '../../core/limits.ts'
import type { Rights } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { rightsOf } from '../roles/rights.ts'
import { rightsByRules } from './claim-rules.ts'
import { openDetails, type ProviderRow } from './identity-provider.ts'
import { listIdentityRows, listProviderRows } from './store.ts'

/**
 * His grants, and all that the rules of the providers give that know him. What they claim of him is in
 * tokens that are not kept, so each rule counts as if it held: who takes something from him must stand above all of it.
 */
export async function mightOf(store: TenantStore, principal: PrincipalId): Promise<Rights> {
  const rights = await rightsOf(store, principal)
  const said = await Promise.all(
    (await providersOf(store, principal)).map(async (row) => {
      const { rules } = await openDetails(store, row)
      return rightsByRules(store, row.provider_id, rules)
    }),
  )
  return [...rights, ...said.flat()]
}

/** The providers whose word on him counts now. */
export async function providersOf(
  store: TenantStore,
  owner: PrincipalId,
): Promise<readonly ProviderRow[]> {
  const limit = limits.externalIdentities_perPrincipal_max
  const identities = await listIdentityRows(store, { after: '', owner, limit })
  if (identities.length === 0) return []
  const known = new Set(identities.map(({ provider_id }) => provider_id))
  const rows = await listProviderRows(store)
  return rows.filter(({ state, provider_id }) => state === 'active' && known.has(provider_id))
}
