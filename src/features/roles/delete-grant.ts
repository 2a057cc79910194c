import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks } from '../../kernel/rights.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { grantMeaning } from './rights.ts'
import { deleteGrantRow, getGrant } from './store.ts'

/** Takes a role away, from the next request. Fails with `not_found`, `above_own_rights`. */
export const deleteGrant = operation({
  id: 'grants.delete',
  method: 'DELETE',
  path: '/v1/grants/{id}',
  summary: 'Take a role away from a principal.',
  effect: 'destroy',
  idempotent: false,
  permission: 'role:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'grant.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('grt') }),
  output: Done,
  status: 200,
  run: async (ctx, input) => {
    const row = await getGrant(ctx.store, input.id)
    const taken = await grantMeaning(ctx.store, row.role, row.space_id)
    if (!outranks(ctx.caller.rights, [taken])) throw new LocketError('above_own_rights')
    if (row.principal_id === ctx.caller.principalId) {
      throw new LocketError('in_use', 'id: nobody can take his own roles away')
    }
    await deleteGrantRow(ctx.store, input.id)
    await forgetAnswers(ctx.store, row.principal_id)
    await raiseEpoch(ctx.store)
    return { id: input.id, deleted: true as const }
  },
})
