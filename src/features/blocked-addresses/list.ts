import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { Block, toBlock } from './blocked-address.ts'
import { blockRows } from './store.ts'

const id = 'blocked-addresses.list'

/** Lists what is blocked, but for what the settings block. Fails with `invalid_cursor`. */
export const listBlocks = operation({
  id,
  method: 'GET',
  path: '/v1/blocked-addresses',
  summary: 'List the addresses and networks that are blocked.',
  effect: 'read',
  idempotent: false,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'blocked-address.listed',
  input: z.strictObject(pageFields),
  output: pageOf(Block),
  status: 200,
  run: async (ctx, input) => {
    const instance = ctx.instance()
    const after = input.cursor ? fromCursor(id, input.cursor) : ''
    const page = toPage(await blockRows(instance, { after, limit: input.limit + 1 }), {
      list: id,
      limit: input.limit,
      id: (row) => row.block_id,
      item: (row) => row,
    })
    const shown = page.items.map(async (row) =>
      toBlock(instance, await instance.checked('blocked_addresses', row)),
    )
    return { items: await Promise.all(shown), nextCursor: page.nextCursor }
  },
})
