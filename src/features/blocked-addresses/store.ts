/** Every query on blocked addresses. All of them are the instance's. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type BlockDetails, type BlockRow, cellOf, openDetails } from './blocked-address.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'ban'> }) =>
  db
    .selectFrom('blocked_addresses')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('block_id', '=', arg.id),
)

const after = query((db, arg: Of & { after: string; limit: number }) =>
  db
    .selectFrom('blocked_addresses')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('block_id', '>', arg.after as Id<'ban'>)
    .orderBy('block_id')
    .limit(arg.limit),
)

const insertRow = query((db, arg: Of & Omit<BlockRow, 'tenant_id'>) =>
  db.insertInto('blocked_addresses').values({
    tenant_id: arg.tenant,
    block_id: arg.block_id,
    details: arg.details,
    expires_at: arg.expires_at,
    created_at: arg.created_at,
    created_by: arg.created_by,
    mac: arg.mac,
  }),
)

const drop = query((db, arg: Of & { id: Id<'ban'> }) =>
  db
    .deleteFrom('blocked_addresses')
    .where('tenant_id', '=', arg.tenant)
    .where('block_id', '=', arg.id),
)

const dropOver = query((db, arg: Of & { now: number }) =>
  db
    .deleteFrom('blocked_addresses')
    .where('tenant_id', '=', arg.tenant)
    .where('expires_at', '<=', arg.now),
)

/** Rows in order, after `after`, their MACs not yet checked. */
export function blockRows(
  instance: TenantStore,
  page: { after: string; limit: number },
): Promise<readonly BlockRow[]> {
  return instance.all(after, page)
}

export interface BlockOrder extends BlockDetails {
  readonly until_ms: number | null
  readonly createdBy: PrincipalId
  readonly now: number
}

/** Throws `already_exists` for a network that is blocked, `quota_exceeded`. */
export async function insertBlock(instance: TenantStore, order: BlockOrder): Promise<BlockRow> {
  const { network, reason, until_ms, createdBy, now } = order
  await instance.run(dropOver, { now })
  const limit = limits.blockedAddresses_max
  const others = await blockRows(instance, { after: '', limit })
  for (const row of others) {
    const details = await openDetails(instance, await instance.checked('blocked_addresses', row))
    if (details.network === network) throw new LocketError('already_exists', 'network')
  }
  if (others.length >= limit) throw new LocketError('quota_exceeded', 'blocked addresses')
  const block_id = newId('ban', () => now)
  const row = await instance.signed('blocked_addresses', {
    tenant_id: instance.tenant,
    block_id,
    details: await instance.seal('tenant', cellOf(block_id), { network, reason }),
    expires_at: until_ms,
    created_at: now,
    created_by: createdBy,
  })
  await instance.run(insertRow, row)
  return row
}

/** One whose row was meddled with can be deleted, too. Throws `not_found`. */
export async function deleteBlock(instance: TenantStore, id: Id<'ban'>): Promise<void> {
  if (!(await instance.first(byId, { id }))) throw new LocketError('not_found')
  await instance.run(drop, { id })
}
