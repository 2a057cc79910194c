/** Every query on roles and grants. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Blind } from '../../crypto/blind-index.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { GrantRow } from './grant.ts'
import type { RoleDefinition, RoleRow } from './role.ts'

type Of = { tenant: Id<'ten'> }

const roleById = query((db, arg: Of & { id: Id<'rol'> }) =>
  db
    .selectFrom('roles')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('role_id', '=', arg.id),
)

const roleByName = query((db, arg: Of & { name: Blind }) =>
  db
    .selectFrom('roles')
    .select('role_id')
    .where('tenant_id', '=', arg.tenant)
    .where('name_index', '=', arg.name),
)

const allRoles = query((db, arg: Of & { limit: number }) =>
  db
    .selectFrom('roles')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .orderBy('role_id')
    .limit(arg.limit),
)

const putRole = query((db, arg: Of & Omit<RoleRow, 'tenant_id'>) =>
  db
    .insertInto('roles')
    .values({
      tenant_id: arg.tenant,
      role_id: arg.role_id,
      name_index: arg.name_index,
      definition: arg.definition,
      created_at: arg.created_at,
      updated_at: arg.updated_at,
      mac: arg.mac,
    })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'role_id']).doUpdateSet({
        name_index: arg.name_index,
        definition: arg.definition,
        updated_at: arg.updated_at,
        mac: arg.mac,
      }),
    ),
)

const dropRole = query((db, arg: Of & { id: Id<'rol'> }) =>
  db.deleteFrom('roles').where('tenant_id', '=', arg.tenant).where('role_id', '=', arg.id),
)

const grantById = query((db, arg: Of & { id: Id<'grt'> }) =>
  db
    .selectFrom('grants')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('grant_id', '=', arg.id),
)

const grantsOfPrincipal = query((db, arg: Of & { principal: PrincipalId; limit: number }) =>
  db
    .selectFrom('grants')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .orderBy('grant_id')
    .limit(arg.limit),
)

const grantsAfter = query((db, arg: Of & { after: string; limit: number }) =>
  db
    .selectFrom('grants')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('grant_id', '>', arg.after as Id<'grt'>)
    .orderBy('grant_id')
    .limit(arg.limit),
)

const grantOfRole = query((db, arg: Of & { role: string }) =>
  db
    .selectFrom('grants')
    .select('grant_id')
    .where('tenant_id', '=', arg.tenant)
    .where('role', '=', arg.role)
    .limit(1),
)

const insertGrantRow = query((db, arg: Of & Omit<GrantRow, 'tenant_id'>) =>
  db.insertInto('grants').values({
    tenant_id: arg.tenant,
    grant_id: arg.grant_id,
    principal_id: arg.principal_id,
    role: arg.role,
    space_id: arg.space_id,
    created_at: arg.created_at,
    created_by: arg.created_by,
    mac: arg.mac,
  }),
)

const dropGrant = query((db, arg: Of & { id: Id<'grt'> }) =>
  db.deleteFrom('grants').where('tenant_id', '=', arg.tenant).where('grant_id', '=', arg.id),
)

export async function findRole(store: TenantStore, id: Id<'rol'>): Promise<RoleRow | undefined> {
  const row = await store.first(roleById, { id })
  return row && store.checked('roles', row)
}

export async function roleNameTaken(store: TenantStore, name: string): Promise<boolean> {
  return (await store.first(roleByName, { name: await nameIndex(store, name) })) !== undefined
}

export async function listRoleRows(store: TenantStore): Promise<RoleRow[]> {
  const rows = await store.all(allRoles, { limit: limits.roles_perTenant_max })
  return Promise.all(rows.map((row) => store.checked('roles', row)))
}

/** Writes a role, new or changed. */
export async function writeRole(
  store: TenantStore,
  definition: RoleDefinition,
  row: Pick<RoleRow, 'role_id' | 'created_at' | 'updated_at'>,
): Promise<RoleRow> {
  const cell = { table: 'roles', row: row.role_id, column: 'definition' } as const
  const written = await store.signed('roles', {
    ...row,
    tenant_id: store.tenant,
    name_index: await nameIndex(store, definition.name),
    definition: await store.seal('tenant', cell, definition),
  })
  await store.run(putRole, written)
  return written
}

export async function deleteRoleRow(store: TenantStore, id: Id<'rol'>): Promise<void> {
  if (await store.first(grantOfRole, { role: id })) throw new LocketError('in_use', 'role')
  await store.run(dropRole, { id })
}

/** The grant, its MAC checked. Throws `not_found`. */
export async function getGrant(store: TenantStore, id: Id<'grt'>): Promise<GrantRow> {
  const row = await store.first(grantById, { id })
  if (!row) throw new LocketError('not_found')
  return store.checked('grants', row)
}

export async function grantsOf(store: TenantStore, principal: PrincipalId): Promise<GrantRow[]> {
  const limit = limits.grants_perPrincipal_max
  const rows = await store.all(grantsOfPrincipal, { principal, limit })
  return Promise.all(rows.map((row) => store.checked('grants', row)))
}

export async function listGrantRows(
  store: TenantStore,
  page: { after: string; limit: number },
): Promise<GrantRow[]> {
  const rows = await store.all(grantsAfter, page)
  return Promise.all(rows.map((row) => store.checked('grants', row)))
}

/** Writes a grant down. Whether it may be given was decided before. */
export async function insertGrant(
  store: TenantStore,
  grant: Pick<GrantRow, 'principal_id' | 'role' | 'space_id' | 'created_by'>,
  now: number,
): Promise<GrantRow> {
  const held = await grantsOf(store, grant.principal_id)
  if (held.some((one) => one.role === grant.role && one.space_id === grant.space_id)) {
    throw new LocketError('already_exists', 'grant')
  }
  if (held.length >= limits.grants_perPrincipal_max) {
    throw new LocketError('quota_exceeded', 'grants of this principal')
  }
  const row = await store.signed('grants', {
    ...grant,
    tenant_id: store.tenant,
    grant_id: newId('grt', () => now),
    created_at: now,
  })
  await store.run(insertGrantRow, row)
  return row
}

export async function deleteGrantRow(store: TenantStore, id: Id<'grt'>): Promise<void> {
  await store.run(dropGrant, { id })
}

function nameIndex(store: TenantStore, name: string): Promise<Blind> {
  return store.blindIndex('role.name', name)
}
