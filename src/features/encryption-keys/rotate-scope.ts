/** What rotating each kind of key entails, all of it in the transaction that makes the new version. */
import type { KeyScope, PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { openProfile } from '../principals/principal.ts'
import { findPrincipal, sealProfile, updatePrincipalRow } from '../principals/store.ts'
import { resealSpaceProfile } from '../spaces/store.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { checkReindexSize, reindex } from './reindex.ts'

/**
 * Rotates one key of the tenant. The epoch rises with it: it tells every node that what it remembers
 * of the tenant's keys is old, and stops what was let in before and would look for handles under the
 * old look-up key alone. Returns the new version. Throws `not_found`,
 * `quota_exceeded`.
 */
export async function rotateScope(
  store: TenantStore,
  scope: KeyScope,
  now: number,
): Promise<number> {
  if (scope === 'lookup') await checkReindexSize(store)
  const version = await store.rotateKey(scope)
  if (scope === 'tenant') await store.rewrapKeys()
  else if (scope === 'lookup') await reindex(store)
  else if (isSpace(scope)) await resealSpaceProfile(store, scope)
  else if (isPrincipal(scope)) await resealPrincipal(store, scope, now)
  await raiseEpoch(store)
  return version
}

function isSpace(scope: KeyScope): scope is `spc_${string}` {
  return scope.startsWith('spc_')
}

function isPrincipal(scope: KeyScope): scope is PrincipalId {
  return scope.includes('_')
}

/** A deleted principal has no profile any more; its key still opens events, and may be worn. */
async function resealPrincipal(store: TenantStore, id: PrincipalId, now: number): Promise<void> {
  const row = await findPrincipal(store, id)
  if (!row) return
  const profile = await sealProfile(store, id, await openProfile(store, row))
  await updatePrincipalRow(store, row, { profile, updated_at: now })
}
