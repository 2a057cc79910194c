import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { PublicPrepareContext } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { publicOperation } from '../../kernel/operation.ts'
import { authorizationUrl } from '../identity-providers/authorization.ts'
import type { ProviderId } from '../identity-providers/identity-provider.ts'
import { findShownSignIn } from '../sign-ins/end-shown.ts'
import { tenantOfSlug } from '../tenants/store.ts'
import { beginFlow, bondsOf } from './flow.ts'
import { ReturnPath } from './return-path.ts'
import { clientAt, findWayIn, type WayIn } from './way-in.ts'

/** What its user has to be told before he goes on: all else could be the words of a stranger. */
const Asks = z.strictObject({
  tenant: z.string().describe('The slug of the tenant.'),
  provider: z.string().describe('The name that the provider has in the tenant.'),
  issuer: z.string(),
})

/**
 * Sends a browser to an identity provider to sign in there. Nothing is kept of it here. Where a page of
 * somebody else's has sent it here, its user is asked first: or any page could have it come back signed in as
 * whom it likes, by a provider and a tenant of its own. Fails with
 * `not_found` for a tenant or a provider that is not there, or by which nobody signs in,
 * `unavailable`, `provider_failed`, `cross_site_request`.
 */
export const startProviderSignIn = publicOperation({
  id: 'provider-sign-ins.start',
  method: 'GET',
  path: '/v1/oidc/{provider}/start',
  summary: 'Send a browser to an identity provider, to sign in there.',
  effect: 'read',
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  navigation: 'away',
  audit: 'provider-sign-in.started',
  opening: true,
  facts: ({ provider, fresh }, output) => ({
    resourceId: provider,
    details: { fresh, ...(output?.asks && { asked: true }) },
  }),
  input: z.strictObject({
    provider: idField('idp'),
    tenant: z.string().min(1).max(100).describe('The name (slug) of the tenant.'),
    returnTo: ReturnPath.optional(),
    fresh: z
      .enum(['true', 'false'])
      .default('false')
      .transform((word) => word === 'true')
      .describe('Whether the provider is to ask again who he is: for what needs a fresh sign-in.'),
  }),
  output: z.strictObject({
    location: z.string().nullable().describe('Null where its user is to be asked first.'),
    asks: Asks.nullable(),
  }),
  status: 302,
  prepare: async (ctx, { provider, tenant: slug, returnTo = null, fresh }) => {
    const found = await find(ctx, { provider, slug })
    if (!found) throw new LocketError('not_found')
    const { tenant, pepper, way } = found
    ctx.about({ tenant, actor: null, credentialId: provider })
    const { name, issuer } = way.details
    if (ctx.isSentByOthers) return { asks: { tenant: slug, provider: name, issuer } }
    const client = await clientAt(way, ctx)
    const flow = beginFlow({
      tenant,
      provider,
      fresh,
      returnTo,
      startedAt_ms: ctx.now,
      pepperVersion: pepper.version,
      earlier: await ctx.read((inside) => findShownSignIn(ctx, (one) => inside.open(one))),
    })
    const location = await authorizationUrl(client, bondsOf(pepper, flow), fresh)
    return { location, token: flow.token }
  },
  run: async (ctx, _, prepared) => {
    if (prepared.asks) return { location: null, asks: prepared.asks }
    ctx.setFlow(prepared.token)
    return { location: prepared.location, asks: null }
  },
})

function find(
  ctx: PublicPrepareContext,
  { provider, slug }: { provider: ProviderId; slug: string },
) {
  return ctx.read(async (inside) => {
    const tenant: Id<'ten'> | undefined = await tenantOfSlug(inside.open(instanceTenant), slug)
    const store = tenant && inside.open(tenant)
    const way: WayIn | null = store ? await findWayIn(store, provider) : null
    return (
      store && way && { tenant: store.tenant, way, pepper: (await store.keys('pepper')).current }
    )
  })
}
