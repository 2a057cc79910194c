/**
 * When two memories are the same, and what becomes of them then. Nothing that was said is lost: what
 * is merged has all tags and metadata of both, the stricter privacy level and the longer life.
 */
import { isDeepStrictEqual } from 'node:util'
import { limits } from '../../core/limits.ts'
import { type MemoryRecord, privacyLevels } from './memory.ts'
import { Metadata } from './metadata.ts'

type Level = MemoryRecord['privacyLevel']

/**
 * What memories must share to be the same one. Where it was said when it happened, that is part of it:
 * the same words of another day are of another event. Null for a memory with a key: its caller says
 * by the key what it is the same as.
 */
export function contentOf(record: MemoryRecord): string | null {
  if (record.key !== null) return null
  const { text, type, sessionId, agentId, occurredAt, createdAt, provenance } = record
  const { kind, principalId, door } = provenance
  const moment = occurredAt === createdAt ? '' : String(occurredAt)
  return JSON.stringify([text, type, sessionId, agentId, moment, kind, principalId, door])
}

export function strictest(levels: readonly Level[]): Level {
  const ranks = levels.map((level) => privacyLevels.indexOf(level))
  return privacyLevels[Math.max(...ranks)] ?? 'restricted'
}

/** The later end; null, which is never, is the latest. */
function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : Math.max(one, other)
}

/**
 * The first record with what the second says besides; where they contradict each other in metadata
 * the second wins. Null when that is more than one memory may hold.
 */
export function united(first: MemoryRecord, second: MemoryRecord): MemoryRecord | null {
  const tags = [...new Set([...first.tags, ...second.tags])]
  const metadata = { ...first.metadata, ...second.metadata }
  if (tags.length > limits.tags_max || !Metadata.safeParse(metadata).success) return null
  return {
    ...first,
    tags,
    metadata,
    importance: Math.max(first.importance, second.importance),
    privacyLevel: strictest([first.privacyLevel, second.privacyLevel]),
    expiresAt: later(first.expiresAt, second.expiresAt),
  }
}

/** Whether a new version would say nothing new. It is from the same caller, by the same door. */
export function saysTheSame(one: MemoryRecord, other: MemoryRecord): boolean {
  return isDeepStrictEqual(saying(one), saying(other))
}

function saying({
  createdAt: _c,
  updatedAt: _u,
  version: _v,
  createdBy: _b,
  ...record
}: MemoryRecord) {
  const { credentialId: _, ...provenance } = record.provenance
  return { ...record, provenance }
}
