import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import { policyOf, RetentionAnswer, toAnswer } from './retention.ts'

/** How long the events of a log are kept: for auditors, too. */
export const getRetention = operation({
  id: 'audit-retention.get',
  method: 'GET',
  path: '/v1/audit-retention',
  summary: 'Tell how long events are kept, and whether a legal hold is on.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'audit-retention.read',
  facts: ({ log }) => ({ details: { log } }),
  input: z.strictObject(logField),
  output: RetentionAnswer,
  status: 200,
  run: async (ctx, input) => toAnswer(await policyOf(storeOf(ctx, input))),
})
