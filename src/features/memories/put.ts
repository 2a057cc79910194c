/** Puts one memory into a space: what a store and each item of a batch do. */

import { z } from 'zod'
import { endOfHour } from '../../core/clock.ts'
import { toBase64Url } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import { isId, newId } from '../../core/ids.ts'
import type { Caller, Context, NamedSpace } from '../../kernel/context.ts'
import { overSpace } from '../../kernel/rights.ts'
import type { Holder } from '../../storage/agent-quotas.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import type {
  SpaceStore,
  NewMemory as StorageMemory,
  StoredMemory,
} from '../../storage/space-store.ts'
import type { Embedded } from '../embeddings/embeddings.ts'
import { contentOf, saysTheSame, united } from './content.ts'
import { embeddingOf, type Versions } from './embedding-of.ts'
import {
  decodeRecord,
  encodeRecord,
  endOf,
  isExpired,
  Memory,
  type MemoryId,
  type MemoryRecord,
  type NewMemory,
  provenanceOf,
  toMemory,
} from './memory.ts'

/** The indexes are not sealed with the record, so whoever writes to the database can move them. */
const cause = new Fault('a memory is indexed under a key or a content that is not its own')

interface Found {
  readonly stored: StoredMemory
  readonly record: MemoryRecord
}

/** A memory as a store answers it. */
export const StoredAnswer = Memory.extend({
  deduplicated: z.boolean().describe('Whether it was there already: nothing new was made of it.'),
})
export type StoredAnswer = z.output<typeof StoredAnswer>

/** A memory to store, and what an embedder made of it. */
export type Incoming = NewMemory & { readonly embedded?: Embedded | undefined }

/**
 * Stores a memory, or a new version of the one that has the same `key`. What is there already is
 * merged with what is new, or left as it is, for a caller who may read it; who may only write must
 * not learn what is there, so what he repeats is stored again.
 */
export async function putMemory(
  ctx: Context,
  space: NamedSpace,
  { embedded, ...input }: Incoming,
): Promise<StoredAnswer> {
  const { key } = input
  const before = key === undefined ? undefined : await findByKey(ctx, space, key)
  const record = newRecord(ctx, input, before?.record)
  if (isExpired(record, ctx.now)) {
    throw new LocketError('invalid_input', 'expiresAt: lies in the past')
  }
  const known = await knownAs(ctx, space, { before, record, input })
  if (known) return writeMerged(ctx, space, { ...known, embedded })
  const id = before?.stored.id ?? newId('mem', ctx.services.clock)
  const memory = await writeVersion(ctx, space, { id, before: before?.stored, record, embedded })
  return { ...memory, deduplicated: false }
}

/** Whether the caller may know what is in the space. */
export function mayRead(
  { rights, principalId: principal }: Caller,
  space: Pick<SpaceStore, 'id' | 'ownerId'>,
): boolean {
  return overSpace(rights, 'memory:read', { space, principal }) !== null
}

interface Said {
  readonly before: Found | undefined
  readonly record: MemoryRecord
  readonly input: NewMemory
}

/** What is there already of what is said, if the caller may know; best what says all of it. */
async function knownAs(ctx: Context, space: NamedSpace, said: Said): Promise<Merged | undefined> {
  if (!mayRead(ctx.caller, space.store)) return undefined
  const { before, record } = said
  const sames = before ? [before] : await findSames(ctx, space, record)
  const known = sames.map((same) => mergedWith(same, said)).filter((one) => one !== undefined)
  return known.find(({ merged }) => merged === null) ?? known[0]
}

interface Merged extends Found {
  /** Null: what was said is what is there. */
  readonly merged: MemoryRecord | null
}

/** What becomes of a memory that is said again; undefined where it is to be written as it is said. */
function mergedWith(before: Found, { record, input }: Said): Merged | undefined {
  const { occurredAt } = input.occurredAt === undefined ? before.record : record
  if (saysTheSame(before.record, { ...record, occurredAt })) return { ...before, merged: null }
  if (record.key !== null) return undefined
  const merged = united(before.record, record)
  if (!merged) return undefined
  return { ...before, merged: saysTheSame(before.record, merged) ? null : merged }
}

async function writeMerged(
  ctx: Context,
  space: NamedSpace,
  { stored, record, merged, embedded }: Merged & Pick<Versions, 'embedded'>,
): Promise<StoredAnswer> {
  const { id } = stored
  if (merged === null) {
    ctx.note({ id, version: record.version, deduplicated: true })
    return { ...toMemory(id, space.handle, record), deduplicated: true }
  }
  const changed = {
    ...merged,
    updatedAt: ctx.now,
    version: record.version + 1,
    provenance: provenanceOf(ctx.caller, ctx.door),
  }
  const memory = await writeVersion(ctx, space, { id, before: stored, record: changed, embedded })
  return { ...memory, deduplicated: true }
}

