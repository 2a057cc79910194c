import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import { newestCosigned, withCosignatures } from '../cosignatures/cosigned.ts'
import { findLog } from './store.ts'

/**
 * The newest checkpoint (C2SP tlog-checkpoint), with the cosignatures over it; or the newest that has some. Fails with `not_found`
 * while there is none.
 */
export const getCheckpoint = operation({
  id: 'checkpoints.get',
  method: 'GET',
  path: '/v1/audit-log/checkpoint',
  summary: 'Get the newest signed checkpoint of an audit log.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  audit: 'checkpoint.read',
  facts: ({ log }) => ({ details: { log } }),
  input: z.strictObject({
    ...logField,
    cosigned: z
      .enum(['true', 'false'])
      .default('false')
      .describe('`true`: the newest that a witness has cosigned, which may be older.'),
  }),
  output: z.string(),
  media: 'text/plain; charset=utf-8',
  status: 200,
  run: async (ctx, input) => {
    const store = storeOf(ctx, input)
    if (input.cosigned === 'true') {
      const cosigned = await newestCosigned(store)
      if (cosigned) return cosigned.note
      throw new LocketError('not_found', 'No witness has cosigned this log yet.')
    }
    const row = await findLog(store)
    if (row) return withCosignatures(store, row.checkpoint)
    throw new LocketError('not_found', 'No event of this log is signed yet.')
  },
})
