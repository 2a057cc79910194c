/** Which embedding goes with a version of a memory that is written down. */
import type { Context, NamedSpace } from '../../kernel/context.ts'
import type { Embedding, StoredMemory } from '../../storage/space-store.ts'
import { mayBeSent } from '../embeddings/embedding.ts'
import type { Embedded } from '../embeddings/embeddings.ts'
import { decodeRecord, type MemoryId, type MemoryRecord } from './memory.ts'

export interface Versions {
  readonly id: MemoryId
  readonly record: MemoryRecord
  readonly before: StoredMemory | undefined
  /** What was asked of the embedder ahead of the transaction. */
  readonly embedded?: Embedded | undefined
}

/** Null: none; where there is to be one, the job that fills in what is pending is told. */
export function embeddingOf(ctx: Context, space: NamedSpace, versions: Versions): Embedding | null {
  const { embeddings } = ctx.services
  const { id, record, embedded } = versions
  const kept = keptEmbedding(versions)
  if (!embeddings) return kept
  const cap = ctx.caller.embeddingLevel
  const code = embeddings.codeFor(cap)
  if (code === null) return null
  if (!mayBeSent(record.privacyLevel, cap)) return { code, bytes: embeddings.withheld }
  const bytes = embedded?.get(record.text) ?? (kept && embeddings.read(kept.bytes) && kept.bytes)
  if (bytes) return { code, bytes }
  const memory = { tenant: ctx.caller.tenant, space: space.store.id, id }
  ctx.afterCommit(() => embeddings.pending.add([memory]))
  return null
}

/** The embedding of the version before, when it was made of what the new one says, too. */
function keptEmbedding({ record, before }: Versions): Embedding | null {
  if (!before?.record || !before.embedding) return null
  const { text, privacyLevel } = decodeRecord(before.record)
  const isSame = text === record.text && privacyLevel === record.privacyLevel
  return isSame ? before.embedding : null
}
