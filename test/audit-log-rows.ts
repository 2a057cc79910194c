/** A row in each table of audit logs that is signed, for tests of rows. */
import { systemClock } from '../src/core/clock.ts'
import { type Id, newId } from '../src/core/ids.ts'
import { insertCheckpointKey, putLog } from '../src/features/audit-logs/store.ts'
import { newPosition } from '../src/features/audit-sinks/audit-sink.ts'
import { putPosition } from '../src/features/audit-sinks/store.ts'
import { insertWitnessKey, takeLog } from '../src/features/witnessed-logs/store.ts'
import { tenantStore } from '../src/storage/tenant-store.ts'
import { logKey } from '../src/tlog/checkpoint.ts'
import type { Stores } from './stores.ts'

export async function makeLogRows(stores: Stores, now: number): Promise<void> {
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
export function makeWitnessRows(stores: Stores, now: number): Promise<Id<'wlg'>> {
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
