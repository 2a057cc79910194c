import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { logRows } from './store.ts'
import { toWitnessedLog, WitnessedLog } from './witnessed-log.ts'

const id = 'witnessed-logs.list'

/** Lists the logs that are witnessed here, and those that were. Fails with `invalid_cursor`. */
export const listWitnessedLogs = operation({
  id,
  method: 'GET',
  path: '/v1/witnessed-logs',
  summary: 'List the logs of others whose checkpoints are cosigned here, and how far.',
  effect: 'read',
  idempotent: false,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'witnessed-log.listed',
  input: z.strictObject(pageFields),
  output: pageOf(WitnessedLog),
  status: 200,
  run: async (ctx, input) => {
    const instance = ctx.instance()
    const after = input.cursor ? fromCursor(id, input.cursor) : ''
    const page = toPage(await logRows(instance, { after, limit: input.limit + 1 }), {
      list: id,
      limit: input.limit,
      id: (row) => row.witnessed_log_id,
      item: (row) => row,
    })
    const shown = page.items.map(async (row) =>
      toWitnessedLog(instance, await instance.checked('witnessed_logs', row)),
    )
    return { items: await Promise.all(shown), nextCursor: page.nextCursor }
  },
})
