/** Memories: what an agent was told, as callers see it and as it is stored. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { fromUtf8, toUtf8 } from '../../core/encoding.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Caller, Door } from '../../kernel/context.ts'
import { idField, Moment, Timestamp } from '../../kernel/fields.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { DocumentFields } from '../indexes/space-index.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { SpaceHandle } from '../spaces/space.ts'
import { Metadata } from './metadata.ts'

export type MemoryId = Id<'mem'>

export const memoryTypes = [
  'fact',
  'preference',
  'goal',
  'habit',
  'event',
  'procedure',
  'context',
  'summary',
] as const

export const privacyLevels = ['public', 'internal', 'sensitive', 'restricted'] as const

/** Length in code points, which is what people count, not UTF-16 units. */
const codePoints = (text: string): number => [...text].length
const hasNoNul = (text: string): boolean => !text.includes('\0')
const wellFormed = (text: string): boolean => text.isWellFormed() && hasNoNul(text)
const notText = 'holds a lone surrogate or NUL'

/** What a person or an agent said: any text but an empty one. */
export const MemoryText = z
  .string()
  .max(limits.text_codePoints_max * 2)
  .trim()
  .min(1)
  .refine(wellFormed, notText)
  .refine((text) => codePoints(text) <= limits.text_codePoints_max, 'too long')
  .meta({ description: `1 to ${limits.text_codePoints_max} code points after trimming.` })

const Label = (characters: number) =>
  z.string().trim().min(1).max(characters).refine(wellFormed, notText)

export const SessionId = Label(limits.sessionId_characters_max)
export const MemoryKey = Label(limits.key_characters_max)

/** What a caller may say of a memory, without defaults: the fields of an update. */
export const memoryFields = {
  text: MemoryText,
  type: z.enum(memoryTypes),
  tags: z.array(Label(limits.tag_characters_max)).max(limits.tags_max),
  metadata: Metadata,
  importance: z.number().min(0).max(10),
  privacyLevel: z.enum(privacyLevels),
  sessionId: SessionId.nullable().describe('The conversation it comes from.'),
  agentId: Label(limits.handle_characters_max + 10).nullable(),
  occurredAt: Moment.describe('When it happened; now when absent.'),
  expiresAt: Moment.nullable().describe('From then on it is never returned, and soon deleted.'),
}

/** A new memory, without its space. */
export const newMemoryFields = {
  key: MemoryKey.optional().describe('The caller’s own key, unique in the space: stores replace.'),
  text: memoryFields.text,
  type: memoryFields.type.default('fact'),
  tags: memoryFields.tags.default([]),
  metadata: memoryFields.metadata.default({}),
  importance: memoryFields.importance.default(5),
  privacyLevel: memoryFields.privacyLevel.default('internal'),
  sessionId: memoryFields.sessionId.default(null),
  agentId: memoryFields.agentId.default(null),
  occurredAt: memoryFields.occurredAt.optional(),
  expiresAt: memoryFields.expiresAt.default(null),
}

export const NewMemory = z.strictObject({
  space: SpaceHandle.optional().describe('The caller’s own space when absent, for a user.'),
  ...newMemoryFields,
})
export type NewMemory = z.output<typeof NewMemory>

/** Where a version came from: written by the server once, from the credential. */
const Provenance = z.strictObject({
  kind: z.enum(['user', 'agent', 'service']),
  principalId: PrincipalIdField,
  credentialId: idField('key', 'crt', 'xid', 'sin', 'tok'),
  door: z.enum(['http']),
})
export type Provenance = z.output<typeof Provenance>

export const strategies = ['duplicates', 'expired', 'importance', 'age', 'summary'] as const
export type Strategy = (typeof strategies)[number]

const Superseded = z.strictObject({
  at: Timestamp,
  strategy: z.enum(strategies),
  by: z.string().nullable().describe('The memory that stands for it now, if one does.'),
  until: Timestamp.describe('It can be restored until then; then it is deleted.'),
})

