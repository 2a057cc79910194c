import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks, overTenant } from '../../kernel/rights.ts'
import { notify } from '../emails/notify.ts'
import type { FactorsChange } from './changed.ts'
import { type FactorRow, renewed } from './factor.ts'
import { factorKindModules } from './kinds.ts'
import { dropFactor, factorsOf, getFactor } from './store.ts'

/**
 * Removes a factor: one of one's own, or, for who manages users, of another who has lost his phone.
 * Every sign-in of whose it was ends, but the one that asks, which is renewed. Recovery codes go with the
 * last factor that they stand in for. Fails with `not_found`, `above_own_rights`.
 */
export const deleteFactor = operation({
  id: 'factors.delete',
  method: 'DELETE',
  path: '/v1/factors/{id}',
  summary: 'Remove a second factor, of one’s own or of another user; it ends his sign-ins.',
  effect: 'destroy',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  setsCookie: true,
  audit: 'factor.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('fac') }),
  output: Done.extend(renewed),
  status: 200,
  run: async (ctx, { id }) => {
    const row = await getFactor(ctx.store, id, ctx.now)
    const { principal_id: principalId } = row
    await insistOnMay(ctx, row)
    ctx.note({ kind: row.kind, principal: principalId })
    await dropFactor(ctx.store, id)
    if (row.state === 'pending') return { id, deleted: true as const, csrfToken: null }
    const change = { principalId, ...(await whatIsLeft(ctx, row)) }
    const csrfToken = await ctx.services.factorsChanged(ctx, change)
    await notify(ctx, ctx.store, { principalId, what: 'factor-removed' })
    return { id, deleted: true as const, csrfToken }
  },
})

/** One's own by the sign-in that it is for; whatever else is shown has to manage users. */
async function insistOnMay(ctx: Context, { principal_id }: FactorRow): Promise<void> {
  const { caller } = ctx
  if (principal_id === caller.principalId) {
    // Not by a key of his own, whatever it may: whoever has found that has his password next.
    if (caller.method !== 'sign-in') throw new LocketError('not_found')
    return
  }
  if (overTenant(caller.rights, 'user:manage') === null) throw new LocketError('not_found')
  if (!outranks(caller.rights, await ctx.mightOf(principal_id))) {
    throw new LocketError('above_own_rights')
  }
}

/** Nothing that a sign-in has proven is left once the last factor is gone that counts. */
async function whatIsLeft(ctx: Context, gone: FactorRow): Promise<Pick<FactorsChange, 'factor'>> {
  const left = await factorsOf(ctx.store, gone.principal_id, ctx.now)
  const counting = ({ kind, state }: FactorRow) =>
    state === 'active' && factorKindModules[kind].counts
  if (left.some(counting)) return {}
  const codes = left.filter(({ state }) => state === 'active')
  for (const { factor_id } of codes) await dropFactor(ctx.store, factor_id)
  return { factor: null }
}
