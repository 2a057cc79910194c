/** Has a log stand still that is not what was signed, and says so where whoever is responsible looks. */
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import type { JobContext } from '../../kernel/job.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { logKey, openCheckpoint } from '../../tlog/checkpoint.ts'
import type { NoteKey } from '../../tlog/signed-note.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { type AuditLogRow, originOf } from './audit-log.ts'
import { findLog, hasPlaces, putLog, readLog } from './store.ts'

/** Once: what stands still already is told no more. */
export async function breakLog(ctx: JobContext, tenant: Id<'ten'>): Promise<void> {
  const { server, publicKey } = await ctx.services.checkpointKeys.current()
  const signer = logKey(originOf(server, tenant), publicKey)
  await ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant)
      const row = await believed(store, signer, ctx.clock())
      if (!row || row.state === 'broken') return
      await putLog({ tx, store }, { ...row, state: 'broken' })
      const about = { outcome: 'failed', code: 'integrity_failed' } as const
      const event = jobEvent(ctx.clock(), 'audit-log.broken', about)
      await appendEvent(store, event, ctx.clock)
      if (tenant === instanceTenant) return
      const copy = { ...event, resourceId: tenant }
      await appendEvent(ctx.open(tx, instanceTenant), copy, ctx.clock)
    },
    { durability: 'full', turn: { tenant, log: true } },
  )
}

/**
 * The row of the log. Of one whose MAC is wrong nothing is believed but what its checkpoint signs: where
 * entries were pruned it does not tell, so it is as if none had been. One that was removed has an empty one
 * in its place, so that no other log begins where it was.
 */
async function believed(
  store: TenantStore,
  signer: NoteKey,
  now: number,
): Promise<Kept | undefined> {
  try {
    const row = await findLog(store)
    if (row) return keptOf(row)
    const empty = {
      state: 'growing',
      size: 0,
      first_index: 0,
      checkpoint: new Uint8Array(0),
    } as const
    return (await hasPlaces(store)) ? { ...empty, signed_at: now } : undefined
  } catch (thrown) {
    if (!(thrown instanceof LocketError) || thrown.code !== 'integrity_failed') throw thrown
    const row = await readLog(store)
    const size = row && (openCheckpoint(row.checkpoint, signer)?.size ?? 0)
    return row && { ...keptOf(row), state: 'growing', size: size ?? 0, first_index: 0 }
  }
}

type Kept = Omit<AuditLogRow, 'tenant_id' | 'mac'>

function keptOf({ tenant_id: _, mac: __, ...kept }: AuditLogRow): Kept {
  return kept
}
