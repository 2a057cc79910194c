import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor, toCursor } from '../../core/page.ts'
import { operation } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import { type CheckPlace, type CheckStep, FoundFault, type Part, parts } from './audit-check.ts'
import { checkLeaves } from './check-leaves.ts'
import { checkMemories } from './check-memories.ts'
import { checkRows, rowsShape } from './check-rows.ts'

const id = 'audit-logs.verify'

const Verify = z.strictObject({ ...logField, cursor: z.string().max(200).optional() })

export const Verified = z.strictObject({
  part: z.enum(parts).describe('What was looked at: entries, rows of events, memories.'),
  looked: z.int().describe('So many of them.'),
  unknown: z
    .int()
    .describe('Of these, memories whose events are not found among too many, or purged.'),
  items: z.array(FoundFault),
  nextCursor: z.string().nullable().describe('Null: all is looked at.'),
})

/** Checks a part of a log against the data. Fails with `invalid_cursor`, `integrity_failed`. */
export const verifyAuditLog = operation({
  id,
  method: 'POST',
  path: '/v1/audit-log/verify',
  summary: 'Check a part of an audit log against the events and memories as they are stored.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  audit: 'audit-log.verified',
  facts: ({ log }, output) => ({
    details: { log, faults: output?.items.length ?? 0 },
  }),
  input: Verify,
  output: Verified,
  status: 200,
  prepare: (ctx) => ctx.services.checkpointKeys.current(),
  preparesFirst: () => true,
  run: async (ctx, input, { createdAt }) => {
    const place = placeOf(input.cursor)
    const step = await stepOf(storeOf(ctx, input), place, { now: ctx.now, provenSince: createdAt })
    const { faults, looked, unknown } = step
    const next = nextPlace(place, step)
    const nextCursor = next && toCursor(id, `${next.part}:${next.after}`)
    return { part: place.part, looked, unknown, items: [...faults], nextCursor }
  },
})

interface Times {
  readonly now: number
  readonly provenSince: number
}

function stepOf(
  store: TenantStore,
  { part, after }: CheckPlace,
  { now, provenSince }: Times,
): Promise<CheckStep> {
  if (part === 'leaves') return checkLeaves(store, after, provenSince)
  return part === 'rows' ? checkRows(store, after, now) : checkMemories(store, after)
}

function nextPlace({ part }: CheckPlace, { next }: CheckStep): CheckPlace | null {
  if (next !== null) return { part, after: next }
  const later = parts[parts.indexOf(part) + 1]
  return later ? { part: later, after: '' } : null
}

const shapes: Readonly<Record<Part, RegExp>> = {
  leaves: /^(?:\d{1,15})?$/,
  rows: rowsShape,
  memories: /^(?:mem_[0-9A-Z]{26})?$/,
}

function placeOf(cursor: string | undefined): CheckPlace {
  if (cursor === undefined) return { part: 'leaves', after: '' }
  const [named, after = ''] = fromCursor(id, cursor).split(':')
  const part = parts.find((one) => one === named)
  if (!part || !shapes[part].test(after)) throw new LocketError('invalid_cursor')
  return { part, after }
}
