/** Plain JSON Lines: a text under a usual name, our own fields, and whatever else as metadata. */
import { newMemoryFields } from '../../features/memories/memory.ts'
import { momentOf } from './moment.ts'
import {
  firstOf,
  isObject,
  type JsonObject,
  Refusal,
  type Shape,
  sourceKey,
  without,
} from './shape.ts'

export const textNames = ['text', 'content', 'memory'] as const
export const dateNames = [
  ...['occurredAt', 'occurred_at', 'timestamp', 'created_at', 'createdAt', 'date'],
] as const

/** Our fields as others write them. */
const spellings: Readonly<Record<string, readonly string[]>> = {
  privacyLevel: ['privacyLevel', 'privacy_level'],
  sessionId: ['sessionId', 'session_id'],
  agentId: ['agentId', 'agent_id'],
  expiresAt: ['expiresAt', 'expires_at'],
}

const sameNames = Object.keys(newMemoryFields).filter(
  (name) => !(name in spellings) && !['text', 'metadata', 'occurredAt', 'key'].includes(name),
)

export const jsonlShape: Shape = {
  name: 'jsonl',
  summary: 'Objects with a `text`, `content` or `memory`, and any of our fields.',
  fits: (record) => textNames.some((name) => typeof record[name] === 'string'),
  drafts: (record, space) => {
    const text = firstOf(record, textNames)
    if (!text) throw new Refusal(`one of ${textNames.join(', ')} is needed`, 'text')
    if ((record['space'] ?? space) !== space) throw new Refusal('is said by --space alone', 'space')
    const date = firstOf(record, dateNames)
    const keys = keysOf(record)
    const ours = ownFields(record)
    const taken = [text.name, date?.name, keys.name, ...ours.names, 'space', 'metadata']
    return [
      {
        ...ours.fields,
        text: text.value,
        ...(date && { occurredAt: momentOf(date.value, date.name) }),
        ...(keys.key !== undefined && { key: keys.key }),
        metadata: metadataOf(
          record,
          taken.filter((name) => name !== undefined),
        ),
      },
    ]
  },
}

/** A key of its own stands as it is; an id becomes one. */
function keysOf(record: JsonObject): { name: string; key: unknown } {
  const { key, id } = record
  if (key !== undefined && key !== null) return { name: 'key', key }
  const made = sourceKey('jsonl', id)
  return made === undefined ? { name: 'key', key: undefined } : { name: 'id', key: made }
}

function ownFields(record: JsonObject): { fields: JsonObject; names: readonly string[] } {
  const found = Object.entries(spellings).flatMap(([field, names]) => {
    const given = firstOf(record, names)
    return given ? [{ field, ...given }] : []
  })
  const plain = sameNames.flatMap((field) => {
    const given = firstOf(record, [field])
    return given ? [{ field, ...given }] : []
  })
  const all = [...found, ...plain].map((one) =>
    one.field === 'expiresAt' ? { ...one, value: momentOf(one.value, one.name) } : one,
  )
  return {
    fields: Object.fromEntries(all.map(({ field, value }) => [field, value])),
    names: all.map(({ name }) => name),
  }
}

/** Its own metadata, and beside it every field that means nothing to us. */
function metadataOf(record: JsonObject, taken: readonly string[]): unknown {
  const given = record['metadata'] ?? {}
  const others = Object.entries(without(record, taken)).filter(([, value]) => value !== null)
  if (others.length === 0) return given
  if (!isObject(given)) throw new Refusal('is no object', 'metadata')
  const twice = others.find(([name]) => Object.hasOwn(given, name))
  if (twice) throw new Refusal('stands in the line and in its metadata', twice[0])
  return { ...given, ...Object.fromEntries(others) }
}
