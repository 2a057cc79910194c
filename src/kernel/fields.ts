/** Schema pieces that many operations share, so that the same thing looks the same everywhere. */
import { z } from 'zod'
import { type Id, type IdPrefix, idPattern } from '../core/ids.ts'
import { limits } from '../core/limits.ts'

/** An id with one of these prefixes. */
export function idField<Prefix extends IdPrefix>(
  ...prefixes: readonly Prefix[]
): z.ZodType<Id<Prefix>, string> {
  const shape = z.string().regex(idPattern(...prefixes), `not an id of this kind (${prefixes})`)
  return shape as unknown as z.ZodType<Id<Prefix>, string>
}

/** RFC 3339 with milliseconds, in UTC. */
export const Timestamp = z.string().meta({ format: 'date-time' })

/** A moment as callers may give it: RFC 3339 with any offset. */
export const Moment = z.iso.datetime({ offset: true })

export const pageFields = {
  limit: z.coerce.number().int().min(1).max(limits.page_items_max).default(50),
  cursor: z.string().max(200).optional(),
}

/** The answer of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() })
}

/** The answer of an operation that has nothing to tell but that it was done. */
export const Done = z.strictObject({ id: z.string(), deleted: z.literal(true) })

/** A version number as callers send it to guard against overwriting what they have not seen. */
export const Version = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
