import { z } from 'zod'
import { fromUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import { findLog } from './store.ts'

/** The newest checkpoint (C2SP tlog-checkpoint). Fails with `not_found` while nothing is signed yet. */
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
  input: z.strictObject(logField),
  output: z.string(),
  media: 'text/plain; charset=utf-8',
  status: 200,
  run: async (ctx, input) => {
    const row = await findLog(storeOf(ctx, input))
    if (row) return fromUtf8(row.checkpoint)
    throw new LocketError('not_found', 'No event of this log is signed yet.')
  },
})
