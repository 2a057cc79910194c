import { z } from 'zod'
import { assert } from '../../core/assert.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { fromVerifierKey } from '../../tlog/signed-note.ts'
import { takeLog } from './store.ts'
import { LogKey, toWitnessedLog, WitnessedLog } from './witnessed-log.ts'

/**
 * Cosigns the checkpoints of a log from now on. One that was witnessed before is held to what was cosigned last.
 * Fails with `already_exists`, `quota_exceeded`.
 */
export const createWitnessedLog = operation({
  id: 'witnessed-logs.create',
  method: 'POST',
  path: '/v1/witnessed-logs',
  summary: 'Witness a log: cosign its checkpoints as long as each follows the one before.',
  effect: 'write',
  idempotent: true,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance', tenant: instanceTenant }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'nothing',
  audit: 'witnessed-log.created',
  facts: (_, output) => (output === null ? {} : { resourceId: output.id }),
  input: z.strictObject({ verifierKey: LogKey }),
  output: WitnessedLog,
  status: 201,
  run: async (ctx, { verifierKey }) => {
    const key = fromVerifierKey(verifierKey)
    assert(key, 'the input has the shape of a key')
    const instance = ctx.instance()
    const order = { key, createdBy: ctx.caller.principalId, now: ctx.now }
    return toWitnessedLog(instance, await takeLog(instance, order))
  },
})
