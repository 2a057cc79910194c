import type { IndexDump, IndexViews } from './parts.ts'
import type { DocumentFields } from './space-index.ts'

/** For tests: what the hashes of terms start from. */
export const seed = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

/** For the tests of this folder: the id of memory `number`. Ids sort as their numbers. */
export const idOf = (number: number): string => `mem_${String(number).padStart(26, '0')}`

/** For the tests of this folder: what a dump shows, in arrays of its own. */
export function copyOf({ header, parts }: IndexViews): IndexDump {
  const whole = parts.map((views) => {
    const bytes = views.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
    return new Uint8Array(new Uint8Array(Buffer.concat(bytes)).buffer)
  })
  return { header: JSON.parse(JSON.stringify(header)), parts: whole }
}

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
