import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { IdentityProvider } from './identity-provider.ts'
import { showProvider } from './show.ts'
import { listProviderRows } from './store.ts'

/** Lists the identity providers of the tenant, and how this node stands with their keys. */
export const listIdentityProviders = operation({
  id: 'identity-providers.list',
  method: 'GET',
  path: '/v1/identity-providers',
  summary: 'List identity providers, and whether their keys could be had.',
  effect: 'read',
  idempotent: false,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'identity-provider.listed',
  input: z.strictObject({}),
  output: z.strictObject({ items: z.array(IdentityProvider) }),
  status: 200,
  run: async (ctx) => {
    const rows = await listProviderRows(ctx.store)
    return { items: await Promise.all(rows.map((row) => showProvider(ctx, row))) }
  },
})
