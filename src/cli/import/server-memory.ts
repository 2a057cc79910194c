/**
 * The file of @modelcontextprotocol/server-memory: entities with what was observed of them, and
 * relations. Each observation and each relation becomes a memory that can be read by itself.
 */

import { digestKey } from './keys.ts'
import { type Draft, type JsonObject, Refusal, type Shape } from './shape.ts'

const name = 'server-memory'

export const serverMemoryShape: Shape = {
  name,
  summary: 'The memory.jsonl of @modelcontextprotocol/server-memory.',
  fits: ({ type, name: entity, observations, from, to }) =>
    (type === 'entity' && typeof entity === 'string' && Array.isArray(observations)) ||
    (type === 'relation' && typeof from === 'string' && typeof to === 'string'),
  drafts: (record) => {
    if (record['type'] === 'entity') return entityDrafts(record)
    if (record['type'] === 'relation') return [relationDraft(record)]
    throw new Refusal('is neither entity nor relation', 'type')
  },
}

/** An entity that nothing was observed of is told by its type. */
function entityDrafts(record: JsonObject): readonly Draft[] {
  const entity = textIn(record, 'name')
  const entityType = textIn(record, 'entityType')
  const { observations } = record
  const isList = Array.isArray(observations) && observations.every((one) => typeof one === 'string')
  if (!isList) throw new Refusal('is no list of texts', 'observations')
  const told = observations.length === 0 ? [entityType] : observations
  return told.map((observation) => ({
    key: digestKey(name, ['entity', entity, observation]),
    text: `${entity}: ${observation}`,
    metadata: { [name]: { entity, entityType } },
  }))
}

function relationDraft(record: JsonObject): Draft {
  const [from, to] = [textIn(record, 'from'), textIn(record, 'to')]
  const relationType = textIn(record, 'relationType')
  return {
    key: digestKey(name, ['relation', from, relationType, to]),
    text: `${from} ${relationType.replaceAll('_', ' ')} ${to}`,
    metadata: { [name]: { from, relationType, to } },
  }
}

function textIn(record: JsonObject, field: string): string {
  const value = record[field]
  if (typeof value !== 'string' || value.trim() === '') throw new Refusal('is no text', field)
  return value
}
