import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { notify } from '../emails/notify.ts'
import './changed.ts'
import { Factor, insistOnSignedIn, renewed, toFactor } from './factor.ts'
import { factorKindModules } from './kinds.ts'
import { makeRecoveryCodes } from './recovery-code.ts'
import { dropFactor, factorsOf, insertFactor } from './store.ts'

/**
 * Makes recovery codes in place of those that there were. Fails with `not_found` for who is not signed in,
 * `factor_required` for who has no factor that they could stand in for.
 */
export const createRecoveryCodes = operation({
  id: 'factors.create-recovery-codes',
  method: 'POST',
  path: '/v1/factors/recovery-codes',
  summary: 'Make ten recovery codes, shown once; earlier ones count no more.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  stepUp: true,
  leaves: 'nothing',
  setsCookie: true,
  audit: 'factor.recovery-codes-created',
  facts: (_, output) => ({ ...(output && { resourceId: output.id }) }),
  input: z.strictObject({}),
  output: Factor.extend({
    codes: z.array(z.string()).describe('Each for one sign-in; shown once.'),
    ...renewed,
  }),
  status: 201,
  secretAnswer: true,
  run: async (ctx) => {
    insistOnSignedIn(ctx.caller)
    const { store, now, caller } = ctx
    const { principalId } = caller
    const held = (await factorsOf(store, principalId, now)).filter(
      ({ state }) => state === 'active',
    )
    if (!held.some(({ kind }) => factorKindModules[kind].counts)) {
      throw new LocketError('factor_required')
    }
    for (const { factor_id, kind } of held) {
      if (kind === 'recovery-code') await dropFactor(store, factor_id)
    }
    const { codes, own } = await makeRecoveryCodes(store, principalId)
    const data = { name: null, usedAt_ms: null, own }
    const factor = { principalId, kind: 'recovery-code', state: 'active', data, now } as const
    const row = await insertFactor(store, factor)
    const csrfToken = await ctx.services.factorsChanged(ctx, { principalId })
    await notify(ctx, store, { principalId, what: 'recovery-codes-made' })
    return { ...toFactor(row, data, codes.length), codes, csrfToken }
  },
})
