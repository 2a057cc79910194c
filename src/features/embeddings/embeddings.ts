/** The embedder as features know it: what may be sent to it, and what is sealed of its answers. */
import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { PrepareContext } from '../../kernel/context.ts'
import type { EmbeddingLevel } from '../../kernel/embedding-level.ts'
import type { Embedder } from '../../models/embedder.ts'
import { ModelError } from '../../models/model-error.ts'
import { quantise } from '../indexes/quantised.ts'
import type { VectorReader } from '../indexes/space-indexes.ts'
import { decodeEmbedding, encodeEmbedding, mayBeSent, modelCode, settledCode } from './embedding.ts'
import { createPending, type Pending } from './pending.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** Null: no embedder is set, and recall is lexical. */
    readonly embeddings: Embeddings | null
  }
}

export interface Embeddings extends VectorReader {
  /** What a row is settled for under a tenant's cap; null: it is to have nothing. */
  codeFor(cap: EmbeddingLevel): string | null
  /** What is sealed for each text. Throws `ModelError`. */
  embed(texts: readonly string[], wait_ms: number): Promise<Embedded>
  /** The vector of a query; null when the endpoint does not take it. Throws `ModelError`. */
  embedQuery(text: string, wait_ms: number): Promise<Float32Array | null>
  /** What is sealed where there is to be no vector. */
  readonly withheld: Buffer
  readonly pending: Pending
}

/** What is sealed for a text, by the text. */
export type Embedded = ReadonlyMap<string, Buffer>

export function createEmbeddings(embedder: Embedder, clock: Clock): Embeddings {
  return {
    code: modelCode(embedder).toString('hex'),
    dimensions: embedder.dimensions,
    codeFor: (cap) => (cap === 'none' ? null : settledCode(embedder, cap)),
    embed: async (texts, wait_ms) => {
      const different = [...new Set(texts)]
      const vectors = await embedder.embed(different, { wait_ms })
      const sealed = vectors.map((vector) => encodeEmbedding(embedder, vector && quantise(vector)))
      return new Map(different.map((text, at) => [text, sealed[at] as Buffer]))
    },
    embedQuery: async (text, wait_ms) => {
      const [vector = null] = await embedder.embed([text], { wait_ms })
      return vector
    },
    withheld: encodeEmbedding(embedder, null),
    read: (bytes) => decodeEmbedding(embedder, bytes),
    pending: createPending(clock),
  }
}

interface Sendable {
  readonly text: string
  readonly privacyLevel: string
}

/**
 * Asks for the vectors of what is about to be stored. What is not there in time is left to the job
 * that fills in what is pending: a store never fails for want of a vector.
 */
export async function embedAhead(
  { services, caller }: PrepareContext,
  memories: readonly Sendable[],
): Promise<Embedded> {
  const { embeddings } = services
  const sent = memories.filter((one) => mayBeSent(one.privacyLevel, caller.embeddingLevel))
  if (!embeddings || sent.length === 0) return new Map()
  const texts = sent.map(({ text }) => text)
  const embedCharacters = texts.reduce((all, { length }) => all + length, 0)
  services.keyBudgets.spend(caller, { embedCharacters }, services.clock())
  return orNone(embeddings.embed(texts, limits.embedStore_wait_ms), new Map())
}

type Asking = Pick<PrepareContext, 'services' | 'caller'>

/** Whether the caller's queries go to an embedder. */
export function queriesAreSent({ services, caller }: Asking): boolean {
  return services.embeddings !== null && caller.embeddingLevel !== 'none'
}

/** The vector of a query; null when there is none in time. */
export async function queryVector(
  ctx: PrepareContext,
  query: string,
): Promise<Float32Array | null> {
  const { embeddings } = ctx.services
  if (!embeddings || !queriesAreSent(ctx)) return null
  const { services, caller } = ctx
  services.keyBudgets.spend(caller, { embedCharacters: query.length }, services.clock())
  return orNone(embeddings.embedQuery(query, limits.embedQuery_wait_ms), null)
}

/** The embedder has told the log why there is no answer. */
async function orNone<Answer>(asked: Promise<Answer>, none: Answer): Promise<Answer> {
  try {
    return await asked
  } catch (thrown) {
    if (thrown instanceof ModelError) return none
    throw thrown
  }
}
