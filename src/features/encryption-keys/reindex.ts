/**
 * A new look-up key means new blind indexes: what is looked up under the new key must have been
 * indexed under it. All rows of the tenant that carry one are rewritten, with new MACs, in the
 * transaction of the rotation, in pages so that memory stays bounded. The writer waits meanwhile, so
 * there is a bound on the rows, too, until this is done in steps.
 */
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { countReindexed } from '../../storage/reindex-size.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { kinds, openProfile } from '../principals/principal.ts'
import { handleIndex, listPrincipalRows, updatePrincipalRow } from '../principals/store.ts'
import { openDefinition } from '../roles/role.ts'
import { listRoleRows, writeRole } from '../roles/store.ts'
import { openHandle } from '../spaces/space.ts'
import { listSpaceRows, reindexSpace } from '../spaces/store.ts'
import { resignTenant } from '../tenants/store.ts'

/** Throws `quota_exceeded` when there is more to rewrite than other writes should wait for. */
export async function checkReindexSize(store: TenantStore): Promise<void> {
  const rows = await countReindexed(store, limits.reindex_rows_max + 1)
  if (rows > limits.reindex_rows_max) {
    throw new LocketError('quota_exceeded', 'principals and spaces for a new look-up key')
  }
}

/** Rewrites every blind index of a tenant's handles and names. */
export async function reindex(store: TenantStore): Promise<void> {
  await resignTenant(store)
  await eachPage(
    (after, limit) => listPrincipalRows(store, { after, kinds, limit }),
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
