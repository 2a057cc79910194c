/** Tenants, one after another or some of them by chance. */
import { stopwatch } from '../core/clock.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { tenantIds } from '../features/tenants/store.ts'
import { instanceBorn, placeAmong, type Span } from '../storage/sampling.ts'
import { instanceStore, type TenantStore, tenantStore } from '../storage/tenant-store.ts'
import type { Data } from './scene.ts'

/** Half of what a check has, so that there is time left to tell what was seen. */
const walk_ms_max = limits.doctorCheck_timeout_ms / 2

/** A read of one tenant, in a transaction of its own. */
export function inTenant<T>(
  { look, keys }: Data,
  tenant: Id<'ten'>,
  work: (store: TenantStore) => Promise<T>,
): Promise<T> {
  return look.read((tx) => work(tenantStore(tx, keys, tenant)))
}

export interface Walk {
  readonly tenants: number
  /** False when time was over before the last. */
  readonly complete: boolean
}

/** Goes through all tenants as long as there is time. */
export async function eachTenant(
  data: Data,
  visit: (store: TenantStore) => Promise<void>,
  time_ms_max: number = walk_ms_max,
): Promise<Walk> {
  const begun_ms = stopwatch()
  let tenants = 0
  let after = ''
  for (;;) {
    const page = await pageOfTenants(data, after, limits.page_items_max)
    for (const tenant of page) {
      if (stopwatch() - begun_ms > time_ms_max) return { tenants, complete: false }
      await inTenant(data, tenant, visit)
      tenants += 1
      after = tenant
    }
    if (page.length < limits.page_items_max) return { tenants, complete: true }
  }
}

/** The instance itself, the first tenant, whose administrator is the instance's, and some others. */
export async function sampleTenants(data: Data): Promise<readonly Id<'ten'>[]> {
  const limit = limits.doctorTenants_max
  const from = placeAmong(['ten'], await lifeOf(data))
  const [first] = await pageOfTenants(data, '', 1)
  const some = await pageOfTenants(data, from, limit)
  const rest = some.length < limit ? await pageOfTenants(data, '', limit - some.length) : []
  return [...new Set([instanceTenant, ...(first ? [first] : []), ...some, ...rest])]
}

/** From when the instance was made until now. */
export async function lifeOf({ look, keys }: Data): Promise<Span> {
  return { from_ms: await look.read(instanceBorn), until_ms: keys.clock() }
}

function pageOfTenants(data: Data, after: string, limit: number): Promise<readonly Id<'ten'>[]> {
  const { look, keys } = data
  return look.read((tx) => tenantIds(instanceStore(tx, keys), { after, limit }))
}
