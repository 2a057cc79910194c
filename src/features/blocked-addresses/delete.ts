import { z } from 'zod'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { deleteBlock as dropBlock } from './store.ts'

/** Answers an address again; not one that the settings block. Fails with `not_found`. */
export const deleteBlock = operation({
  id: 'blocked-addresses.delete',
  method: 'DELETE',
  path: '/v1/blocked-addresses/{id}',
  summary: 'Answer a blocked address or network again.',
  effect: 'destroy',
  idempotent: false,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance', tenant: instanceTenant }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  audit: 'blocked-address.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('ban') }),
  output: Done,
  status: 200,
  run: async (ctx, { id }) => {
    const instance = ctx.instance()
    await dropBlock(instance, id)
    await raiseEpoch(instance)
    ctx.afterCommit(() => ctx.services.addressBlocks.learn())
    return { id, deleted: true as const }
  },
})
