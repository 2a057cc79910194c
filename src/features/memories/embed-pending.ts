/**
 * Fills in vectors: of what was stored while the embedder did not answer, of what another model made,
 * and of what a tenant's changed level concerns. A memory keeps its version and its times; the index
 * of every node follows by its new sequence number. Whatever was changed meanwhile is left alone.
 */
import { second_ms } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { EmbeddingLevel } from '../../kernel/embedding-level.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { ModelError } from '../../models/model-error.ts'
import { type Embedding, type StoredMemory, spaceStore } from '../../storage/space-store.ts'
import { type EmbeddedRow, embeddedRows } from '../../storage/space-sweep.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { mayBeSent } from '../embeddings/embedding.ts'
import type { Embeddings } from '../embeddings/embeddings.ts'
import type { PendingMemory } from '../embeddings/pending.ts'
import { findSpace } from '../spaces/store.ts'
import { findOwnTenant } from '../tenants/store.ts'
import { embeddingLevelOf } from '../tenants/tenant.ts'
import { decodeRecord } from './memory.ts'

export const embedPending: Job = {
  name: 'memories.embed',
  every_ms: second_ms,
  run: async (ctx) => {
    const { embeddings } = ctx.services
    if (!embeddings) return 0
    const waiting = embeddings.pending.take(limits.embedJob_rows)
    if (waiting.length === 0) return walk(ctx, embeddings)
    let done = 0
    for (const batch of bySpace(waiting)) done += await trySpace(ctx, embeddings, batch)
    return done
  },
}

/** Looks at the next page of rows; what it finds is taken up at the next run. */
async function walk(ctx: JobContext, embeddings: Embeddings): Promise<number> {
  const { pending } = embeddings
  const from = pending.walk
  if (from === null) return 0
  const limit = limits.embedWalk_rows
  const { rows, unsettled } = await ctx.database.read(async (tx) => {
    const rows = await embeddedRows(tx, { ...from, limit })
    const codes = new Map<Id<'ten'>, string | null | undefined>()
    for (const { tenant_id: tenant } of rows) {
      if (!codes.has(tenant)) codes.set(tenant, await codeOf(embeddings, ctx.open(tx, tenant)))
    }
    const isUnsettled = ({ tenant_id, embedding }: EmbeddedRow): boolean => {
      const code = codes.get(tenant_id)
      return code !== undefined && code !== embedding
    }
    return { rows, unsettled: rows.filter(isUnsettled) }
  })
  // Only as many as one run takes up: from there the walk goes on.
  const taken = unsettled.slice(0, limits.embedJob_rows)
  const isAll = taken.length === unsettled.length
  const last = isAll ? rows.at(-1) : taken.at(-1)
  pending.add(
    taken.map((row) => ({ tenant: row.tenant_id, space: row.space_id, id: row.memory_id })),
  )
  const isEnd = isAll && rows.length < limit
  pending.walked(last && !isEnd ? { tenant: last.tenant_id, id: last.memory_id } : null)
  return isEnd ? taken.length : 1
}

/** What the rows of a tenant are to be settled for; undefined: they are left alone. */
async function codeOf(
  embeddings: Embeddings,
  store: TenantStore,
): Promise<string | null | undefined> {
  const cap = await capOf(store)
  return cap === null ? undefined : embeddings.codeFor(cap)
}

/** Null for a tenant that is disabled: nothing of it is sent anywhere meanwhile. */
async function capOf(store: TenantStore): Promise<EmbeddingLevel | null> {
  const row = await findOwnTenant(store)
  return row?.state === 'active' ? embeddingLevelOf(store, row) : null
}

type Batch = readonly [PendingMemory, ...PendingMemory[]]

function bySpace(found: readonly PendingMemory[]): Batch[] {
  return [...Map.groupBy(found, (one) => one.space).values()] as unknown as Batch[]
}

