/** From a principal's grants to what they allow. */
import { LocketError } from '../../core/errors.ts'
import { expandAll, type Permission } from '../../core/permissions.ts'
import type { EffectiveGrant, Reach, Rights } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { GrantRow } from './grant.ts'
import { isCustomRole, openDefinition, presetOf, presets, type RoleReach } from './role.ts'
import { findRole, grantsOf } from './store.ts'

/** What everyone may who is someone: ask who he is. */
const everyone: EffectiveGrant = {
  grant: 'self',
  reach: 'own',
  permissions: new Set(['self:read']),
}

/** All rights of a principal, before a credential narrows them. */
export async function rightsOf(store: TenantStore, principal: PrincipalId): Promise<Rights> {
  const grants = await grantsOf(store, principal)
  return [everyone, ...(await Promise.all(grants.map((grant) => toEffective(store, grant))))]
}

async function toEffective(store: TenantStore, row: GrantRow): Promise<EffectiveGrant> {
  const role = await roleMeaning(store, row.role)
  return {
    grant: row.grant_id,
    role: row.role,
    reach: row.space_id ?? role.reach,
    permissions: role.permissions,
  }
}

/** What granting this role would allow. Throws `not_found` for a role that there is not. */
export async function grantMeaning(
  store: TenantStore,
  role: string,
  spaceId: Reach | null,
): Promise<EffectiveGrant> {
  const meaning = await roleMeaning(store, role)
  return { grant: role, role, reach: spaceId ?? meaning.reach, permissions: meaning.permissions }
}

async function roleMeaning(
  store: TenantStore,
  role: string,
): Promise<{ permissions: ReadonlySet<Permission>; reach: RoleReach }> {
  const preset = presetOf(role)
  if (preset) {
    return { permissions: expandAll(presets[preset].permissions), reach: presets[preset].reach }
  }
  const row = isCustomRole(role) ? await findRole(store, role) : undefined
  if (!row) throw new LocketError('not_found', 'role')
  const definition = await openDefinition(store, row)
  return { permissions: expandAll(definition.permissions), reach: definition.reach }
}
