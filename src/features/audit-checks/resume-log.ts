/**
 * Has a log that stands still go on: where what is stored of it is again what its checkpoint signs, so
 * that what is added makes no other log of it. Its event commits with it, in that very log.
 */
import type { Clock } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import type { Database } from '../../storage/database.ts'
import type { Keys } from '../../storage/encryption-keys.ts'
import { instanceStore, type TenantStore, tenantStore } from '../../storage/tenant-store.ts'
import { logKey, openCheckpoint } from '../../tlog/checkpoint.ts'
import { isSame } from '../../tlog/merkle.ts'
import type { NoteKey } from '../../tlog/signed-note.ts'
import { tile_hashes } from '../../tlog/tiles.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { type AuditLogRow, originOf } from '../audit-logs/audit-log.ts'
import { createCheckpointKeys } from '../audit-logs/checkpoint-keys.ts'
import { countTiles, findLog, putLog, wholeEventsFrom } from '../audit-logs/store.ts'
import { loadTree } from '../audit-logs/tree.ts'
import { ownTenant, tenantIds } from '../tenants/store.ts'
import { isIntegrityFailure } from './audit-check.ts'

export interface AskedLog {
  /** Null: that of the first tenant. */
  readonly tenant: Id<'ten'> | null
  /** The first entry from which on the log is to be kept; null: as it was. */
  readonly firstIndex: number | null
}

export interface ResumedLog {
  readonly tenant: Id<'ten'>
  /** `growing`: it did not stand still; `resumed`: it does no more. */
  readonly state: 'growing' | 'resumed'
  readonly size: number
  readonly firstIndex: number
}

export interface KeptLogs {
  readonly database: Database
  readonly keys: Keys
  readonly clock: Clock
}

/** Throws `NotSound`, `not_found`. */
export async function resumeLog(
  { database, keys, clock }: KeptLogs,
  asked: AskedLog,
): Promise<ResumedLog> {
  const key = await createCheckpointKeys({ database, keys }).current()
  const tenant = asked.tenant ?? (await database.read((tx) => firstTenant(instanceStore(tx, keys))))
  return database.write(
    async (tx) => {
      const store = tenantStore(tx, keys, tenant)
      if (tenant !== instanceTenant) await ownTenant(store)
      const log = await findLog(store)
      const { size = 0, first_index: before = 0 } = log ?? {}
      if (log?.state !== 'broken') return { tenant, state: 'growing', size, firstIndex: before }
      const first = asked.firstIndex ?? before
      const signer = logKey(originOf(key.server, tenant), key.publicKey)
      const fault = await faultOf(store, log, { signer, first })
      if (fault !== null) throw new NotSound(fault)
      const { tenant_id: _, mac: __, ...row } = log
      await putLog({ tx, store }, { ...row, state: 'growing', first_index: first })
      const details = { size, firstIndex: first, firstIndexBefore: before }
      const event = jobEvent(clock(), 'audit-log.reopened', { resourceId: tenant, details })
      await appendEvent(store, event, clock)
      if (tenant !== instanceTenant) await appendEvent(instanceStore(tx, keys), event, clock)
      return { tenant, state: 'resumed', size, firstIndex: first }
    },
    { durability: 'full', turn: { tenant, log: true } },
  )
}

/** What is stored of a log is still not what was signed. */
export class NotSound extends Error {}

async function firstTenant(instance: TenantStore): Promise<Id<'ten'>> {
  const [first] = await tenantIds(instance, { after: '', limit: 1 })
  if (!first) throw new LocketError('not_found', 'tenant')
  return first
}

/** Why it cannot go on; null: nothing speaks against it. */
async function faultOf(
  store: TenantStore,
  log: AuditLogRow,
  { signer, first }: { signer: NoteKey; first: number },
): Promise<string | null> {
  const head = openCheckpoint(log.checkpoint, signer)
  const { size } = log
  if (head?.size !== size) return 'the checkpoint is not one that was signed for this log'
  const beyond = { from: size, until: Number.MAX_SAFE_INTEGER, limit: 1 }
  if ((await wholeEventsFrom(store, beyond)).length > 0) {
    return 'events have places beyond the end of the checkpoint'
  }
  const full = Math.floor(size / tile_hashes)
  const from = first / tile_hashes
  if (first % tile_hashes !== 0) return `entry ${first} does not begin a bundle of ${tile_hashes}`
  if (from > full) return `the log has no entry ${first}`
  if ((await countTiles(store, { from, until: full })) !== 2 * (full - from)) {
    return `tiles are missing from entry ${first} on`
  }
  return (await givesRoot(store, size, head.root)) ? null : 'the tiles do not give the signed root'
}

async function givesRoot(store: TenantStore, size: number, root: Uint8Array): Promise<boolean> {
  try {
    return isSame((await loadTree(store, size)).frontier.root(), root)
  } catch (thrown) {
    if (isIntegrityFailure(thrown)) return false
    throw thrown
  }
}
