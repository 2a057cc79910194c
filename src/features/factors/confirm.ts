import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import './changed.ts'
import { Factor, FactorProof, insistOnSignedIn, renewed, toFactor } from './factor.ts'
import { proves } from './prove.ts'
import { getFactor, openData } from './store.ts'

/**
 * Proves a factor that was begun: from now on it is asked for. Every other sign-in of one's own ends,
 * and this one is renewed. Fails with `not_found`, also for one that is active, `wrong_factor`.
 */
export const confirmFactor = operation({
  id: 'factors.confirm',
  method: 'POST',
  path: '/v1/factors/{id}/confirm',
  summary: 'Confirm a second factor by its first code; every other sign-in of one’s own ends.',
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
  withoutFactor: true,
  audit: 'factor.confirmed',
  facts: (input) => ({ resourceId: input.id, details: { kind: input.factor.kind } }),
  input: z.strictObject({ id: idField('fac'), factor: FactorProof }),
  output: Factor.extend(renewed),
  status: 200,
  run: async (ctx, { id, factor }) => {
    insistOnSignedIn(ctx.caller)
    const { store, now, caller } = ctx
    const { principalId } = caller
    const row = await getFactor(store, id, now)
    const isOwn = row.principal_id === principalId && row.state === 'pending'
    if (!isOwn || row.kind !== factor.kind) throw new LocketError('not_found')
    if (!(await proves(store, row, { proof: factor, now }))) throw new LocketError('wrong_factor')
    const active = await getFactor(store, id, now)
    const change = { principalId, factor: row.kind }
    const csrfToken = await ctx.services.factorsChanged(ctx, change)
    return { ...toFactor(active, await openData(store, active), null), csrfToken }
  },
})
