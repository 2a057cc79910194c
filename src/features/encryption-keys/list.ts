import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { listKeys } from '../../storage/encryption-keys.ts'
import { EncryptionKey, toEncryptionKey } from './encryption-key.ts'

const id = 'encryption-keys.list'

/** Lists the tenant's encryption keys, never their bytes. Fails with `invalid_cursor`. */
export const listEncryptionKeys = operation({
  id,
  method: 'GET',
  path: '/v1/encryption-keys',
  summary: 'List encryption keys: scope, version, state, age and use.',
  effect: 'read',
  idempotent: false,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'encryption-key.listed',
  input: z.strictObject(pageFields),
  output: pageOf(EncryptionKey),
  status: 200,
  run: async (ctx, input) => {
    const after = input.cursor ? fromCursor(id, input.cursor) : ''
    const rows = await ctx.store.all(listKeys, { after, limit: input.limit + 1 })
    return toPage(rows, {
      list: id,
      limit: input.limit,
      id: (row) => row.place,
      item: toEncryptionKey,
    })
  },
})
