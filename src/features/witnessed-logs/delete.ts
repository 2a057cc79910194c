import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { getLog, putLog } from './store.ts'

/**
 * Cosigns a log no more. What was cosigned last is kept, so that ending a log and taking it on again lets nobody go
 * back. Fails with `not_found`.
 */
export const deleteWitnessedLog = operation({
  id: 'witnessed-logs.delete',
  method: 'DELETE',
  path: '/v1/witnessed-logs/{id}',
  summary: 'Cosign the checkpoints of a log no more; where it stood is kept.',
  effect: 'destroy',
  idempotent: false,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance', tenant: instanceTenant }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  audit: 'witnessed-log.deleted',
  facts: ({ id }) => ({ resourceId: id }),
  input: z.strictObject({ id: idField('wlg') }),
  output: Done,
  status: 200,
  run: async (ctx, { id }) => {
    const instance = ctx.instance()
    const row = await getLog(instance, id)
    if (row.state === 'ended') throw new LocketError('not_found')
    await putLog(instance, { ...row, state: 'ended' }, row.size)
    return { id, deleted: true as const }
  },
})
