/** Whether a family of tokens still stands: itself, the API key that it was got by, and its owner. */
import type { BlockList } from 'node:net'
import { isWithin, networksOf } from '../../core/address.ts'
import type { Id } from '../../core/ids.ts'
import type { Caller } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type ApiKeyDetails, type ApiKeyRow, openDetails } from '../api-keys/api-key.ts'
import { findApiKey } from '../api-keys/store.ts'
import { callerOf, type ShownUser } from '../roles/caller.ts'
import type { TenantRow } from '../tenants/tenant.ts'
import { findFamily } from './store.ts'
import type { TokenFamilyRow } from './token.ts'

/** What a family may do now, but for the time and the place that it is used at. */
export interface Standing {
  readonly family: TokenFamilyRow
  /** When the family or its key ends, whichever is sooner. */
  readonly endsAt_ms: number
  /** All of these have to hold the address. */
  readonly networks: readonly BlockList[]
  /** As the access token's bearer. */
  readonly caller: Caller
}

export interface Bearer {
  readonly family: TokenFamilyRow
  /** Of the access token that is shown, and its end. */
  readonly id: Id<'tok'>
  readonly expiresAt_ms: number
}

/**
 * Null when the family or its key is revoked, or its principal disabled, deleted or never there; of one
 * that acts for a user also when he, or what he had shown, is, or he no longer lets the agent act for him.
 */
export async function standingOf(
  store: TenantStore,
  tenant: TenantRow,
  { family, id, expiresAt_ms }: Bearer,
): Promise<Standing | null> {
  const own = await holderOf(store, family)
  const user = own && (await subjectOf(store, family))
  if (!own || user === null) return null
  const { key, scopes, addresses, budget } = own
  const caller = await callerOf(store, tenant, {
    principalId: family.principal_id,
    method: 'access-token',
    credentialId: id,
    keyId: key.key_id,
    expiresAt_ms,
    signedInAt_ms: null,
    addresses: addresses ?? user?.held?.addresses ?? null,
    scopes,
    ...(budget && { budget: { key: key.key_id, ...budget } }),
    ...(user?.held?.budget && { userBudget: { key: user.held.key.key_id, ...user.held.budget } }),
    user: user?.shown ?? null,
  })
  if (!caller) return null
  const held = user?.held ? [own, user.held] : [own]
  return {
    family,
    endsAt_ms: Math.min(...held.map(({ endsAt_ms }) => endsAt_ms)),
    networks: held.flatMap((one) => (one.addresses ? [networksOf(one.addresses)] : [])),
    caller,
  }
}

/** What a family and the key that it was got by hold its bearer to. */
interface Held extends Pick<ApiKeyDetails, 'scopes' | 'addresses' | 'budget'> {
  readonly key: ApiKeyRow
  readonly endsAt_ms: number
}

/** Null when one of the two is revoked. */
async function holderOf(store: TenantStore, family: TokenFamilyRow): Promise<Held | null> {
  const key = await findApiKey(store, family.key_id)
  if (family.state !== 'active' || key?.state !== 'active') return null
  if (key.principal_id !== family.principal_id) return null
  const { scopes, addresses, budget = null } = await openDetails(store, key)
  const endsAt_ms = Math.min(family.expires_at, key.expires_at ?? Number.POSITIVE_INFINITY)
  return { key, scopes, addresses, budget, endsAt_ms }
}

/** The user of an agent's family; undefined where it acts for itself, null where he does not let it. */
async function subjectOf(
  store: TenantStore,
  { subject_id: principalId, subject_family_id }: TokenFamilyRow,
): Promise<{ shown: ShownUser; held: Held | null } | undefined | null> {
  if (principalId === null) return undefined
  if (subject_family_id === null) {
    return { shown: { principalId, scopes: null, isPresent: false }, held: null }
  }
  const family = await findFamily(store, subject_family_id)
  if (family?.principal_id !== principalId) return null
  const held = await holderOf(store, family)
  return held && { shown: { principalId, scopes: held.scopes, isPresent: true }, held }
}

/** Whether it may be used at this time, from this address. */
export function holdsAt(
  { endsAt_ms, networks }: Standing,
  { now, address }: { now: number; address: string | null },
): boolean {
  return endsAt_ms > now && networks.every((some) => isWithin(some, address))
}
