/** A provider by which people sign in, and Locket as its client. */
import { LocketError } from '../../core/errors.ts'
import type { Services } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { ClientAtProvider } from '../identity-providers/authorization.ts'
import {
  openDetails,
  type ProviderDetails,
  type ProviderId,
  type ProviderRow,
  redirectUriOf,
} from '../identity-providers/identity-provider.ts'
import type { SignInSettings } from '../identity-providers/sign-in-settings.ts'
import { findProviderById } from '../identity-providers/store.ts'
import { findOwnTenant } from '../tenants/store.ts'

export interface WayIn {
  readonly row: ProviderRow
  readonly details: ProviderDetails
  readonly settings: SignInSettings
}

/** Null where nobody signs in by it now: it is not there or disabled, its tenant is, or it is for tokens alone. */
export async function findWayIn(store: TenantStore, id: ProviderId): Promise<WayIn | null> {
  if ((await findOwnTenant(store))?.state !== 'active') return null
  const row = await findProviderById(store, id)
  if (row?.state !== 'active') return null
  const details = await openDetails(store, row)
  return details.signIn && { row, details, settings: details.signIn }
}

/**
 * Throws `unavailable` when the provider cannot be asked where people sign in, `provider_failed` when it
 * does not say, `not_found` where the server was not told under which address browsers reach it.
 */
export async function clientAt(
  { row, details, settings }: WayIn,
  { services, now }: { services: Services; now: number },
): Promise<ClientAtProvider> {
  const { issuer, algorithms } = details
  const redirectUri = redirectUriOf(services.publicUrl, row.provider_id)
  if (redirectUri === null) throw new LocketError('not_found', 'The server has no public URL.')
  const endpoints = await services.providerKeys.endpoints({ id: row.provider_id, issuer })
  if (!endpoints) throw new LocketError('provider_failed')
  const { fetch: send } = services.egress
  return { issuer, algorithms, settings, redirectUri, endpoints, send, now }
}
