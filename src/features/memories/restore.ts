import { z } from 'zod'
import { toBase64Url } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { Holder } from '../../storage/agent-quotas.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { openProfile } from '../principals/principal.ts'
import { findPrincipal } from '../principals/store.ts'
import { embeddingOf } from './embedding-of.ts'
import { keptVersion } from './get.ts'
import { encodeRecord, Memory, type MemoryRecord, toMemory } from './memory.ts'
import { areLive, findByKey, foundBy, mayRead } from './put.ts'

/**
 * Brings back what compaction replaced, as it was; what stands for it stays beside it. One that is
 * active stays as it is. The answer is the memory, so it is for who may read it. Fails with
 * `not_found`, `already_exists` where its key was given to another meanwhile, and `quota_exceeded`
 * where the agent that stored it has filled its quota by now.
 */
export const restoreMemory = operation({
  id: 'memories.restore',
  method: 'POST',
  path: '/v1/memories/{id}/restore',
  summary: 'Restore a memory that compaction replaced.',
  effect: 'write',
  idempotent: true,
  permission: 'memory:compact',
  resource: {
    of: ['memory'],
    by: (input) => ({ kind: 'memory', id: input.id }),
  },
  rateClass: 'write',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.restored',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('mem') }),
  output: Memory,
  status: 200,
  replayable: (ctx, output) => areLive(ctx, [output.id]),
  run: async (ctx, { id }) => {
    if (!mayRead(ctx.caller, ctx.space)) throw new LocketError('permission_denied')
    const { stored, record } = await keptVersion(ctx, id)
    const { superseded, ...restored } = record
    if (!superseded) return toMemory(id, ctx.namedSpace.handle, record)
    if (record.key !== null && (await findByKey(ctx, ctx.namedSpace, record.key))) {
      throw new LocketError('already_exists', 'a memory with its key')
    }
    const bytes = encodeRecord(restored satisfies MemoryRecord)
    const { version } = restored
    const embedding = embeddingOf(ctx, ctx.namedSpace, { id, record: restored, before: stored })
    const storedBy = await holderNow(ctx, record.createdBy)
    const back = { id, version, record: bytes, ...foundBy(restored), embedding, storedBy }
    await ctx.space.restore(back)
    ctx.note({ id, version, mac: toBase64Url(await ctx.space.contentMac(bytes)) })
    return toMemory(id, ctx.namedSpace.handle, restored)
  },
})

/** It counts for the agent that stored it, whoever brings it back. */
async function holderNow(ctx: Context, createdBy: PrincipalId): Promise<Holder | null> {
  if (!isId('agt', createdBy)) return null
  const row = await findPrincipal(ctx.store, createdBy)
  const profile = row && (await openProfile(ctx.store, row))
  return { agent: createdBy, memories_max: profile?.agent?.maxMemories ?? null }
}
