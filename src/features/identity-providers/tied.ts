/** What all those may whom a provider knows: it speaks for them, whatever its rules say. */
import { limits } from '../../core/limits.ts'
import { expandAll } from '../../core/permissions.ts'
import type { EffectiveGrant, Rights } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { grantMeaning } from '../roles/rights.ts'
import type { ProviderId } from './identity-provider.ts'
import { grantsOfTied } from './store.ts'

/** Of more grants than can be looked at some may give anything. */
const everything: EffectiveGrant = { grant: 'any', reach: 'tenant', permissions: expandAll(['*']) }

/**
 * The grants of all who are tied to the provider, as rights. A change of it is a change of their credentials: who
 * makes it count again, or lets more tokens count, must hold all of it, and who takes it away must stand above.
 */
export async function rightsOfTied(store: TenantStore, provider: ProviderId): Promise<Rights> {
  const limit = limits.grantsOfTied_max
  const rows = await grantsOfTied(store, provider, limit)
  if (rows.length > limit) return [everything]
  const each = new Map(rows.map((row) => [`${row.role} ${row.space_id}`, row]))
  return Promise.all(
    [...each.values()].map(({ role, space_id }) => grantMeaning(store, role, space_id)),
  )
}
