/** A row in each table of audit logs that is signed, for tests of rows. */
import { systemClock } from '../src/core/clock.ts'
import { type Id, newId } from '../src/core/ids.ts'
import {
  findCheckpointKey,
  findLog,
  insertCheckpointKey,
  putLog,
} from '../src/features/audit-logs/store.ts'
import { newPosition } from '../src/features/audit-sinks/audit-sink.ts'
import { positionOf, putPosition } from '../src/features/audit-sinks/store.ts'
import { cosignaturesOf, putCosignature } from '../src/features/cosignatures/store.ts'
import {
  findWitnessKey,
  getLog,
  insertWitnessKey,
  takeLog,
} from '../src/features/witnessed-logs/store.ts'
import { type TenantStore, tenantStore } from '../src/storage/tenant-store.ts'
import { logKey } from '../src/tlog/checkpoint.ts'
import type { Stores } from './stores.ts'

async function makeLogRows(stores: Stores, now: number): Promise<void> {
  await stores.database.write(async (tx) => {
    const store = tenantStore(tx, stores.keys, stores.tenant)
    const checkpoint_key_id = newId('cpk', systemClock)
    const cell = { table: 'checkpoint_keys', row: checkpoint_key_id, column: 'sealed_key' } as const
    const row = await store.signed('checkpoint_keys', {
      tenant_id: store.tenant,
      checkpoint_key_id,
      public_key: Buffer.alloc(32, 7),
      sealed_key: await store.seal('tenant', cell, {}),
      created_at: now,
    })
    await insertCheckpointKey(store, row)
    const log = { size: 0, first_index: 0, checkpoint: Buffer.from('a note'), signed_at: now }
    await putLog({ tx, store }, { state: 'growing', ...log })
    await putPosition({ tx, store }, newPosition('file', store.tenant))
  }, 'full')
}

/** Tells which log is witnessed. */
function makeWitnessRows(stores: Stores, now: number): Promise<Id<'wlg'>> {
  return stores.database.write(async (tx) => {
    const store = tenantStore(tx, stores.keys, stores.tenant)
    const witness_key_id = newId('wtk', systemClock)
    const cell = { table: 'witness_keys', row: witness_key_id, column: 'sealed_key' } as const
    const row = await store.signed('witness_keys', {
      tenant_id: store.tenant,
      witness_key_id,
      public_key: Buffer.alloc(32, 7),
      sealed_key: await store.seal('tenant', cell, {}),
      created_at: now,
    })
    await insertWitnessKey(store, row)
    const key = logKey('log.example', Buffer.alloc(32, 7))
    const order = { key, createdBy: newId('svc', systemClock), now } as const
    return (await takeLog(store, order)).witnessed_log_id
  }, 'full')
}

/** A row in each of them, and how a feature reads it. */
export async function logRows(stores: Stores, now: number) {
  await makeLogRows(stores, now)
  await makeCosignature(stores, stores.tenant)
  const witnessed = await makeWitnessRows(stores, now)
  return {
    audit_logs: { where: 'true', read: findLog },
    audit_sinks: { where: 'true', read: (store: TenantStore) => positionOf(store, 'file') },
    checkpoint_keys: { where: 'true', read: findCheckpointKey },
    audit_cosignatures: {
      where: 'true',
      read: async (store: TenantStore) => (await cosignaturesOf(store))[0],
    },
    witness_keys: { where: 'true', read: findWitnessKey },
    witnessed_logs: { where: 'true', read: (store: TenantStore) => getLog(store, witnessed) },
  }
}

/** A row of a witness that there is not. */
export function makeCosignature(
  { database, keys }: Pick<Stores, 'database' | 'keys'>,
  tenant: string,
): Promise<void> {
  const now = systemClock()
  const cosigned = { size: 1, cosigned: Buffer.from('a note'), cosigned_at: now, tried_at: now }
  return database.write((tx) => {
    const store = tenantStore(tx, keys, tenant as Id<'ten'>)
    const row = { witness: 'w.example+0', state: 'cosigned', ...cosigned } as const
    return putCosignature({ tx, store }, row)
  }, 'full')
}

/** Where a sink is that nobody has set. */
export function makePosition(
  { database, keys }: Pick<Stores, 'database' | 'keys'>,
  tenant: string,
): Promise<void> {
  return database.write((tx) => {
    const store = tenantStore(tx, keys, tenant as Id<'ten'>)
    return putPosition({ tx, store }, newPosition('file', store.tenant))
  }, 'full')
}
