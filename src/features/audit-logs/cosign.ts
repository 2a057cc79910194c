/**
 * Has the newest checkpoint of each log cosigned by the witnesses that the settings name. It waits for nobody
 * who makes events or leaves: a witness that is slow or away is behind, and that shows. What a witness refuses is
 * told once for each reason, with an event, since it means that the log is not the one that it has cosigned before.
 */
import { second_ms } from '../../core/clock.ts'
import { fromUtf8, toUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { consistencyRanges, proofOf } from '../../tlog/merkle.ts'
import {
  cosignedAt,
  type Note,
  type NoteSignature,
  readNote,
  writeNote,
} from '../../tlog/signed-note.ts'
import { hashesFrom } from '../../tlog/tiles.ts'
import { writeAddCheckpoint } from '../../tlog/witness.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import type { WitnessAnswer } from '../cosignatures/ask-witness.ts'
import type { AskedWitness } from '../cosignatures/cosigning.ts'
import {
  type CosignatureRow,
  findCosignature,
  logsBehind,
  putCosignature,
  tenantsWithLog,
} from '../cosignatures/store.ts'
import { findLog } from './store.ts'
import { treeTiles } from './tree.ts'

export const cosignCheckpoints: Job = {
  name: 'audit-logs.cosign',
  every_ms: 5 * second_ms,
  run: async (ctx) => {
    const { asked } = ctx.services.cosigning
    const more = await Promise.all(asked.map((witness) => walk(ctx, witness)))
    return more.filter(Boolean).length
  },
}

/** So many logs; true when there are more of them. */
async function walk(ctx: JobContext, witness: AskedWitness): Promise<boolean> {
  if (!witness.isReady) return false
  witness.begin()
  const tenants = await nextLogs(ctx, witness)
  for (let at = 0; at < tenants.length; at += limits.cosignCalls_max) {
    const some = tenants.slice(at, at + limits.cosignCalls_max)
    const ends = await Promise.all(some.map((tenant) => showLog(ctx, witness, tenant)))
    const silent = ends.find((end) => end !== 'shown' && end !== 'skipped')
    if (silent !== undefined) {
      witness.rest(silent.why)
      return false
    }
    if (ends.includes('skipped')) witness.hasGaps = true
    witness.after = some.at(-1) ?? ''
  }
  if (tenants.length === limits.cosignLogs_max) return true
  witness.end()
  return false
}

function nextLogs(ctx: JobContext, witness: AskedWitness): Promise<Id<'ten'>[]> {
  const { id, after, isFirst } = witness
  const page = { after, limit: limits.cosignLogs_max }
  const triedBefore = ctx.clock() - limits.cosignRetry_ms
  return ctx.database.read((tx) =>
    isFirst ? tenantsWithLog(tx, page) : logsBehind(tx, { ...page, witness: id, triedBefore }),
  )
}

/** What of a log is not as it was keeps the witness from no other. */
type End = 'shown' | 'skipped' | { readonly why: string }

async function showLog(ctx: JobContext, witness: AskedWitness, tenant: Id<'ten'>): Promise<End> {
  try {
    return await cosignLog(ctx, witness, tenant)
  } catch (thrown) {
    if (!(thrown instanceof LocketError)) throw thrown
    ctx.log.error({ tenant, err: thrown }, 'an audit log cannot be shown to a witness')
    return 'skipped'
  }
}

async function cosignLog(ctx: JobContext, witness: AskedWitness, tenant: Id<'ten'>): Promise<End> {
  let stands: number | null = null
  for (let tries = 0; tries < limits.cosignTries_max; tries += 1) {
    const shown = await ctx.database.read((tx) =>
      showingOf(ctx.open(tx, tenant), { witness: witness.id, stands }),
    )
    if (shown.body === null) return refused(ctx, witness, { tenant, reason: 'rollback', ...shown })
    const answer: WitnessAnswer = await witness.ask({ body: shown.body, text: shown.note.text })
    if (answer.kind === 'silent') return answer
    if (answer.kind === 'stands-at' && !endsAt(answer.size, shown)) {
      stands = answer.size
      continue
    }
    if (answer.kind === 'inconsistent' || answer.kind === 'stands-at') {
      return refused(ctx, witness, { tenant, reason: 'fork', ...shown })
    }
    if (answer.kind === 'unlisted') {
      const { name } = witness.witness.key
      ctx.log.warn({ tenant, host: name, reason: answer.why }, 'a witness does not know a log')
      await keep(ctx, witness, { tenant, row: { state: 'unlisted' } })
      return 'shown'
    }
    await keep(ctx, witness, { tenant, row: cosignedRow(shown, answer.signature) })
    return 'shown'
  }
  return 'skipped'
}

/** It stands where we said, at our last entry, and does not sign: it has signed another tree of this size. */
function endsAt(stands: number, { from, size }: Showing): boolean {
  return stands === from && from === size
}

interface Showing {
  readonly note: Note
  readonly size: number
  /** How far the witness is, as it says or as we know. */
  readonly from: number
  /** Null: the log ends before that. */
  readonly body: string | null
}

async function showingOf(
  store: TenantStore,
  { witness, stands }: { witness: string; stands: number | null },
): Promise<Showing> {
  const log = await findLog(store)
  const note = log && readNote(log.checkpoint)
  if (!note) throw new LocketError('integrity_failed')
  const { size } = log
  const from = stands ?? (await findCosignature(store, witness))?.size ?? 0
  if (from > size) return { note, size, from, body: null }
  const ranges = from === 0 ? [] : consistencyRanges(from, size)
  const hashes = await proofOf(ranges, hashesFrom(size, treeTiles(store)))
  const checkpoint = fromUtf8(log.checkpoint)
  return { note, size, from, body: writeAddCheckpoint({ old: from, hashes, checkpoint }) }
}

type Kept = Partial<Omit<CosignatureRow, 'tenant_id' | 'witness' | 'mac'>>

function cosignedRow({ note, size }: Showing, signature: NoteSignature): Kept {
  const cosigned = toUtf8(writeNote({ ...note, signatures: [...note.signatures, signature] }))
  const time_s = cosignedAt(signature.bytes) ?? 0
  return { state: 'cosigned', size, cosigned, cosigned_at: time_s * second_ms }
}

/** What the row does not say stays as it was. Tells what it was before. */
async function keep(
  ctx: JobContext,
  witness: AskedWitness,
  { tenant, row, told }: { tenant: Id<'ten'>; row: Kept; told?: Told },
): Promise<void> {
  const tried_at = ctx.clock()
  await ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant)
      const before = await findCosignature(store, witness.id)
      // Another node may have been further meanwhile.
      if (row.state === 'cosigned' && (row.size ?? 0) < (before?.size ?? 0)) return
      const { tenant_id: _, mac: __, ...known } = { ...never, ...before }
      await putCosignature({ tx, store }, { ...known, ...row, witness: witness.id, tried_at })
      if (told && before?.state !== row.state) await tell(ctx, { tx, store }, told)
    },
    { durability: told ? 'full' : 'relaxed', turn: { tenant, log: true } },
  )
}

