/** Keys for what has none: the same content has the same key, so that it is stored once. */
import { toUtf8 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'
import { sha256 } from '../../crypto/digest.ts'
import { type Draft, isObject } from './shape.ts'

/** The draft with a key that the server takes: its own, or one that follows from it. */
export function withKey(source: string, draft: Draft): Draft {
  const { key, ...content } = draft
  if (key === undefined || key === null) return { ...content, key: digestKey(source, content) }
  const isMade = typeof key === 'string' && key.startsWith(`${source}:`)
  const isLong = isMade && key.length > limits.key_characters_max
  return isLong ? { ...content, key: digestKey(source, key) } : draft
}

/** SHA-256 over the content, whatever the order of its fields. */
export function digestKey(source: string, content: unknown): string {
  return `${source}:sha256:${sha256(toUtf8(canonical(content))).toString('hex')}`
}

/** As JSON with sorted names; the parser has bounded how deep it goes. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value ?? null)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(',')}}`
}