export const Memory = z.strictObject({
  id: idField('mem'),
  space: z.string(),
  key: z.string().nullable(),
  text: z.string(),
  type: z.enum(memoryTypes),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  importance: z.number(),
  privacyLevel: z.enum(privacyLevels),
  sessionId: z.string().nullable(),
  agentId: z.string().nullable(),
  occurredAt: Timestamp,
  provenance: Provenance,
  status: z.enum(['active', 'superseded']),
  derivedFrom: z.array(z.string()).describe('The memories that compaction made it of.'),
  superseded: Superseded.nullable().describe('Set while compaction keeps it out of recall.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  expiresAt: Timestamp.nullable(),
  version: z.number().int(),
  createdBy: PrincipalIdField,
})
export type Memory = z.output<typeof Memory>

/** What is sealed of one version. Times are milliseconds since the epoch. */
export interface MemoryRecord {
  /** The version of this very shape. */
  readonly v: 1
  readonly key: string | null
  readonly text: string
  readonly type: Memory['type']
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly importance: number
  readonly privacyLevel: Memory['privacyLevel']
  readonly sessionId: string | null
  readonly agentId: string | null
  readonly occurredAt: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly version: number
  readonly createdBy: PrincipalId
  readonly provenance: Provenance
  /** Left out where compaction made nothing of it. */
  readonly derivedFrom?: readonly string[]
  /** Only while compaction keeps it out of recall. */
  readonly superseded?: SupersededRecord
}

export interface SupersededRecord {
  readonly at: number
  readonly strategy: Strategy
  readonly by: MemoryId | null
  readonly until: number
}

export function encodeRecord(record: MemoryRecord): Uint8Array {
  return toUtf8(JSON.stringify(record))
}

export function decodeRecord(bytes: Uint8Array): MemoryRecord {
  return JSON.parse(fromUtf8(bytes)) as MemoryRecord
}

/** Written out field by field: this is done for each memory of each answer. */
export function toMemory(id: MemoryId, space: string, record: MemoryRecord): Memory {
  const { superseded, derivedFrom } = record
  return {
    id,
    space,
    key: record.key,
    text: record.text,
    type: record.type,
    tags: record.tags.slice(),
    metadata: { ...record.metadata },
    importance: record.importance,
    privacyLevel: record.privacyLevel,
    sessionId: record.sessionId,
    agentId: record.agentId,
    occurredAt: toTimestamp(record.occurredAt),
    provenance: record.provenance,
    status: superseded ? 'superseded' : 'active',
    derivedFrom: derivedFrom ? derivedFrom.slice() : [],
    superseded: superseded ? toSuperseded(superseded) : null,
    createdAt: toTimestamp(record.createdAt),
    updatedAt: toTimestamp(record.updatedAt),
    expiresAt: record.expiresAt === null ? null : toTimestamp(record.expiresAt),
    version: record.version,
    createdBy: record.createdBy,
  }
}

function toSuperseded(superseded: SupersededRecord): Memory['superseded'] {
  const { at, strategy, by, until } = superseded
  return { at: toTimestamp(at), strategy, by, until: toTimestamp(until) }
}

/** What the index keeps of a memory, and the text that it makes terms of. */
export function toDocument(
  id: string,
  bytes: Uint8Array,
): { fields: DocumentFields; text: string } {
  const record = decodeRecord(bytes)
  const { text, type, tags, metadata, importance, privacyLevel, sessionId, agentId } = record
  const { occurredAt, createdAt, updatedAt, expiresAt } = record
  const about = { id, type, tags, metadata, importance, privacyLevel, sessionId, agentId }
  return { fields: { ...about, occurredAt, createdAt, updatedAt, expiresAt }, text }
}

/** Whether its time is over: its own, or the one for which compaction keeps it. */
export function isExpired(
  record: Pick<MemoryRecord, 'expiresAt' | 'superseded'>,
  now: number,
): boolean {
  const end = endOf(record)
  return end !== null && end <= now
}

/** When it is to be deleted; null: never. */
export function endOf({
  expiresAt,
  superseded,
}: Pick<MemoryRecord, 'expiresAt' | 'superseded'>): number | null {
  if (!superseded) return expiresAt
  return Math.min(superseded.until, expiresAt ?? Number.POSITIVE_INFINITY)
}

export function provenanceOf(caller: Caller, door: Door): Provenance {
  const { kind, principalId, credentialId } = caller
  return { kind, principalId, credentialId, door }
}
