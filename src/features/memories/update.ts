import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField, Version } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { currentVersion, requireVersion } from './get.ts'
import { isExpired, Memory, type MemoryRecord, memoryFields, provenanceOf } from './memory.ts'
import { writeVersion } from './put.ts'

const UpdateMemory = z.strictObject({
  id: idField('mem'),
  ...z.strictObject(memoryFields).partial().shape,
  version: Version.optional().describe('The version that the change was made from.'),
})
type UpdateMemory = z.output<typeof UpdateMemory>

/**
 * Changes a memory; the version before stays in its history. Fails with `not_found`,
 * `version_conflict`, `precondition_failed`.
 */
export const updateMemory = operation({
  id: 'memories.update',
  method: 'PATCH',
  path: '/v1/memories/{id}',
  summary: 'Change a memory; the version before stays in its history.',
  effect: 'write',
  idempotent: false,
  permission: 'memory:write',
  resource: {
    of: ['memory'],
    by: (input) => ({ kind: 'memory', id: input.id }),
  },
  rateClass: 'write',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.updated',
  facts: (input) => ({ resourceId: input.id }),
  input: UpdateMemory,
  output: Memory,
  status: 200,
  run: async (ctx, input) => {
    const { stored, record } = await currentVersion(ctx, input.id)
    requireVersion(ctx, input.version, record.version)
    const changed: MemoryRecord = {
      ...record,
      ...changesOf(input),
      updatedAt: ctx.now,
      version: record.version + 1,
      provenance: provenanceOf(ctx.caller, ctx.door),
    }
    if (isExpired(changed, ctx.now)) {
      throw new LocketError('invalid_input', 'expiresAt: lies in the past')
    }
    return writeVersion(ctx, ctx.namedSpace, { id: input.id, before: stored, record: changed })
  },
})

/** The given fields only, times as milliseconds. */
function changesOf(input: UpdateMemory): Partial<MemoryRecord> {
  const { id: _id, version: _version, occurredAt, expiresAt, ...fields } = input
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return {
    ...Object.fromEntries(given),
    ...(occurredAt !== undefined && { occurredAt: Date.parse(occurredAt) }),
    ...(expiresAt !== undefined && {
      expiresAt: expiresAt === null ? null : Date.parse(expiresAt),
    }),
  }
}
