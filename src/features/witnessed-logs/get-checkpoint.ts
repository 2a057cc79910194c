import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { publicOperation } from '../../kernel/operation.ts'
import { findLog } from './store.ts'
import { noteIn } from './witnessed-log.ts'

/**
 * The checkpoint of a log that was cosigned last (C2SP tlog-witness, for monitors): who compares it with what the log
 * itself shows sees that the log was put back. Also of one that is not witnessed any more. Fails with `not_found`.
 */
export const getWitnessedCheckpoint = publicOperation({
  id: 'witnessed-logs.checkpoint',
  method: 'GET',
  path: '/v1/witness/{originHash}/checkpoint',
  summary: 'Get the checkpoint of a witnessed log that was cosigned last (C2SP tlog-witness).',
  effect: 'read',
  rateClass: 'read',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  opening: true,
  audit: 'witnessed-log.read',
  input: z.strictObject({
    originHash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('SHA-256 of the origin of the log, in lower case hexadecimal.'),
  }),
  output: z.string(),
  media: 'text/plain; charset=utf-8',
  status: 200,
  prepare: async (ctx) => {
    ctx.about({ tenant: instanceTenant, actor: null, credentialId: null })
  },
  run: async (ctx, { originHash }) => {
    const instance = ctx.open(instanceTenant)
    const row = await findLog(instance, originHash)
    const note = row ? await noteIn(instance, row, 'cosigned') : null
    if (note === null) throw new LocketError('not_found', 'Nothing of this log was cosigned here.')
    return note
  },
})
