import type { DocumentFields } from './space-index.ts'

/** For tests: what the hashes of terms start from. */
export const seed = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

/** For the tests of this folder: the id of memory `number`. Ids sort as their numbers. */
export const idOf = (number: number): string => `mem_${String(number).padStart(26, '0')}`

/** For the tests of this folder: the fields of memory `number`, ordinary but for `changes`. */
export function fieldsOf(number: number, changes: Partial<DocumentFields> = {}): DocumentFields {
  return {
    id: idOf(number),
    type: 'fact',
    tags: [],
    sessionId: null,
    agentId: null,
    importance: 5,
    privacyLevel: 'internal',
    occurredAt: number,
    createdAt: number,
    updatedAt: number,
    expiresAt: null,
    metadata: {},
    ...changes,
  }
}
