/** What the server would refuse, found out here: so that a dry run knows, and a request is never too large. */
import { limits } from '../../core/limits.ts'
import { NewMemory } from '../../features/memories/memory.ts'
import { type Draft, isObject, Refusal } from './shape.ts'

/** A memory as it is sent. */
export interface Item {
  readonly json: string
  readonly bytes: number
  /** How many names of fields are in it, at any depth: a request may have only so many. */
  readonly names: number
}

/** The item that a draft makes. Throws `Refusal`. */
export function checked(draft: Draft, now: number): Item {
  const size = { names: 0 }
  measure(draft, 1, size)
  const parsed = NewMemory.safeParse(draft)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const field = issue?.path.join('.') || null
    throw new Refusal(issue?.message ?? 'does not fit', field)
  }
  const { expiresAt } = parsed.data
  if (expiresAt !== null && Date.parse(expiresAt) <= now) {
    throw new Refusal('lies in the past', 'expiresAt')
  }
  const json = JSON.stringify(draft)
  return { json, bytes: Buffer.byteLength(json), names: size.names }
}

/** In a request, an item lies two levels deep. */
function measure(value: unknown, depth: number, size: { names: number }): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > limits.importNesting_max) {
    throw new Refusal(`nests deeper than ${limits.importNesting_max} levels`)
  }
  if (isObject(value)) size.names += Object.keys(value).length
  for (const inner of Object.values(value)) measure(inner, depth + 1, size)
}
