/**
 * From an API key to a caller. The key's id finds its tenant and its row; the hash decides. What
 * was worked out before is remembered under the tenant's epoch, which rises with every change of
 * rights, so that a change takes effect at the next request and costs nothing until then.
 */
import type { BlockList } from 'node:net'
import { isIPv6 } from 'node:net'
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { expandAll } from '../../core/permissions.ts'
import { publicIdOf, tokenMatches } from '../../crypto/token-hash.ts'
import type { Caller } from '../../kernel/context.ts'
import { narrow } from '../../kernel/rights.ts'
import type { Transaction } from '../../storage/database.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { openProfile } from '../principals/principal.ts'
import { findPrincipal } from '../principals/store.ts'
import { rightsOf } from '../roles/rights.ts'
import { ownTenant } from '../tenants/store.ts'
import { type ApiKeyRow, networksOf, openDetails } from './api-key.ts'
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

export interface Authenticated {
  readonly caller: Caller
  /** Rights were read at this epoch of the tenant. */
  readonly epoch: number
}

export interface Authenticator {
  /** Throws `unauthenticated`, or `tenant_disabled` for a right key of a disabled tenant. */
  authenticate(request: {
    tx: Transaction
    open: (tenant: Id<'ten'>) => TenantStore
    token: string
    address: string | null
    now: number
  }): Promise<Authenticated>
}

export function createAuthenticator(): Authenticator {
  const known = new Map<string, Known>()
  const remember = (publicId: string, entry: Known): void => {
    known.delete(publicId)
    known.set(publicId, entry)
    const oldest = known.keys().next()
    if (known.size > limits.principalsCached_max && !oldest.done) known.delete(oldest.value)
  }
  return {
    authenticate: async ({ tx, open, token, address, now }) => {
      const publicId = publicIdOf(token)
      if (!publicId) throw new LocketError('unauthenticated')
      const cached = known.get(publicId)
      const tenant = cached?.tenant ?? (await tenantOfCredential(tx, publicId))
      if (!tenant) return refuseUnknown(open(instanceTenant), token)
      const store = open(tenant)
      const { epoch, state } = await ownTenant(store)
      const entry = cached?.epoch === epoch ? cached : await load(store, publicId, epoch)
      if (!entry) return refuseUnknown(store, token)
      if (entry !== cached && !tx.writable) remember(publicId, entry)
      const caller = await admit(store, entry, { token, address, now })
      if (state === 'disabled') throw new LocketError('tenant_disabled')
      return { caller, epoch }
    },
  }
}

async function load(
  store: TenantStore,
  publicId: string,
  epoch: number,
): Promise<Known | undefined> {
  const row = await findByPublicId(store, publicId)
  if (!row) return undefined
  const { addresses } = await openDetails(store, row)
  return {
    epoch,
    tenant: store.tenant,
    row,
    networks: addresses && networksOf(addresses),
    caller: await callerOf(store, row),
  }
}

async function callerOf(store: TenantStore, row: ApiKeyRow): Promise<Caller | null> {
  const principal = await findPrincipal(store, row.principal_id)
  if (principal?.state !== 'active') return null
  const { scopes, addresses } = await openDetails(store, row)
  const rights = await rightsOf(store, principal.principal_id)
  return {
    tenant: store.tenant,
    principalId: principal.principal_id,
    kind: principal.kind,
    handle: (await openProfile(store, principal)).handle,
    credentialId: row.key_id,
    expiresAt_ms: row.expires_at,
    addresses,
    scopes,
    rights: scopes ? narrow(rights, expandAll(scopes)) : rights,
  }
}

/** All the checks are made before any of them refuses, so that the refusals look alike. */
async function admit(
  store: TenantStore,
  entry: Known,
  request: { token: string; address: string | null; now: number },
): Promise<Caller> {
  const { row, networks, caller } = entry
  const pepper = (await store.keys('pepper', row.pepper_version)).version(row.pepper_version)
  const matches = tokenMatches(pepper, request.token, row.hash)
  const alive = row.state === 'active' && (row.expires_at === null || row.expires_at > request.now)
  const here = networks === null || inNetworks(networks, request.address)
  if (!matches || !alive || !here || !caller) throw new LocketError('unauthenticated')
  return caller
}

function inNetworks(networks: BlockList, address: string | null): boolean {
  if (address === null) return false
  return networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** Does the work of a check that fails, so that an unknown key id takes as long as a wrong secret. */
async function refuseUnknown(store: TenantStore, token: string): Promise<never> {
  tokenMatches((await store.keys('pepper')).current, token, new Uint8Array(32))
  throw new LocketError('unauthenticated')
}
