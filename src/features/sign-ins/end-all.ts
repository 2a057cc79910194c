import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks } from '../../kernel/rights.ts'
import { ofWhom } from '../principals/of-whom.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { getPrincipal } from '../principals/store.ts'
import { insistOnWhole } from './own.ts'
import { dropSignIns } from './store.ts'

/** Ends all sign-ins of one's own or of another user. Fails with `not_found`, `above_own_rights`. */
export const endSignIns = operation({
  id: 'sign-ins.end-all',
  method: 'DELETE',
  path: '/v1/sign-ins',
  summary: 'End every sign-in of one’s own, this one too, or of another user.',
  effect: 'destroy',
  idempotent: false,
  permission: { ...ofWhom.permission, of: ['user:manage', 'self:read'] },
  resource: ofWhom.resource,
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'sign-in.all-ended',
  facts: (input, output) => {
    const principal = output?.principalId ?? input.principalId
    return {
      ...(principal && { resourceId: principal }),
      ...(output && { details: { ended: output.ended } }),
    }
  },
  input: z.strictObject({ principalId: idField('usr').optional() }),
  output: z.strictObject({ principalId: PrincipalIdField, ended: z.number().int() }),
  status: 200,
  run: async (ctx, { principalId = ctx.caller.principalId }) => {
    await getPrincipal(ctx.store, principalId)
    if (principalId === ctx.caller.principalId) insistOnWhole(ctx.caller)
    else if (!outranks(ctx.caller.rights, await ctx.mightOf(principalId))) {
      throw new LocketError('above_own_rights')
    }
    return { principalId, ended: await dropSignIns(ctx.store, principalId) }
  },
})
