/** Every query on passwords. A hash is sealed under the key of whose password it is. */
import type { Id } from '../../core/ids.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { PasswordRow } from './password.ts'

type Of = { tenant: Id<'ten'> }

const byPrincipal = query((db, arg: Of & { id: PrincipalId }) =>
  db
    .selectFrom('passwords')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.id),
)

const put = query((db, arg: Of & Omit<PasswordRow, 'tenant_id'>) =>
  db
    .insertInto('passwords')
    .values({
      tenant_id: arg.tenant,
      principal_id: arg.principal_id,
      hash: arg.hash,
      updated_at: arg.updated_at,
      mac: arg.mac,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'principal_id'])
        .doUpdateSet({ hash: arg.hash, updated_at: arg.updated_at, mac: arg.mac }),
    ),
)

const drop = query((db, arg: Of & { id: PrincipalId }) =>
  db.deleteFrom('passwords').where('tenant_id', '=', arg.tenant).where('principal_id', '=', arg.id),
)

/** The row, its MAC checked; undefined for who has no password. */
export async function findPassword(
  store: TenantStore,
  id: PrincipalId,
): Promise<PasswordRow | undefined> {
  const row = await store.first(byPrincipal, { id })
  return row && store.checked('passwords', row)
}

/** The hash in its text form. */
export async function openHash(store: TenantStore, row: PasswordRow): Promise<string> {
  return (await store.open(row.principal_id, cellOf(row.principal_id), row.hash)) as string
}

export async function putPassword(
  store: TenantStore,
  id: PrincipalId,
  { hash, now }: { hash: string; now: number },
): Promise<void> {
  const row = await store.signed('passwords', {
    tenant_id: store.tenant,
    principal_id: id,
    hash: await store.seal(id, cellOf(id), hash),
    updated_at: now,
  })
  await store.run(put, row)
}

export async function dropPassword(store: TenantStore, id: PrincipalId): Promise<void> {
  await store.run(drop, { id })
}

function cellOf(id: PrincipalId) {
  return { table: 'passwords', row: id, column: 'hash' } as const
}
