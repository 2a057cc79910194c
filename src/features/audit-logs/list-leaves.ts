import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Opening } from '../../tlog/opening.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import type { EventRow } from './audit-log.ts'
import { openingOf, unopened } from './opening.ts'
import { findLog, wholeEventsFrom } from './store.ts'

const id = 'leaves.list'

/** An event as it stands in a log, and all that its entry's hash stands for. */
export const Leaf = z.strictObject({
  leaf: z.int().min(0).describe('Its place in the log.'),
  entry: z.string().describe('The entry that is made of the event as it is stored.'),
  event: z.strictObject({
    id: z.string(),
    time: z.int().describe('Milliseconds since 1970.'),
    class: z.string(),
    action: z.string(),
    outcome: z.string(),
    actorId: z.string().nullable(),
    resourceId: z.string().nullable(),
  }),
  state: z
    .enum(['whole', 'erased', 'damaged'])
    .describe('`erased`: a key of its content is destroyed; `damaged`: it is not what was sealed.'),
  salt: z.string().nullable(),
  origin: z.string().nullable().describe('The text that was hashed: address and agent.'),
  body: z.string().nullable().describe('The text that was hashed: all the rest.'),
})

export const LeafPage = pageOf(Leaf)

const ListLeaves = z.strictObject({
  ...logField,
  from: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  ...pageFields,
})

/** Lists the events of a log in the order of its leaves. Fails with `invalid_cursor`. */
export const listLeaves = operation({
  id,
  method: 'GET',
  path: '/v1/audit-log/leaves',
  summary: 'List the events of an audit log by their leaves, with all that the entries stand for.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  audit: 'leaf.listed',
  facts: ({ log }, output) => ({ details: { log, items: output?.items.length ?? 0 } }),
  input: ListLeaves,
  output: LeafPage,
  status: 200,
  run: async (ctx, { cursor, limit, ...input }) => {
    const store = storeOf(ctx, input)
    const from = cursor ? Number(fromCursor(id, cursor)) + 1 : input.from
    if (!Number.isSafeInteger(from)) throw new LocketError('invalid_cursor')
    const until = (await findLog(store))?.size ?? 0
    const rows = await wholeEventsFrom(store, { from, until, limit: limit + 1 })
    const opened = await Promise.all(rows.map((row) => leafOf(store, row)))
    const item = (leaf: Opening): Opening => leaf
    return toPage(opened, { list: id, limit, id: ({ leaf }) => String(leaf), item })
  },
})

/** One that is damaged does not hide the others. */
async function leafOf(store: TenantStore, row: EventRow): Promise<Opening> {
  const leaf = row.leaf ?? 0
  try {
    const opening = await openingOf(store, row)
    const isWhole = opening.body !== null && opening.origin !== null
    return { leaf, ...opening, state: isWhole ? 'whole' : 'erased' }
  } catch (thrown) {
    if (!(thrown instanceof LocketError) || thrown.code !== 'integrity_failed') throw thrown
    return { leaf, ...unopened(row), state: 'damaged' }
  }
}
