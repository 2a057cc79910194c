/** The first administrator of a tenant: a service with a key that dies in a week. */
import { limits } from '../../core/limits.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { findByHandle, insertPrincipal } from '../principals/store.ts'
import { grantsOf, insertGrant } from '../roles/store.ts'
import { insertApiKey } from './store.ts'

const handle = 'service:administrator'

/**
 * Makes the administrator if he is not there, and a new key for him. With `instance` he also
 * administers the instance. Whoever can call this holds the root key: `init`, `keys recover`, and
 * the operation that creates tenants.
 */
export async function appointAdministrator(
  store: TenantStore,
  options: { now: number; instance: boolean },
): Promise<string> {
  const { now } = options
  const found = await findByHandle(store, handle)
  const principal = found ?? (await insertPrincipal(store, { handle, name: 'Administrator' }, now))
  const id = principal.principal_id
  const held = await grantsOf(store, id)
  for (const role of options.instance ? ['admin', 'system'] : ['admin']) {
    if (held.some((grant) => grant.role === role && grant.space_id === null)) continue
    await insertGrant(store, { principal_id: id, role, space_id: null, created_by: id }, now)
  }
  const { key } = await insertApiKey(store, {
    principalId: id,
    createdBy: id,
    details: { name: 'bootstrap', environment: null, scopes: null, addresses: null },
    expiresAt_ms: now + limits.bootstrapKey_life_ms,
    now,
  })
  return key
}
