/**
 * LangGraph's store: items as `search` answers them, or rows of the PostgreSQL store as JSON. A value
 * that holds no text under a usual name becomes one as a whole, as LangGraph itself embeds it.
 */
import { textNames } from './jsonl.ts'
import { momentOf } from './moment.ts'
import {
  beside,
  firstOf,
  isObject,
  type JsonObject,
  present,
  Refusal,
  type Shape,
  without,
} from './shape.ts'

export const langgraphShape: Shape = {
  name: 'langgraph',
  summary: 'Items of a LangGraph store, or rows of its PostgreSQL table.',
  fits: ({ value, key, namespace, prefix }) =>
    isObject(value) &&
    typeof key === 'string' &&
    (Array.isArray(namespace) || typeof prefix === 'string'),
  drafts: (record) => {
    const { key, value } = record
    if (typeof key !== 'string') throw new Refusal('is missing', 'key')
    if (!isObject(value)) throw new Refusal('is no object', 'value')
    const namespace = namespaceOf(record)
    const moment = (names: readonly string[]): string | undefined => {
      const given = firstOf(record, names)
      return given ? momentOf(given.value, given.name) : undefined
    }
    const occurredAt = moment(['created_at', 'createdAt'])
    const updatedAt = moment(['updated_at', 'updatedAt'])
    const { text, rest } = textOf(value)
    const changedAt = updatedAt === occurredAt ? undefined : updatedAt
    const said = present({ namespace, key, updated_at: changedAt })
    return [
      present({
        key: `langgraph:${pathOf(namespace)}/${key}`,
        text,
        occurredAt,
        expiresAt: moment(['expires_at']),
        metadata: beside(rest, 'langgraph', said),
      }),
    ]
  },
}

/** The first slash is where the namespace ends: a label may hold one, too. */
function pathOf(namespace: readonly string[]): string {
  return namespace.join('.').replaceAll(/[%/]/g, encodeURIComponent)
}

/** A row has the labels put together with full stops, which no label may hold. */
function namespaceOf({ namespace, prefix }: JsonObject): readonly string[] {
  if (typeof prefix === 'string') return prefix.split('.')
  if (Array.isArray(namespace) && namespace.every((one) => typeof one === 'string')) {
    return namespace
  }
  throw new Refusal('is no list of names', 'namespace')
}

/** `{"content": {"content": "…"}}` is how LangMem puts it. */
function textOf(value: JsonObject): { text: string; rest: JsonObject } {
  const { content, ...others } = value
  if (isObject(content) && typeof content['content'] === 'string') {
    const { content: text, ...inner } = content
    return { text: text as string, rest: { ...others, ...inner } }
  }
  const name = textNames.find((one) => typeof value[one] === 'string')
  if (name === undefined) return { text: JSON.stringify(value), rest: {} }
  return { text: value[name] as string, rest: without(value, [name]) }
}
