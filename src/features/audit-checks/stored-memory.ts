/** A memory as it is stored, held against the events that speak of it. */
import { fromBase64Url } from '../../core/encoding.ts'
import { type Id, isId } from '../../core/ids.ts'
import { macsEqual } from '../../crypto/data-key.ts'
import type { KeySet } from '../../crypto/keyring.ts'
import { spaceOfMemory, spaceStore } from '../../storage/space-store.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { EventBody } from '../audit/event.ts'
import { decodeRecord, encodeRecord } from '../memories/memory.ts'
import { findSpace } from '../spaces/store.ts'
import { type CheckFault, isIntegrityFailure } from './audit-check.ts'

/** What the event of a change says of one memory. */
export interface Change {
  readonly id: Id<'mem'>
  readonly version: number
  /** Of the version's content, in base64url. */
  readonly mac: string
}

/** The changes that an event speaks of; merely repeating what is there is none. */
export function changesOf(body: EventBody | null): Change[] {
  const changes = body?.details['changes']
  return Array.isArray(changes) ? changes.filter(isChange) : []
}

function isChange(value: unknown): value is Change {
  if (typeof value !== 'object' || value === null) return false
  const { id, version, mac } = value as Record<string, unknown>
  return (
    typeof id === 'string' &&
    isId('mem', id) &&
    typeof version === 'number' &&
    typeof mac === 'string'
  )
}

export interface KeptVersion {
  readonly version: number
  /** Milliseconds since the epoch. */
  readonly updatedAt: number
  /** Null where the keys of its time are not all there. */
  proves(mac: string): Promise<boolean | null>
}

/** Null when it is not there any more; `damaged` when it does not open. */
export async function keptVersion(
  store: TenantStore,
  id: Id<'mem'>,
): Promise<KeptVersion | 'damaged' | null> {
  try {
    const spaceId = await spaceOfMemory(store, id)
    const row = spaceId && (await findSpace(store, spaceId))
    if (!row) return null
    const space = spaceStore(store, { id: row.space_id, ownerId: row.owner_id })
    const kept = await space.getKept(id)
    if (!kept) return null
    // That it was superseded is no version of its own.
    const { superseded: _, ...record } = decodeRecord(kept.record)
    const bytes = encodeRecord(record)
    return {
      version: record.version,
      updatedAt: record.updatedAt,
      proves: async (mac) => isMacOf(bytes, mac, (await space.fileKeys()).keys),
    }
  } catch (thrown) {
    if (isIntegrityFailure(thrown)) return 'damaged'
    throw thrown
  }
}

/** Null where it is under no key that is there, and one of before is destroyed. */
function isMacOf(bytes: Uint8Array, text: string, keys: KeySet): boolean | null {
  const mac = fromBase64Url(text) ?? new Uint8Array(0)
  const isUnder = (version: number): boolean =>
    macsEqual(keys.version(version).mac('content', [bytes]), mac)
  if (keys.versions.some(isUnder)) return true
  return keys.versions.length < keys.current.version ? null : false
}

/** What is wrong with the memory, as this change says; null: nothing, or a later one speaks of it. */
export async function faultAfter(store: TenantStore, change: Change): Promise<CheckFault | null> {
  const kept = await keptVersion(store, change.id)
  if (kept === null) return null
  if (kept === 'damaged') return 'memory-damaged'
  if (kept.version < change.version) return 'memory-rolled-back'
  if (kept.version > change.version) return null
  return (await kept.proves(change.mac)) === false ? 'memory-altered' : null
}