const never = {
  tenant_id: null,
  mac: null,
  state: 'cosigned',
  size: 0,
  cosigned: null,
  cosigned_at: null,
} as const

interface Told {
  readonly witness: string
  readonly reason: 'rollback' | 'fork'
  /** Entries that the witness has cosigned, and those of the log that was shown to it. */
  readonly cosigned: number
  readonly shown: number
}

/** What is kept of each: another one is told anew. */
const refusals = { rollback: 'refused', fork: 'forked' } as const

type Refusal = Pick<Told, 'reason'> & Showing & { readonly tenant: Id<'ten'> }

async function refused(ctx: JobContext, witness: AskedWitness, refusal: Refusal): Promise<End> {
  const { tenant, reason, from: cosigned, size: shown } = refusal
  const told = { witness: witness.witness.key.name, reason, cosigned, shown }
  const facts = { tenant, kind: 'security', host: told.witness, reason, size: shown }
  ctx.log.error(facts, 'a witness refuses an audit log')
  await keep(ctx, witness, { tenant, row: { state: refusals[reason] }, told })
  return 'shown'
}

/** To the log itself, and to the instance's: who has put the one back may not have the other. */
async function tell(
  ctx: JobContext,
  { tx, store }: { tx: Parameters<JobContext['open']>[0]; store: TenantStore },
  details: Told,
): Promise<void> {
  const logs = new Set([store.tenant, instanceTenant])
  for (const log of logs) {
    const about = { resourceId: store.tenant, outcome: 'denied', details: { ...details } } as const
    const event = jobEvent(ctx.clock(), 'audit-log.refused', about)
    await appendEvent(ctx.open(tx, log), { ...event, class: 'security' }, ctx.clock)
  }
}
