/**
 * Whether what stands in a database opens with the keys at hand. Equal digests show that a copy is
 * true; this shows that the root key and the copy belong together, before the original is retired.
 */
import { LocketError } from '../core/errors.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { firstRows } from './copy.ts'
import { columnsOf, hasTenants } from './copy-queries.ts'
import type { Transaction } from './database.ts'
import type { Keys } from './encryption-keys.ts'
import { RecordSealer } from './record-sealer.ts'
import type { PowerTable } from './row-mac.ts'
import { type TableName, type Tables, tables } from './tables.ts'
import { type TenantStore, tenantStore } from './tenant-store.ts'

export interface Sample {
  /** Keys, row MACs and records that were right. */
  readonly opened: number
  /** Those that were not: of a true copy, what was damaged before. */
  readonly damaged: number
}

const powerTables = (Object.keys(tables) as TableName[]).filter(
  (name): name is PowerTable => hasTenants(name) && columnsOf(name).includes('mac'),
)

/**
 * Opens each tenant's keys, and checks the first rows of each of its tables that can be. Throws
 * `integrity_failed` when not even the instance's own keys open.
 */
export async function openSample(
  tx: Transaction,
  keys: Keys,
  tenants: readonly Id<'ten'>[],
): Promise<Sample> {
  await tenantStore(tx, keys, instanceTenant).keys('lookup')
  const count = { opened: 0, damaged: 0 }
  for (const tenant of tenants) {
    const store = tenantStore(tx, keys, tenant)
    for (const table of powerTables) {
      for (const row of await firstRows(table, tx, tenant)) {
        await tell(count, store.checked(table, row as unknown as Tables[typeof table]))
      }
    }
    for (const row of await firstRows('memories', tx, tenant)) {
      await tell(count, openRecord(store, row as unknown as Tables['memories']))
    }
  }
  return count
}

/** A record that was deleted is null, and the key of a deleted space is gone: neither is damaged. */
async function openRecord(store: TenantStore, row: Tables['memories']): Promise<unknown> {
  if (row.record === null) return null
  const { memory_id: id, seq, record } = row
  return new RecordSealer(store, row.space_id).open('memories', { id, seq, record })
}

async function tell(
  count: { opened: number; damaged: number },
  opening: Promise<unknown>,
): Promise<void> {
  try {
    if ((await opening) !== null) count.opened += 1
  } catch (error) {
    if (!(error instanceof LocketError)) throw error
    if (error.code === 'integrity_failed') count.damaged += 1
    else if (error.code !== 'not_found') throw error
  }
}
