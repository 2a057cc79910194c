import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Stream } from '../audit/look-up.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import { askEvents, questionFields } from '../audit/question.ts'
import { recordFormats, recordHeaders, toLine } from '../event-records/line.ts'
import { type Part, streamsOfSubject, subjectFields } from './subject.ts'

const id = 'audit-events.export'

const ExportAuditEvents = z
  .strictObject({
    format: z
      .enum(recordFormats)
      .default('jsonl')
      .describe('JSON Lines, CSV that no spreadsheet runs, or OCSF 1.5.0 for SIEMs.'),
    ...logField,
    subject: subjectFields.subject.optional(),
    as: subjectFields.as,
    ...questionFields,
    order: z.enum(['newest', 'oldest']).default('oldest').describe('Which come first.'),
    limit: z
      .number()
      .int()
      .min(1)
      .max(limits.exportPage_items_max)
      .default(limits.exportPage_items_max)
      .describe('A page of large events is shorter.'),
    cursor: z.string().max(200).optional(),
  })
  .refine(({ subject, log }) => subject === undefined || log === 'tenant', {
    error: 'subject goes with the log of the tenant',
    path: ['subject'],
  })

const ExportedPage = z.strictObject({
  header: z.string().nullable().describe('The line before the first of the first page, if any.'),
  lines: z.array(z.string()).describe('One event each, without a line end.'),
  nextCursor: z.string().nullable(),
})

/**
 * Gives out events as text, for whoever keeps or searches them elsewhere: what `audit-events.list` tells the
 * same reader, and no more. Each page is an operation of its own, and an event. Fails with `invalid_cursor`.
 */
export const exportAuditEvents = operation({
  id,
  method: 'POST',
  path: '/v1/audit-events/export',
  summary: 'Export audit events as JSON Lines, CSV or OCSF, a page of lines at a time.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  audit: 'audit.exported',
  facts: ({ format, log }, output) => ({
    details: {
      format,
      log,
      items: output?.lines.length ?? 0,
      last: output?.nextCursor === null,
    },
  }),
  input: ExportAuditEvents,
  output: ExportedPage,
  status: 200,
  run: async (ctx, { format, subject, as, ...question }) => {
    const store = storeOf(ctx, question)
    const among = await amongOf(store, { subject, as })
    const lines: string[] = []
    let bytes = 0
    const { nextCursor } = await askEvents(store, question, {
      list: id,
      ...(among && { among }),
      isEnough: (event) => {
        const line = toLine(format, { ...event, tenantId: store.tenant })
        bytes += Buffer.byteLength(line)
        lines.push(line)
        return bytes >= limits.exportPage_bytes_max
      },
    })
    return { header: recordHeaders[format], lines, nextCursor }
  },
})

async function amongOf(
  store: TenantStore,
  { subject, as }: { subject: string | undefined; as: Part },
): Promise<readonly Stream[] | undefined> {
  return subject === undefined ? undefined : streamsOfSubject(store, subject, as)
}
