import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { StoredMemory } from '../../storage/space-store.ts'
import {
  decodeRecord,
  isExpired,
  Memory,
  type MemoryId,
  type MemoryRecord,
  toMemory,
} from './memory.ts'

/** Reads one memory. Fails with `not_found`. */
export const getMemory = operation({
  id: 'memories.get',
  method: 'GET',
  path: '/v1/memories/{id}',
  summary: 'Get a memory.',
  effect: 'read',
  idempotent: false,
  permission: 'memory:read',
  resource: {
    of: ['memory'],
    by: (input) => ({ kind: 'memory', id: input.id }),
  },
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.read',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('mem') }),
  output: Memory,
  status: 200,
  run: async (ctx, input) => {
    const { record } = await keptVersion(ctx, input.id)
    return toMemory(input.id, ctx.namedSpace.handle, record)
  },
})

/** A memory that is there, superseded or not, and whose time is not over. Throws `not_found`. */
export async function keptVersion(
  ctx: Context,
  id: MemoryId,
): Promise<{ stored: StoredMemory; record: MemoryRecord }> {
  const stored = await ctx.space.getKept(id)
  const record = stored && decodeRecord(stored.record)
  if (!stored || !record || isExpired(record, ctx.now)) throw new LocketError('not_found')
  return { stored, record }
}

/** As `keptVersion`, of one that can be changed. Throws `superseded`, too. */
export async function currentVersion(
  ctx: Context,
  id: MemoryId,
): Promise<{ stored: StoredMemory; record: MemoryRecord }> {
  const kept = await keptVersion(ctx, id)
  if (kept.record.superseded) throw new LocketError('superseded')
  return kept
}

/** Throws when the caller did not mean this version: `precondition_failed`, `version_conflict`. */
export function requireVersion(ctx: Context, expected: number | undefined, actual: number): void {
  if (ctx.ifMatch !== null && ctx.ifMatch !== actual) throw new LocketError('precondition_failed')
  if (expected !== undefined && expected !== actual) throw new LocketError('version_conflict')
}
