/**
 * What events are asked for by. What stands in clear is looked up; what is sealed narrows what was opened.
 * No question looks through more than a bounded number of rows: it says where it stopped.
 */
import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { type Page, toCursor } from '../../core/page.ts'
import { idField, Moment, pageFields } from '../../kernel/fields.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type AuditEvent, eventClasses, outcomes } from './event.ts'
import { lookUp, type Stream } from './look-up.ts'
import { openEvent } from './open-event.ts'

/** By what a question narrows: of a list, an export, and what one asks of oneself. */
export const narrowingFields = {
  action: z
    .string()
    .max(64)
    .optional()
    .describe('One action, such as `memory.recalled`, or all that begin so: `memory.`'),
  class: z.enum(eventClasses).optional(),
  outcome: z.enum(outcomes).optional(),
  from: Moment.optional().describe('Not before this moment.'),
  until: Moment.optional().describe('Before this moment.'),
}

export const questionFields = {
  ...narrowingFields,
  actor: z.string().max(40).optional().describe("A principal's id."),
  resource: z.string().max(40).optional().describe('The id of what was acted on.'),
  space: idField('spc').optional().describe('The id of a space: all that was done in it.'),
  code: z.string().max(64).optional().describe('The code of the error. Slow: it is sealed.'),
  onBehalfOf: idField('usr')
    .optional()
    .describe('The user for whom an agent acted. Slow: it is sealed.'),
  requestId: idField('req').optional().describe('All events of one request.'),
}

export const orderedPage = {
  order: z.enum(['newest', 'oldest']).default('newest').describe('Which come first.'),
  ...pageFields,
}

export type Narrowed = z.output<z.ZodObject<typeof narrowingFields>>
type Fields = z.output<z.ZodObject<typeof questionFields>>
export type Question = Narrowed &
  Partial<Fields> & {
    readonly order: 'newest' | 'oldest'
    readonly limit: number
    readonly cursor?: string | undefined
  }

interface Asking {
  /** The operation that the cursor belongs to. */
  readonly list: string
  /** Only of these; else of the whole log. */
  readonly among?: readonly Stream[]
  /** Told of each event; whether the page ends with it. */
  readonly isEnough?: (event: AuditEvent) => boolean
}

/** A page of the events that a question is for. It may hold fewer than asked for. Throws `invalid_cursor`. */
export async function askEvents(
  store: TenantStore,
  question: Question,
  { list, among, isEnough = () => false }: Asking,
): Promise<Page<AuditEvent>> {
  const take = isSealed(question) ? limits.auditOpen_rows : question.limit
  const { rows, end } = await lookUp(store, question, { list, take, ...(among && { among }) })
  const items: AuditEvent[] = []
  let looked = 0
  for (const row of rows.slice(0, take)) {
    const event = await openEvent(store, row)
    looked += 1
    if (!isMeant(event, question)) continue
    items.push(event)
    if (isEnough(event) || items.length === question.limit) break
  }
  const last = looked < rows.length ? rows[looked - 1]?.event_id : end
  return { items, nextCursor: last ? toCursor(list, last) : null }
}

function isSealed({ code, onBehalfOf, requestId }: Question): boolean {
  return code !== undefined || onBehalfOf !== undefined || requestId !== undefined
}

function isMeant(event: AuditEvent, { code, onBehalfOf, requestId }: Question): boolean {
  if (code !== undefined && event.code !== code) return false
  if (requestId !== undefined && event.requestId !== requestId) return false
  return onBehalfOf === undefined || event.onBehalfOf?.id === onBehalfOf
}
