/** What an embedder may be sent at most: nothing, or memories up to a privacy level. */
export const embeddingLevels = ['none', 'public', 'internal', 'sensitive', 'restricted'] as const

export type EmbeddingLevel = (typeof embeddingLevels)[number]

/** What is `restricted` leaves only when it is said. */
export const defaultEmbeddingLevel: EmbeddingLevel = 'sensitive'
