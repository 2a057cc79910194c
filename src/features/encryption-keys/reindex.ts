/**
 * A new look-up key means new blind indexes: what is looked up under the new key must have been
 * indexed under it. All rows of the tenant that carry one are rewritten, with new MACs, in the
 * transaction of the rotation, in pages so that memory stays bounded.
 */
import { limits } from '../../core/limits.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { openProfile } from '../principals/principal.ts'
import { handleIndex, listPrincipalRows, updatePrincipalRow } from '../principals/store.ts'
import { openDefinition } from '../roles/role.ts'
import { listRoleRows, writeRole } from '../roles/store.ts'
import { openHandle } from '../spaces/space.ts'
import { listSpaceRows, reindexSpace } from '../spaces/store.ts'
import { resignTenant } from '../tenants/store.ts'

/** Rewrites every blind index of a tenant's handles and names. */
export async function reindex(store: TenantStore): Promise<void> {
  await resignTenant(store)
  await eachPage(
    (after, limit) => listPrincipalRows(store, { after, kind: null, limit }),
    async (row) => {
      const { handle } = await openProfile(store, row)
      await updatePrincipalRow(store, row, { handle_index: await handleIndex(store, handle) })
      return row.principal_id
    },
  )
  await eachPage(
    (after, limit) => listSpaceRows(store, { after, limit }),
    async (row) => {
      await reindexSpace(store, row, await openHandle(store, row))
      return row.space_id
    },
  )
  for (const row of await listRoleRows(store)) {
    await writeRole(store, await openDefinition(store, row), row)
  }
}

async function eachPage<Row>(
  read: (after: string, limit: number) => Promise<Row[]>,
  rewrite: (row: Row) => Promise<string>,
): Promise<void> {
  let after = ''
  let rows: Row[] = []
  do {
    rows = await read(after, limits.sweep_rows)
    for (const row of rows) after = await rewrite(row)
  } while (rows.length === limits.sweep_rows)
}
