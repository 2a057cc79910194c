/** Whether a family of tokens still stands: itself, the API key that it was got by, and its owner. */
import type { BlockList } from 'node:net'
import { isWithin, networksOf } from '../../core/address.ts'
import type { Id } from '../../core/ids.ts'
import type { Caller } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { openDetails } from '../api-keys/api-key.ts'
import { findApiKey } from '../api-keys/store.ts'
import { callerOf } from '../roles/caller.ts'
import type { TenantRow } from '../tenants/tenant.ts'
import type { TokenFamilyRow } from './token.ts'

/** What a family may do now, but for the time and the place that it is used at. */
export interface Standing {
  readonly family: TokenFamilyRow
  /** When the family or its key ends, whichever is sooner. */
  readonly endsAt_ms: number
  readonly networks: BlockList | null
  /** As the access token's bearer. */
  readonly caller: Caller
}

export interface Bearer {
  readonly family: TokenFamilyRow
  /** Of the access token that is shown, and its end. */
  readonly id: Id<'tok'>
  readonly expiresAt_ms: number
}

/** Null when the family or its key is revoked, or its principal disabled, deleted or never there. */
export async function standingOf(
  store: TenantStore,
  tenant: TenantRow,
  { family, id, expiresAt_ms }: Bearer,
): Promise<Standing | null> {
  const key = await findApiKey(store, family.key_id)
  if (family.state !== 'active' || key?.state !== 'active') return null
  if (key.principal_id !== family.principal_id) return null
  const { scopes, addresses, budget } = await openDetails(store, key)
  const caller = await callerOf(store, tenant, {
    principalId: family.principal_id,
    method: 'access-token',
    credentialId: id,
    keyId: key.key_id,
    expiresAt_ms,
    signedInAt_ms: null,
    addresses,
    scopes,
    ...(budget && { budget: { key: key.key_id, ...budget } }),
  })
  if (!caller) return null
  return {
    family,
    endsAt_ms: Math.min(family.expires_at, key.expires_at ?? Number.POSITIVE_INFINITY),
    networks: addresses && networksOf(addresses),
    caller,
  }
}

/** Whether it may be used at this time, from this address. */
export function holdsAt(
  { endsAt_ms, networks }: Standing,
  { now, address }: { now: number; address: string | null },
): boolean {
  return endsAt_ms > now && (networks === null || isWithin(networks, address))
}
