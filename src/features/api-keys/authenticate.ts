/**
 * From an API key to a caller. The key's id finds its tenant and its row; the hash decides. What
 * was worked out before is remembered with the tenant's epoch.
 */
import type { BlockList } from 'node:net'
import { isWithin, networksOf } from '../../core/address.ts'
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { publicIdOf, tokenMatches } from '../../crypto/token-hash.ts'
import type { Caller } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type Authenticated, callerOf, type Inside } from '../roles/caller.ts'
import { createRemembered } from '../tenants/remembered.ts'
import { ownTenant } from '../tenants/store.ts'
import type { TenantRow } from '../tenants/tenant.ts'
import { type ApiKeyRow, openDetails } from './api-key.ts'
import { findByPublicId, tenantOfCredential } from './store.ts'

/** What is remembered of a key: all but whether the token at hand is it. */
interface Known {
  readonly epoch: number
  readonly tenant: Id<'ten'>
  readonly row: ApiKeyRow
  readonly networks: BlockList | null
  /** Null when the principal is disabled or deleted. */
  readonly caller: Caller | null
}

export interface Authenticator {
  /** Throws `unauthenticated`, or `tenant_disabled` for a right key of a disabled tenant. */
  authenticate(
    inside: Inside,
    request: { token: string; address: string | null; now: number },
  ): Promise<Authenticated>
}

export function createAuthenticator(): Authenticator {
  const known = createRemembered<Known>()
  return {
    authenticate: async (inside, request) => {
      const { token } = request
      const publicId = publicIdOf(token)
      if (!publicId) throw new LocketError('unauthenticated')
      const cached = known.get(publicId)
      const tenant = cached?.tenant ?? (await tenantOfCredential(inside.tx, publicId))
      if (!tenant) return refuseUnknown(inside.open(instanceTenant), token)
      const store = inside.open(tenant)
      const row = await ownTenant(store)
      const { epoch, state } = row
      const entry = cached?.epoch === epoch ? cached : await load(store, row, publicId)
      if (!entry) return refuseUnknown(store, token)
      if (entry !== cached && !inside.tx.writable) known.put(publicId, entry)
      const caller = await admit(store, entry, request)
      if (state === 'disabled') throw new LocketError('tenant_disabled')
      return { caller, epoch }
    },
  }
}

async function load(
  store: TenantStore,
  tenant: TenantRow,
  publicId: string,
): Promise<Known | undefined> {
  const row = await findByPublicId(store, publicId)
  if (!row) return undefined
  const caller = await callerByKey(store, tenant, row)
  const networks = caller?.addresses ? networksOf(caller.addresses) : null
  return { epoch: tenant.epoch, tenant: store.tenant, row, networks, caller }
}

/** Whoever shows the key, if it is his and counts; null when its principal is disabled or deleted. */
export async function callerByKey(
  store: TenantStore,
  tenant: TenantRow,
  row: ApiKeyRow,
): Promise<Caller | null> {
  const { scopes, addresses, budget } = await openDetails(store, row)
  return callerOf(store, tenant, {
    principalId: row.principal_id,
    method: 'api-key',
    credentialId: row.key_id,
    signedInAt_ms: null,
    keyId: row.key_id,
    expiresAt_ms: row.expires_at,
    addresses,
    scopes,
    ...(budget && { budget: { key: row.key_id, ...budget } }),
  })
}

/** Neither revoked nor expired. */
export function isAlive(row: ApiKeyRow, now: number): boolean {
  return row.state === 'active' && (row.expires_at === null || row.expires_at > now)
}

/** All the checks are made before any of them refuses, so that the refusals look alike. */
async function admit(
  store: TenantStore,
  entry: Known,
  request: { token: string; address: string | null; now: number },
): Promise<Caller> {
  const { row, networks, caller } = entry
  const { pepper_version } = row
  const peppers = store.knownKeys('pepper', pepper_version)
  const pepper = (peppers ?? (await store.keys('pepper', pepper_version))).version(pepper_version)
  const matches = tokenMatches(pepper, request.token, row.hash)
  const alive = isAlive(row, request.now)
  const here = networks === null || isWithin(networks, request.address)
  if (!matches || !alive || !here || !caller) throw new LocketError('unauthenticated')
  return caller
}

/** Does the work of a check that fails, so that an unknown key id takes as long as a wrong secret. */
async function refuseUnknown(store: TenantStore, token: string): Promise<never> {
  tokenMatches((await store.keys('pepper')).current, token, new Uint8Array(32))
  throw new LocketError('unauthenticated')
}
