/** The calls that are measured, whichever way they go. */
import type { createTexts } from '../texts.ts'
import type { Work } from './task.ts'

export type Post = (path: string, body: object) => Promise<unknown>

export const space = 'user:bench'

export function createCalls(
  texts: ReturnType<typeof createTexts>,
): Readonly<Record<Work, (post: Post) => Promise<unknown>>> {
  return {
    recall: (post) => post('/v1/memories/recall', { space, query: texts.query() }),
    store: (post) =>
      post('/v1/memories', { space, text: texts.memory(), sessionId: texts.session() }),
  }
}
