/** Metadata: a caller's own facts about a memory. They describe; they never decide who may see it. */
import { z } from 'zod'
import { toUtf8 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'

const scopeWords = new Set(['tenant', 'space', 'owner', 'provenance', 'trust'])

/**
 * Whether a name looks as if it said where a memory belongs or whom to believe: `tenant`, `spaceId`,
 * `OWNER_ID`. Such words are refused in metadata and filters, so that nobody relies on them.
 */
export function isScopeWord(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-z]/g, '')
  return scopeWords.has(plain) || scopeWords.has(plain.replace(/id$/, ''))
}

/** A JSON object of at most 8 KiB. */
export const Metadata = z.record(z.string(), z.unknown()).superRefine((value, context) => {
  const word = scopeWordIn(value)
  if (word !== undefined) context.addIssue({ code: 'custom', message: `${word} is a scope word` })
  const text = JSON.stringify(value)
  if (toUtf8(text).length > limits.metadata_bytes_max) {
    context.addIssue({ code: 'custom', message: `over ${limits.metadata_bytes_max} bytes` })
  }
  if (!isWellFormed(value)) {
    context.addIssue({ code: 'custom', message: 'holds a lone surrogate or NUL' })
  }
})

/** The first name, at any depth, that is a scope word. */
function scopeWordIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const names = Array.isArray(value) ? [] : Object.keys(value)
  const inner = (): string | undefined => Object.values(value).map(scopeWordIn).find(Boolean)
  return names.find(isScopeWord) ?? inner()
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, inner]) => isWellFormed(name) && isWellFormed(inner))
}
