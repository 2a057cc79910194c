/**
 * mem0: what `getAll` answers (`{"results": […]}`, a list, or its items as lines), of the open source
 * package and of the platform. Whose memory it was is kept as metadata and decides nothing.
 */
import { endOfDay, momentOf } from './moment.ts'
import {
  beside,
  firstOf,
  isObject,
  present,
  Refusal,
  type Shape,
  sourceKey,
  without,
} from './shape.ts'

const names = {
  createdAt: ['created_at', 'createdAt'],
  updatedAt: ['updated_at', 'updatedAt'],
  agentId: ['agent_id', 'agentId'],
  runId: ['run_id', 'runId'],
  expiresAt: ['expiration_date', 'expirationDate'],
} as const

/** What follows from the text or from a question, and what the memory was made of. */
const dropped = ['hash', 'score', 'rerankScore', 'messages', 'event', 'data', 'input']
const taken = ['id', 'memory', 'metadata', 'categories', ...Object.values(names).flat(), ...dropped]

export const mem0Shape: Shape = {
  name: 'mem0',
  summary: 'What mem0’s `getAll` answers.',
  fits: ({ id, memory, text }) =>
    typeof memory === 'string' && typeof id === 'string' && text === undefined,
  drafts: (record) => {
    const { id, memory, metadata, categories } = record
    if (typeof memory !== 'string') throw new Refusal('is missing', 'memory')
    if (metadata !== undefined && metadata !== null && !isObject(metadata)) {
      throw new Refusal('is no object', 'metadata')
    }
    const value = (name: keyof typeof names): unknown => firstOf(record, names[name])?.value
    const updated = momentOf(value('updatedAt'), 'updated_at')
    const said = present({ ...without(record, taken), updated_at: updated })
    return [
      present({
        key: sourceKey('mem0', id),
        text: memory,
        tags: categories,
        agentId: value('agentId'),
        sessionId: value('runId'),
        occurredAt: momentOf(value('createdAt'), 'created_at'),
        expiresAt: endOfDay(value('expiresAt'), 'expiration_date'),
        metadata: beside(metadata ?? {}, 'mem0', said),
      }),
    ]
  },
}
