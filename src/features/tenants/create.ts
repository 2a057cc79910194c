import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Services } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { announce } from './announce.ts'
import { insertTenant, ownTenant, slugTaken, tenantIds } from './store.ts'
import { Slug, slugOf, Tenant, TenantName, toTenant } from './tenant.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** Makes the first administrator of a new tenant and returns his API key. */
    readonly appointAdministrator: (
      store: TenantStore,
      options: { now: number; instance: boolean },
    ) => Promise<string>
  }
}

const CreateTenant = z.strictObject({
  name: TenantName,
  slug: Slug.optional().describe('Derived from the name when absent.'),
})

/** Creates a tenant and its first administrator. Fails with `already_exists`. */
export const createTenant = operation({
  id: 'tenants.create',
  method: 'POST',
  path: '/v1/tenants',
  summary: 'Create a tenant; the answer holds its first administrator key, shown once.',
  effect: 'write',
  idempotent: true,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'tenant.created',
  facts: (_, output) => (output ? { resourceId: output.id } : {}),
  input: CreateTenant,
  output: Tenant.extend({ apiKey: z.string() }),
  status: 201,
  secretAnswer: true,
  run: async (ctx, input) => {
    const slug = input.slug ?? slugOf(input.name)
    if (slug === '')
      throw new LocketError('invalid_input', 'slug: give one; the name has no letters for it')
    const store = ctx.otherTenant(newId('ten', ctx.services.clock))
    const apiKey = await makeTenant(ctx.services, {
      store,
      instance: ctx.instance(),
      profile: { slug, name: input.name },
      now: ctx.now,
    })
    const tenant = await toTenant(store, await ownTenant(store))
    await announce(ctx, 'tenant.created', tenant)
    return { ...tenant, apiKey }
  },
})

interface NewTenant {
  readonly store: TenantStore
  readonly instance: TenantStore
  readonly profile: { slug: string; name: string }
  readonly now: number
}

async function makeTenant(services: Services, options: NewTenant): Promise<string> {
  const { store, instance, profile, now } = options
  const made = await tenantIds(instance, { after: '', limit: limits.tenants_max })
  if (made.length >= limits.tenants_max) throw new LocketError('quota_exceeded', 'tenants')
  if (await slugTaken(instance, profile.slug)) throw new LocketError('already_exists', 'slug')
  await insertTenant(store, instance, { ...profile, now })
  return services.appointAdministrator(store, { now, instance: false })
}
