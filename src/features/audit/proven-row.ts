/** Whether the row of an event is what it was when it was added. */
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { isProven, proofVersion } from './event-proof.ts'

/** False, too, for one that has no proof. */
export async function isProvenRow(
  store: TenantStore,
  row: Tables['audit_events'],
): Promise<boolean> {
  const version = proofVersion(row.proof)
  if (version === undefined) return false
  return isProven(store.knownKeys('lookup', version) ?? (await store.keys('lookup', version)), row)
}