/** What fails, because a row was altered say, must not hold up the others. */
async function trySpace(ctx: JobContext, embeddings: Embeddings, batch: Batch): Promise<number> {
  try {
    return await embedSpace(ctx, embeddings, batch)
  } catch (thrown) {
    if (thrown instanceof ModelError) {
      // They wait for an embedder that answers, behind what came after them.
      embeddings.pending.add(batch)
      return 0
    }
    if (batch.length > 1) return oneByOne(ctx, embeddings, batch)
    ctx.log.error({ memory: batch[0].id, err: thrown }, 'a memory was not embedded')
    return 0
  }
}

/** One that does not open must not keep the others from their vectors. */
async function oneByOne(ctx: JobContext, embeddings: Embeddings, batch: Batch): Promise<number> {
  let done = 0
  for (const one of batch) done += await trySpace(ctx, embeddings, [one])
  return done
}

interface Task {
  readonly stored: StoredMemory
  /** Null when what becomes of it needs no embedder. */
  readonly text: string | null
  readonly embedding: Embedding | null
}

async function embedSpace(ctx: JobContext, embeddings: Embeddings, batch: Batch): Promise<number> {
  const { code, tasks } = await readTasks(ctx, embeddings, batch)
  const texts = tasks.flatMap(({ text }) => (text === null ? [] : [text]))
  const embedded =
    texts.length > 0 ? await embeddings.embed(texts, limits.embedJob_wait_ms) : new Map()
  const settled = tasks.map(({ stored, text, embedding }) => {
    const bytes = text === null ? undefined : embedded.get(text)
    return { stored, embedding: bytes && code !== null ? { code, bytes } : embedding }
  })
  return settled.length === 0 ? 0 : writeSettled(ctx, batch, settled)
}

/** What is to be done for each memory that is still there, by what its tenant allows now. */
async function readTasks(
  ctx: JobContext,
  embeddings: Embeddings,
  batch: Batch,
): Promise<{ code: string | null; tasks: readonly Task[] }> {
  const [{ tenant, space }] = batch
  return ctx.database.read(async (tx) => {
    const store = ctx.open(tx, tenant)
    const row = await findSpace(store, space)
    if (!row) return { code: null, tasks: [] }
    const cap = await capOf(store)
    if (cap === null) return { code: null, tasks: [] }
    const view = spaceStore(store, { id: row.space_id, ownerId: row.owner_id })
    const found = await view.getMany(batch.map(({ id }) => id))
    const tasks = [...found.values()].map((stored) => taskFor(embeddings, cap, stored))
    return { code: embeddings.codeFor(cap), tasks }
  })
}

function taskFor(embeddings: Embeddings, cap: EmbeddingLevel, stored: StoredMemory): Task {
  const code = embeddings.codeFor(cap)
  const { text, privacyLevel } = decodeRecord(stored.record as Buffer)
  if (code === null) return { stored, text: null, embedding: null }
  if (!mayBeSent(privacyLevel, cap)) {
    return { stored, text: null, embedding: { code, bytes: embeddings.withheld } }
  }
  const bytes = stored.embedding?.bytes
  const isOurs = bytes && (embeddings.read(bytes) ?? null) !== null
  return isOurs
    ? { stored, text: null, embedding: { code, bytes } }
    : { stored, text, embedding: null }
}

/** All of one space in one transaction, with one event that tells how many. */
async function writeSettled(
  ctx: JobContext,
  [{ tenant, space }]: Batch,
  settled: readonly Omit<Task, 'text'>[],
): Promise<number> {
  return ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant)
      const row = await findSpace(store, space)
      if (!row) return 0
      const view = spaceStore(store, { id: row.space_id, ownerId: row.owner_id })
      let done = 0
      for (const { stored, embedding } of settled) {
        if (await view.embed(stored, embedding)) done += 1
      }
      if (done === 0) return 0
      const details = { settled: done }
      const event = jobEvent(ctx.clock(), 'memory.embedded', { spaceId: row.space_id, details })
      await appendEvent(store, event, ctx.clock)
      return done
    },
    { durability: 'full', turn: { tenant, spaces: [space] } },
  )
}
