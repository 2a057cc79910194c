import { z } from 'zod'
import type { Fused } from './fuse.ts'
import type { Found } from './search.ts'

const Place = z.strictObject({ rank: z.number().int(), score: z.number() }).nullable()

/**
 * Where the score of an answer comes from. It is made from what the caller may see and from nothing
 * else: memories above his privacy levels change no number in it.
 */
export const Explanation = z.strictObject({
  words: z
    .strictObject({
      score: z
        .number()
        .describe('(terms + label + neighbours + session + phrases) × importance × recency.'),
      terms: z
        .array(
          z.strictObject({
            term: z.string().describe('As the caller wrote it.'),
            idf: z.number().describe('How rare it is among what the caller may see.'),
            score: z.number().describe('0 where the memory does not hold it.'),
          }),
        )
        .describe('What each word of the query gives.'),
      label: z.number().describe('For words that name who speaks, as in “Alice: …”.'),
      neighbours: z.number().describe('Lent by the turns before and after in its session.'),
      session: z.number().describe('For the session as a whole.'),
      phrases: z.number().describe('For words that stand together, and for quotations.'),
      importance: z.number().describe('A factor: 0.9 to 1.1.'),
      recency: z.number().describe('A factor: 1 to 1.1, or to 2 where `recency` is `strong`.'),
    })
    .nullable()
    .describe('What its words give; null where it is not among the best by its words.'),
  union: z
    .strictObject({
      words: Place.describe('Its place by words.'),
      vectors: Place.describe('Its place by vectors: cosine × importance × recency.'),
      score: z.number().describe('The sum of 1 / (60 + rank) over both.'),
    })
    .nullable()
    .describe('How words and vectors were made one list; null where it is by words alone.'),
  fusion: z
    .strictObject({
      rank: z.number().int().describe('Its place among the answers of its space, from 1.'),
      score: z.number().describe('1 / (60 + rank), which is the score of the answer.'),
    })
    .nullable()
    .describe('How several spaces were made one list; null where there is one space.'),
})
export type Explanation = z.output<typeof Explanation>

/** The parts of the score of what was found, for who asked for them. */
export function explanationOf({ words, union, fusion }: Found & Fused): Explanation {
  const parts = words?.explain
  return {
    words: words && parts ? { score: words.score, ...parts, terms: [...parts.terms] } : null,
    union: union && { ...union },
    fusion: fusion ? { ...fusion } : null,
  }
}
