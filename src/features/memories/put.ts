/** Puts one memory into a space: what a store and each item of a batch do. */

import { endOfHour } from '../../core/clock.ts'
import { toBase64Url } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Context, NamedSpace } from '../../kernel/context.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import type { StoredMemory } from '../../storage/space-store.ts'
import {
  decodeRecord,
  encodeRecord,
  isExpired,
  type Memory,
  type MemoryId,
  type MemoryRecord,
  type NewMemory,
  provenanceOf,
  toMemory,
} from './memory.ts'

/** The index of keys is not sealed with the record, so whoever writes to the database can move it. */
const cause = new Error('a memory is indexed under a key that is not its own')

/** Stores a memory, or a new version of the one that has the same `key`. */
export async function putMemory(
  ctx: Context,
  space: NamedSpace,
  input: NewMemory,
): Promise<Memory> {
  const before = input.key === undefined ? undefined : await findByKey(ctx, space, input.key)
  const record = newRecord(ctx, input, before?.record)
  if (isExpired(record, ctx.now)) {
    throw new LocketError('invalid_input', 'expiresAt: lies in the past')
  }
  const id = before?.stored.id ?? newId('mem', ctx.services.clock)
  return writeVersion(ctx, space, { id, before: before?.stored, record })
}

/** Writes one version down and ties it to the operation's audit event. */
export async function writeVersion(
  ctx: Context,
  space: NamedSpace,
  memory: { id: MemoryId; before: StoredMemory | undefined; record: MemoryRecord },
): Promise<Memory> {
  const { id, before, record } = memory
  const bytes = encodeRecord(record)
  const stored = {
    id,
    version: record.version,
    record: bytes,
    key: record.key,
    expiresAt_ms: record.expiresAt === null ? null : endOfHour(record.expiresAt),
  }
  if (before) await space.store.replace(stored, before)
  else await space.store.insert(stored)
  ctx.note({ id, version: record.version, mac: toBase64Url(await space.store.contentMac(bytes)) })
  return toMemory(id, space.handle, record)
}

/** The memory that has this key. One that is over makes room: nothing of it comes back. */
async function findByKey(
  ctx: Context,
  space: NamedSpace,
  key: string,
): Promise<{ stored: StoredMemory; record: MemoryRecord } | undefined> {
  const id = await space.store.findByKey(key)
  const stored = id && (await space.store.get(id))
  if (!stored?.record) return undefined
  const record = decodeRecord(stored.record)
  if (record.key !== key) throw new LocketError('integrity_failed', undefined, { cause })
  if (!isExpired(record, ctx.now)) return { stored, record }
  await space.store.remove(stored.id)
  await forgetAnswers(ctx.store, space.store.id)
  return undefined
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
  const { space: _, key, occurredAt, expiresAt, ...fields } = input
  return {
    v: 1,
    ...fields,
    key: key ?? null,
    occurredAt: occurredAt ? Date.parse(occurredAt) : ctx.now,
    createdAt: before?.createdAt ?? ctx.now,
    updatedAt: ctx.now,
    expiresAt: expiresAt === null ? null : Date.parse(expiresAt),
    version: (before?.version ?? 0) + 1,
    createdBy: before?.createdBy ?? ctx.caller.principalId,
    provenance: provenanceOf(ctx.caller, ctx.door),
  }
}
