/** The first administrator of a tenant: a service with a key that dies in a week. */
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { PrincipalRow } from '../principals/principal.ts'
import { findByHandle, insertPrincipal, updatePrincipalRow } from '../principals/store.ts'
import { grantsOf, insertGrant } from '../roles/store.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { type ApiKeyRow, openDetails } from './api-key.ts'
import { insertApiKey, usableKeys } from './store.ts'

const handle = 'service:administrator'
const successors_max = 100

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
  const id = (await activeAdministrator(store, now)).principal_id
  const held = await grantsOf(store, id)
  for (const role of options.instance ? ['admin', 'system'] : ['admin']) {
    if (held.some((grant) => grant.role === role && grant.space_id === null)) continue
    await insertGrant(store, { principal_id: id, role, space_id: null, created_by: id }, now)
  }
  const { key } = await insertApiKey(store, {
    principalId: id,
    createdBy: id,
    details: {
      name: 'bootstrap',
      environment: null,
      scopes: null,
      addresses: null,
      bootstrap: true,
    },
    expiresAt_ms: now + limits.bootstrapKey_life_ms,
    now,
  })
  return key
}

/** The bootstrap keys of this tenant that would still be taken, the oldest first. */
export async function livingBootstrapKeys(
  store: TenantStore,
  now: number,
): Promise<readonly ApiKeyRow[]> {
  const living: ApiKeyRow[] = []
  for (let turn = 1; turn <= successors_max; turn++) {
    const found = await findByHandle(store, handleOf(turn))
    if (!found) break
    if (found.state !== 'active') continue
    for (const row of await usableKeys(store, found.principal_id, now)) {
      if ((await openDetails(store, row)).bootstrap === true) living.push(row)
    }
  }
  return living
}

function handleOf(turn: number): string {
  return turn === 1 ? handle : `${handle}-${turn}`
}

/** A disabled administrator is enabled; for one that was deleted, whose handle is gone, a successor. */
async function activeAdministrator(store: TenantStore, now: number): Promise<PrincipalRow> {
  for (let turn = 1; turn <= successors_max; turn++) {
    const name = handleOf(turn)
    const found = await findByHandle(store, name)
    if (!found) return insertPrincipal(store, { handle: name, name: 'Administrator' }, now)
    if (found.state === 'active') return found
    if (found.state === 'disabled') {
      await raiseEpoch(store)
      return updatePrincipalRow(store, found, { state: 'active', updated_at: now })
    }
  }
  throw new LocketError('quota_exceeded', 'administrators that were deleted')
}
