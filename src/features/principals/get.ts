import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { managePrincipal, Principal, PrincipalIdField, toPrincipal } from './principal.ts'
import { getPrincipal as readPrincipal } from './store.ts'

/** Reads one principal. Fails with `not_found`. */
export const getPrincipal = operation({
  id: 'principals.get',
  method: 'GET',
  path: '/v1/principals/{id}',
  summary: 'Get a principal.',
  effect: 'read',
  idempotent: false,
  permission: managePrincipal,
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'principal.read',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: PrincipalIdField }),
  output: Principal,
  status: 200,
  run: async (ctx, input) => toPrincipal(ctx.store, await readPrincipal(ctx.store, input.id)),
})