/** The memories that say the same as this one: several, where they do not fit into one. */
async function findSames(
  ctx: Context,
  space: NamedSpace,
  record: MemoryRecord,
): Promise<readonly Found[]> {
  const content = contentOf(record)
  if (content === null) return []
  const sames: Found[] = []
  for (const id of (await space.store.findByContent(content, sames_max)).sort()) {
    const found = await openFound(ctx, space, id)
    if (found === undefined || found === 'over') continue
    if (contentOf(found.record) !== content) {
      throw new LocketError('integrity_failed', undefined, { cause })
    }
    sames.push(found)
  }
  return sames
}

/** So many of them are looked at. */
const sames_max = 8

/** Writes one version down and ties it to the operation's audit event. */
export async function writeVersion(
  ctx: Context,
  space: NamedSpace,
  memory: Versions,
): Promise<Memory> {
  const { id, before, record } = memory
  const bytes = encodeRecord(record)
  const { key, content, expiresAt_ms } = foundBy(record)
  const embedding = embeddingOf(ctx, space, memory)
  const { version } = record
  const stored = { id, version, record: bytes, key, content, expiresAt_ms, embedding }
  if (before) await space.store.replace(stored, before)
  else await space.store.insert({ ...stored, storedBy: holderOf(ctx.caller) })
  ctx.note({ id, version, mac: toBase64Url(await space.store.contentMac(bytes)) })
  return toMemory(id, space.handle, record)
}

/** Whom what the caller stores counts for: agents, whether they have a quota by now or not. */
export function holderOf({ principalId, maxMemories }: Caller): Holder | null {
  return isId('agt', principalId) ? { agent: principalId, memories_max: maxMemories } : null
}

/** What of a record stands on its row for others to find it by. */
export function foundBy(
  record: MemoryRecord,
): Pick<StorageMemory, 'key' | 'content' | 'expiresAt_ms'> {
  const end = endOf(record)
  return {
    key: record.key,
    content: contentOf(record),
    expiresAt_ms: end === null ? null : endOfHour(end),
  }
}

/** The memory that has this key. */
export async function findByKey(
  ctx: Context,
  space: NamedSpace,
  key: string,
): Promise<Found | undefined> {
  const found = await openFound(ctx, space, await space.store.findByKey(key))
  if (found === undefined || found === 'over') return undefined
  if (found.record.key === key) return found
  throw new LocketError('integrity_failed', undefined, { cause })
}

/** What was looked up, opened. One that is over makes room: nothing of it comes back. */
async function openFound(
  ctx: Context,
  space: NamedSpace,
  id: MemoryId | undefined,
): Promise<Found | 'over' | undefined> {
  const stored = id && (await space.store.get(id))
  if (!stored?.record) return undefined
  const record = decodeRecord(stored.record)
  if (!isExpired(record, ctx.now)) return { stored, record }
  await space.store.remove(stored.id)
  await forgetAnswers(ctx.store, space.store.id)
  return 'over'
}

/** Whether memories that were answered before are all still there, none of them over. */
export async function areLive(ctx: Context, ids: readonly MemoryId[]): Promise<boolean> {
  for (const id of ids) {
    const stored = await ctx.space.get(id)
    if (!stored?.record || isExpired(decodeRecord(stored.record), ctx.now)) return false
  }
  return true
}

function newRecord(ctx: Context, input: NewMemory, before: MemoryRecord | undefined): MemoryRecord {
  const { key, occurredAt, expiresAt } = input
  return {
    v: 1,
    key: key ?? null,
    text: input.text,
    type: input.type,
    tags: input.tags,
    metadata: input.metadata,
    importance: input.importance,
    privacyLevel: input.privacyLevel,
    sessionId: input.sessionId,
    agentId: input.agentId,
    occurredAt: occurredAt ? Date.parse(occurredAt) : ctx.now,
    createdAt: before?.createdAt ?? ctx.now,
    updatedAt: ctx.now,
    expiresAt: expiresAt === null ? null : Date.parse(expiresAt),
    version: (before?.version ?? 0) + 1,
    createdBy: before?.createdBy ?? ctx.caller.principalId,
    provenance: provenanceOf(ctx.caller, ctx.door),
  }
}
