/**
 * What proves an event between its commit and its place in the log: a MAC over all of its row that is
 * not sealed, the commitment to the rest included. So who can write to the database can make no leaf of
 * his own, and none other than it was of an event that waits.
 */
import type { DataKey } from '../../crypto/data-key.ts'
import { macsEqual } from '../../crypto/data-key.ts'
import type { KeySet } from '../../crypto/keyring.ts'
import type { Tables } from '../../storage/tables.ts'

export type ProvenPart = Pick<
  Tables['audit_events'],
  | 'tenant_id'
  | 'event_id'
  | 'time'
  | 'class'
  | 'action'
  | 'outcome'
  | 'actor_id'
  | 'resource_id'
  | 'scope'
  | 'commitment'
>

const version_bytes = 4
const mac_bytes = 32

/** Key version (4 bytes, big-endian) | HMAC-SHA-256. */
export function eventProof(key: DataKey, event: ProvenPart): Uint8Array {
  const proof = Buffer.allocUnsafe(version_bytes + mac_bytes)
  proof.writeUInt32BE(key.version)
  proof.set(key.mac('audit-event', partsOf(event)), version_bytes)
  return proof
}

/** The version of the key that made it; undefined when it is no proof. */
export function proofVersion(proof: Uint8Array | null): number | undefined {
  if (proof?.length !== version_bytes + mac_bytes) return undefined
  return new DataView(proof.buffer, proof.byteOffset).getUint32(0)
}

/** Whether the row says what it said when it was added. */
export function isProven(
  keys: KeySet,
  row: ProvenPart & { readonly proof: Uint8Array | null },
): boolean {
  const version = proofVersion(row.proof)
  if (version === undefined || row.proof === null || !keys.versions.includes(version)) return false
  return macsEqual(eventProof(keys.version(version), row), row.proof)
}

function partsOf(event: ProvenPart): (string | Uint8Array)[] {
  const { tenant_id, event_id, time, actor_id, resource_id } = event
  const { class: kind, action, outcome, scope, commitment } = event
  // An id is never empty, so that nobody is told from somebody.
  const named = [actor_id ?? '', resource_id ?? '']
  return [tenant_id, event_id, String(time), kind, action, outcome, ...named, scope, commitment]
}
