import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { Done } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks } from '../../kernel/rights.ts'
import { endCount } from '../../storage/agent-quotas.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { managePrincipal, PrincipalIdField } from './principal.ts'
import { getPrincipal, updatePrincipalRow } from './store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** Removes what a principal signs in with, in the transaction that deletes him. */
    readonly principalDeleted: (store: TenantStore, id: PrincipalId) => Promise<void>
  }
}

/**
 * Deletes a principal: its credentials stop, its handle is never given again. Its spaces stay until
 * they are deleted themselves. Fails with `not_found`, `above_own_rights`, `in_use`.
 */
export const deletePrincipal = operation({
  id: 'principals.delete',
  method: 'DELETE',
  path: '/v1/principals/{id}',
  summary: 'Delete a principal; its handle is never given again.',
  effect: 'destroy',
  idempotent: false,
  permission: managePrincipal,
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'principal.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: PrincipalIdField }),
  output: Done,
  status: 200,
  run: async (ctx, input) => {
    const row = await getPrincipal(ctx.store, input.id)
    if (!outranks(ctx.caller.rights, await ctx.mightOf(input.id))) {
      throw new LocketError('above_own_rights')
    }
    if (input.id === ctx.caller.principalId) {
      throw new LocketError('in_use', 'id: nobody can delete himself')
    }
    await updatePrincipalRow(ctx.store, row, {
      state: 'deleted',
      profile: null,
      updated_at: ctx.now,
    })
    if (isId('agt', input.id)) await endCount(ctx.store, input.id)
    await forgetAnswers(ctx.store, input.id)
    await ctx.services.principalDeleted(ctx.store, input.id)
    await ctx.services.endSignIns(ctx.store, input.id)
    await raiseEpoch(ctx.store)
    return { id: input.id, deleted: true as const }
  },
})
